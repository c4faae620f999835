"""Exchange rates: the market's of each day, which is made up but plausible, and those that people set instead."""

from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from zlib import crc32

from worker.sandbox.books.company import Company

_DAYS = 7
_DIGITS, _MILLI = Decimal("0.000001"), Decimal("0.001")
# A rate is within two hundredths of its usual value; a step is a ten thousandth of it.
_STEPS, _STEP = 200, Decimal("0.0001")
# What one unit of a currency is usually worth in US dollars; of others, a thousandth or up to a thousand of them.
_USUAL = {
    "AED": "0.2723",
    "ARS": "0.001",
    "AUD": "0.66",
    "BHD": "2.65",
    "BRL": "0.18",
    "CAD": "0.73",
    "CHF": "1.15",
    "CLP": "0.00106",
    "CNY": "0.14",
    "COP": "0.00025",
    "CZK": "0.044",
    "DKK": "0.147",
    "EGP": "0.0205",
    "EUR": "1.1",
    "GBP": "1.28",
    "HKD": "0.128",
    "HUF": "0.0027",
    "IDR": "0.000062",
    "ILS": "0.27",
    "INR": "0.012",
    "ISK": "0.0073",
    "JOD": "1.41",
    "JPY": "0.0067",
    "KES": "0.0077",
    "KRW": "0.00073",
    "KWD": "3.26",
    "MXN": "0.054",
    "MYR": "0.23",
    "NGN": "0.00065",
    "NOK": "0.094",
    "NZD": "0.61",
    "OMR": "2.6",
    "PEN": "0.266",
    "PHP": "0.0175",
    "PLN": "0.255",
    "QAR": "0.2747",
    "RON": "0.22",
    "SAR": "0.2667",
    "SEK": "0.096",
    "SGD": "0.75",
    "THB": "0.029",
    "TND": "0.325",
    "TRY": "0.029",
    "TWD": "0.031",
    "UAH": "0.024",
    "USD": "1",
    "VND": "0.00004",
    "ZAR": "0.055",
}


def rate(company: Company, currency: str, day: date) -> Decimal:
    """Return how many units of the home currency one unit of a currency is worth on a day."""
    chosen = company.get("ExchangeRate", key(currency, day))
    if chosen is not None:
        return Decimal(chosen["Rate"])
    return market(currency, company.traits.home_currency, day)


def key(currency: str, day: date) -> str:
    """Return the Id of the rate that somebody set for a currency and a day."""
    return f"{currency}-{day.isoformat()}"


def market(currency: str, home: str, day: date) -> Decimal:
    """Return the market's rate of a currency on a day, in units of another."""
    if currency == home:
        return Decimal(1)
    return (_worth(currency, day) / _worth(home, day)).quantize(_DIGITS, ROUND_HALF_UP)


def _worth(currency: str, day: date) -> Decimal:
    """Return the value of a currency in US dollars on a day: between its values of this Monday and of the next."""
    week, weekday = divmod(day.toordinal() - 1, _DAYS)
    steps = _deviation(currency, week) * (_DAYS - weekday) + _deviation(currency, week + 1) * weekday
    usual = Decimal(_USUAL[currency]) if currency in _USUAL else _MILLI * (1 + crc32(currency.encode()) % 999)
    return usual if currency == "USD" else usual * (1 + _STEP * steps / _DAYS)


def _deviation(currency: str, week: int) -> int:
    """Return how many steps a currency is above or below its usual worth at the beginning of a week."""
    return crc32(f"{currency} {week}".encode()) % (2 * _STEPS + 1) - _STEPS
