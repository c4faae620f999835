"""Quotes, companies and settings, with the result of each invoice, calculated by hand.

A person calculated the expected figures, with the arithmetic in comments; the bodies are in `bodies/`.
"""

from typing import Any

from msgspec import Struct

from tests import stories


class Expected(Struct, frozen=True):
    """QuickBooks' figures of the invoice, as exact text; a held deal has only its gate."""

    net: str | None = None
    tax: str | None = None
    total: str | None = None
    dated: str | None = "2026-05-05"  # noon in London is five in the morning in Los Angeles
    due: str | None = "2026-06-04"  # without terms of its own or of the customer: thirty days
    gate: str | None = None


class Case(Struct, frozen=True):
    """A won deal, and the data that determine its invoice.

    Attributes:
        name: The name of the file with the bodies.
        why: The rule that it shows.
        expected: The result, calculated by hand.
        deal: Fields of the deal beside those of `stories.deal`.
        quote: Fields of its quote.
        lines: Fields of each line of its quote.
        account: Fields of the account.
        company: The kind of company.
        traits: The company's differences from its kind.
        settings: The workspace's settings.
        at: When it is won.
        mapped: The customer that the account is mapped to; without it, a customer is created.
        refused_once: Whether the first invoice is rejected by closed books, and a person requests another.
    """

    name: str
    why: str
    expected: Expected
    deal: dict[str, Any] = {}
    quote: dict[str, Any] = {}
    lines: tuple[dict[str, Any], ...] = ({},)
    account: dict[str, Any] = {}
    company: str = "us"
    traits: dict[str, Any] = {}
    settings: dict[str, str] = {}
    at: str = "2026-05-05T12:00:00+00:00"
    mapped: str | None = None
    refused_once: bool = False


NEW_YORK = {
    "line1": "1 Main Street",
    "city": "Albany",
    "region": "NY",
    "postal_code": "12207",
    "country": "USA",
}
LONDON = {"line1": "1 High Street", "city": "London", "postal_code": "SW1A 1AA", "country": "GBR"}

