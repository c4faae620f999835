"""Find the time zone of a company, if its address and country allow exactly one.

QuickBooks does not state a time zone. An offset does not determine one: many zones share an offset and differ twice a
year. A zone that is merely likely is not used: it would date an evening's invoices on the wrong day.
"""

import functools
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from worker.geography.countries import country_code, folded, rows
from worker.geography.regions import BY_POSTAL_CODE, EXCEPT, MOSTLY, NAMES, TERRITORIES, ZONES

AHEAD = timedelta(days=3 * 366)
CHOICES_SHOWN = 4
_TELLING = ("Country", "CountrySubDivisionCode", "PostalCode")


class Found(Struct, frozen=True):
    """A zone if there is exactly one; `reason` says how it was found, or why there is none."""

    zone: str | None
    reason: str


def zone_of(company: dict[str, Any], now: datetime) -> Found:
    """Find the zone of a company by its `CompanyInfo` in QuickBooks."""
    country = country_code(company.get("Country"))
    address = _address(company)
    written = address.get("Country") or company.get("Country")
    place = country_code(written) or (country if not address.get("Country") else None)
    if place is None:
        said = f"in {written!r}, which is no country known here" if written else "in no country that it says"
        return Found(None, f"the company is {said}")
    if country is not None and place != country and place not in TERRITORIES.get(country, ()):
        return Found(None, f"the company is in {country}, and its address in {place}")
    region, postal_code = address.get("CountrySubDivisionCode"), address.get("PostalCode")
    where = ", ".join(str(part) for part in (region, place) if part)
    if postal_code:
        where += f", {postal_code}"
    found = list(_one_of_each(_candidates(place, region, str(postal_code or "")), now.date().toordinal()))
    if len(found) == 1:
        return Found(
            found[0], f"the company's address is in {where}" if address else f"the company is in {place}"
        )
    choices = ", ".join(found[:CHOICES_SHOWN]) + (" or another one" if len(found) > CHOICES_SHOWN else "")
    kept = f"which may be {choices}" if found else "where another time may be kept than around it"
    return Found(None, f"the company is in {where}, {kept}")


def _address(company: dict[str, Any]) -> dict[str, Any]:
    """Return the company's address, otherwise its registered address; empty if it has neither."""
    for kind in ("CompanyAddr", "LegalAddr"):
        address = company.get(kind)
        if isinstance(address, dict) and any(address.get(name) for name in _TELLING):
            return address
    return {}


def _candidates(country: str, region: str | None, postal_code: str) -> Sequence[str]:
    """Return the possible zones of a place."""
    for home, territories in TERRITORIES.items():
        if home == "US" and country in territories:
            country, region = home, country
    code = _region_code(country, region)
    postal = postal_code.upper().replace(" ", "")
    for key in ((country, code), (country, None)):
        if postal and postal.startswith(tuple(EXCEPT.get(key, "-").split())):
            return ()
        for zone, beginnings in BY_POSTAL_CODE.get(key, {}).items():
            if postal.startswith(tuple(beginnings.split())):
                return [zone]
    if country in ZONES:
        return _of_region(country, code) if code else _every_zone(country)
    return [MOSTLY[country]] if country in MOSTLY else _every_zone(country)


def _of_region(country: str, code: str) -> Sequence[str]:
    return next(zones.split() for zones, codes in ZONES[country].items() if code in codes.split())


def _region_code(country: str, written: str | None) -> str | None:
    """Return the code of a region by its code or name; None for an unknown one."""
    text = folded(written).removeprefix(f"{country.lower()}-")
    return _regions(country).get(text)


@functools.cache
def _regions(country: str) -> dict[str, str]:
    known = {code.lower(): code for codes in ZONES.get(country, {}).values() for code in codes.split()}
    for pair in NAMES.get(country, "").split(","):
        code, _, name = " ".join(pair.split()).partition(" ")
        known[folded(name)] = code
    return known


@functools.cache
def _every_zone(country: str) -> Sequence[str]:
    return [zone for code, _, zone, *_ in rows("zone.tab") if code == country]


def _one_of_each(zones: Sequence[str], day: int) -> Sequence[str]:
    """Return the first of each group of zones that keep the same time from a day on."""
    return list({_local_times(zone, day): zone for zone in reversed(zones)}.values())[::-1]


@functools.lru_cache(maxsize=512)
def _local_times(zone: str, day: int) -> tuple[timedelta | None, ...]:
    start = datetime.fromordinal(day).replace(hour=12, tzinfo=ZoneInfo(zone))
    return tuple((start + timedelta(days=days)).utcoffset() for days in range(AHEAD.days))