UNITED_STATES = (
    Case(
        "us",
        "A US company: lines are TAX or NON; terms by name; nothing else than what was quoted.",
        # 12 x 49.995 = 599.94, and 1 x 100 = 100.00 without tax. 8 % of 599.94 is 47.9952.
        Expected(net="699.94", tax="48.00", total="747.94", due="2026-07-04"),
        quote={"total": "699.94"},
        lines=(
            {"description": "May to July", "service_date": "2026-05-01"},
            {
                "product_id": "P-2",
                "sku": "ONB",
                "name": "Onboarding",
                "quantity": "1",
                "unit_price": "100",
                "taxable": False,
            },
        ),
        account={
            "email": "ap@acme.example",
            "phone": "+1 555 0100",
            "billing_address": NEW_YORK,
            "shipping_address": NEW_YORK | {"line2": "Dock 4"},
        },
        settings={"terms": "net 60"},
    ),
    Case(
        "us-discounts",
        "A line's discount is in its rate; the quote's is the discount line, and comes off before tax; shipping.",
        # 12 x 49.995 less 10 % = 539.946, so 539.95 at a rate of 44.9955. With shipping 552.45; 50.00 off: 502.45.
        # Tax on 539.95 less its share of the 50.00: 539.95 x 502.45 / 552.45 = 491.0815; 8 % of that is 39.2865.
        Expected(net="502.45", tax="39.29", total="541.74"),
        quote={"discount": {"amount": "50.00"}, "shipping": "12.50", "total": "502.45"},
        lines=({"discount": {"percent": "10"}},),
    ),
    Case(
        "us-moved-cent",
        "Three lines that round to 0.99 were signed as 1.00: one bears the cent, its rate too, and its terms are told.",
        # 0.33 + 0.34 + 0.33; the second was 0.334. 8 % of 1.00.
        Expected(net="1.00", tax="0.08", total="1.08"),
        quote={"total": "1.00"},
        lines=tuple({"quantity": "1", "unit_price": price} for price in ("0.333", "0.334", "0.333")),
    ),
    Case(
        "us-amount-alone",
        "Of a million, no rate of seven decimals gives the amount: it is sent alone, its terms in the description.",
        # 1,000,001 x 0.33333333 = 333,333.66333333. Steps of a ten millionth are ten cents there. 8 %: 26,666.6928.
        Expected(net="333333.66", tax="26666.69", total="360000.35"),
        quote={"total": "333333.66"},
        lines=({"quantity": "1000001", "unit_price": "0.33333333"},),
    ),
    Case(
        "us-without-tax",
        "A quote without tax: every line is NON, whatever it says.",
        Expected(net="599.94", tax="0.00", total="599.94"),
        quote={"tax_mode": "none"},
    ),
    Case(
        "us-automated-tax",
        "Automated sales tax goes by the customer's address, which the invoice does not repeat.",
        # New York: 8.875 % of 599.94 is 53.244675.
        Expected(net="599.94", tax="53.24", total="653.18"),
        account={"shipping_address": NEW_YORK},
        company="us-ast",
    ),
    Case(
        "us-mapped-customer",
        "A customer that somebody mapped is not touched, and the CRM is told which one it is.",
        Expected(net="599.94", tax="48.00", total="647.94"),
        mapped="2",
    ),
    Case(
        "us-evening",
        "Half past eight in the evening of the 31st in Los Angeles is the 1st in London: the invoice is of May.",
        # 31 May and thirty days.
        Expected(net="599.94", tax="48.00", total="647.94", dated="2026-05-31", due="2026-06-30"),
        at="2026-06-01T03:30:00+00:00",
    ),
    Case(
        "us-zone-chosen",
        "The same instant for a workspace that chose London's time.",
        Expected(net="599.94", tax="48.00", total="647.94", dated="2026-06-01", due="2026-07-01"),
        settings={"time_zone": "Europe/London"},
        at="2026-06-01T03:30:00+00:00",
    ),
    Case(
        "us-own-numbers",
        "A company that numbers invoices itself: the number is the deal's, cut to 21 characters and still its own.",
        Expected(net="599.94", tax="48.00", total="647.94"),
        deal={"deal_id": "D-2026-EMEA-RENEWAL-0017"},
        traits={"custom_transaction_numbers": True},
    ),
    Case(
        "us-second-generation",
        "The books were closed, a person asked again: the second generation has a number and a mark of its own.",
        Expected(net="599.94", tax="48.00", total="647.94"),
        traits={"custom_transaction_numbers": True},
        refused_once=True,
    ),
    Case(
        "us-long-texts",
        "Texts that do not fit are cut or left out field by field; a person can read what; the mark is whole.",
        Expected(net="599.94", tax="48.00", total="647.94"),
        deal={"name": "Renewal: Ünïcode 🚀 {deal_id}", "po_number": "PO-" + "8" * 4000},
        lines=(
            {"name": "Platform: seat " + "x" * 90, "sku": "S" * 101, "description": "line\r\n" + "y" * 4000},
        ),
        account={
            "name": "Acme: " + "Holdings " * 60,
            "email": "Ann <ann@acme.example>; bo@acme.example; " + "z" * 90 + "@acme.example",
            "phone": "+1 555 0100 (office) / +1 555 0199 (mobile)",
            "billing_address": {"line1": "Floor 3\nTower B", "line2": "w" * 501, "postal_code": "9" * 31},
        },
        settings={"memo": "{deal_name}, {po_number}"},
    ),
    Case(
        "us-held",
        "Nobody switched automatic invoicing on: no invoice, and the CRM is told why.",
        Expected(gate="auto_invoice_off"),
        settings={"auto_invoice": "false"},
    ),
)
ELSEWHERE = (
    Case(
        "uk",
        "A UK company: the id of a tax code on every line, shipping as the first; the currency is said.",
        # 2 x 50 at 20 % and 1 x 40 at 5 %, shipping 10.00 at 20 %: 22.00 and 2.00.
        Expected(net="150.00", tax="24.00", total="174.00", due="2026-05-20"),
        deal={"currency": "GBP"},
        quote={"shipping": "10.00", "total": "150.00"},
        lines=(
            {"quantity": "2", "unit_price": "50", "tax_code": "20.0% S"},
            {"quantity": "1", "unit_price": "40", "tax_code": "5.0% r"},
        ),
        account={"currency": "GBP", "billing_address": LONDON},
        company="uk",
        settings={"terms": "Net 15"},
    ),
    Case(
        "uk-without-tax",
        "A quote without tax to a UK company: no code on any line, and QuickBooks is told that none applies.",
        Expected(net="599.94", tax="0.00", total="599.94"),
        deal={"currency": "GBP"},
        quote={"tax_mode": "none"},
        account={"currency": "GBP"},
        company="uk",
    ),
    Case(
        "uk-euro",
        "A foreign customer of a company with several currencies.",
        # 20 % of 599.94 is 119.988.
        Expected(net="599.94", tax="119.99", total="719.93"),
        deal={"currency": "EUR"},
        lines=({"tax_code": "20.0% S"},),
        account={"currency": "EUR"},
        company="uk",
    ),
    Case(
        "uk-yen",
        "Yen are whole: 3 x 33.5 is 101, so QuickBooks gets the rate that gives 101.",
        # 100.5 is 101 yen. 3 x 33.67 = 101.01, 3 x 33.66 = 100.98, but 3 x 33.666 = 100.998, so 101.00. No tax on it.
        Expected(net="101", tax="0", total="101"),
        deal={"currency": "JPY"},
        quote={"total": "101"},
        lines=({"quantity": "3", "unit_price": "33.5", "tax_code": "0.0% Z"},),
        account={"currency": "JPY"},
        company="uk",
    ),
    Case(
        "uk-dinar",
        "Dinars have three digits, of which QuickBooks keeps two: 20.25 is billed, and told as 20.250.",
        # 2 x 10.125 = 20.25, 20 % of it 4.05.
        Expected(net="20.250", tax="4.050", total="24.300"),
        deal={"currency": "KWD"},
        quote={"total": "20.250"},
        lines=({"quantity": "2", "unit_price": "10.125", "tax_code": "20.0% S"},),
        account={"currency": "KWD"},
        company="uk",
    ),
    Case(
        "uk-dinar-held",
        "A total of a thousandth of a dinar can't be billed in QuickBooks.",
        Expected(gate="quote_total_differs"),
        deal={"currency": "KWD"},
        quote={"total": "10.125"},
        lines=({"quantity": "1", "unit_price": "10.125", "tax_code": "20.0% S"},),
        account={"currency": "KWD"},
        company="uk",
    ),
    Case(
        "ca",
        "A Canadian company: the code of the province; a discount comes off before tax without being told.",
        # 599.94 less 99.94 is 500.00; 13 % of it 65.00.
        Expected(net="500.00", tax="65.00", total="565.00"),
        deal={"currency": "CAD"},
        quote={"discount": {"amount": "99.94"}, "total": "500.00"},
        lines=({"tax_code": "HST ON"},),
        account={"currency": "CAD"},
        company="ca",
    ),
)
CASES = (*UNITED_STATES, *ELSEWHERE)


def quote_of(case: Case) -> dict[str, Any]:
    """Return the quote of a case as the CRM sends it."""
    lines = [
        {**stories.LINE, "line_id": str(place), **line} for place, line in enumerate(case.lines, start=1)
    ]
    return {**stories.QUOTE, "lines": lines, **case.quote}
