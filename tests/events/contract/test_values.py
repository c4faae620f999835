"""A value is within its limits, or its field is refused: it is never rounded, trimmed or guessed."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from events.contract import json
from events.contract.crm import Discount, ScheduleEntry
from events.contract.values import (
    PLAIN_DECIMAL,
    Amount,
    Currency,
    Identifier,
    Instant,
    Name,
    Percent,
    PositiveAmount,
    Revision,
    Workspace,
    cents,
)
from events.log.tables import UtcInstant
from tests.events.facts import amounts
from tests.events.samples import refusal


@pytest.mark.parametrize(
    "text", ["0", "-0", "1", "-1.5", "12.50", "007", "9" * 15, f"-{'9' * 15}.{'9' * 10}", "0.0000000001"]
)
def test_a_plain_decimal_is_read_digit_for_digit(text: str) -> None:
    amount = json.convert(text, Amount)
    assert (amount, str(format(amount, "f"))) == (Decimal(text), str(format(Decimal(text), "f")))
    assert isinstance(amount, Amount)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "1 ", " 1", "1\n", "+1", ".5", "5.", "1,5", "1_000", "1e3", "1E-2", "0x1", "--1", "-"),
        *(
            "NaN",
            "nan",
            "sNaN",
            "Infinity",
            "-inf",
            "٣",
            "1.٣",
            "\uff11",
            "½",
            "1" * 16,
            "0." + "1" * 11,
            "1" * 10_000,
        ),
    ],
)
def test_anything_else_is_no_amount(text: str) -> None:
    refused = refusal(json.convert, text, Amount)
    assert refused is not None
    assert refused.reason == "schema_invalid"
    assert "plain decimal" in refused.detail
    assert len(refused.detail) < 200, "whatever was sent"


@pytest.mark.parametrize("value", [1, 1.5, True, None, [], {}, Decimal("1.5")])
def test_a_number_that_is_not_written_as_text_is_no_amount(value: object) -> None:
    assert refusal(json.convert, value, Amount) is not None


@given(st.text(max_size=30) | st.from_regex(PLAIN_DECIMAL))
def test_any_text_is_an_amount_exactly_where_it_is_a_plain_decimal(text: str) -> None:
    accepted = refusal(json.convert, text, Amount) is None
    assert accepted == bool(PLAIN_DECIMAL.fullmatch(text))


@given(amounts())
def test_an_amount_is_written_so_that_it_is_read_back(amount: Amount) -> None:
    again = json.decode(json.encode(amount), Amount)
    assert again.as_tuple() == amount.as_tuple()


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (PositiveAmount, ["0", "-0", "0.0", "999999999999999.99"], ["-0.0000000001", "-1"]),
        (Percent, ["0", "100", "100.0000000000", "33.3333333333"], ["-1", "100.0000000001", "101"]),
    ],
)
def test_bounds_hold_to_the_last_digit(kind: type[Amount], good: list[str], bad: list[str]) -> None:
    assert [json.convert(text, kind) for text in good] == [Decimal(text) for text in good]
    for text in bad:
        refused = refusal(json.convert, text, kind)
        assert refused is not None
        assert f"got {text!r}" in refused.detail


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Identifier, ["x", "a/b", "é 1", "x" * 128, "\u2028"], ["", "x" * 129]),
        (Workspace, ["a", "0", "a-b_c", "a" * 63], ["", "-a", "_a", "A", "a.b", "a" * 64, "a\n", "ä", "a/b"]),
        (Currency, ["USD", "XXX"], ["usd", "US", "USDX", "USD\n", "", "ÜSD", "U D"]),
        (Name, ["x", "x" * 100_000, "\n"], [""]),
        (Revision, [0, 2**53 - 1], [-1, 2**53, 1.5, "1", True, None]),
        (
            Instant,
            ["2026-05-05T16:30:12Z", "2026-05-05T16:30:12.123456+05:45", "0001-01-01T00:00:00Z"],
            [
                "2026-05-05",
                "2026-05-05T16:30:12",
                "2026-02-30T00:00:00Z",
                "2026-05-05T24:00:00Z",
                0,
                "now",
                "",
            ],
        ),
    ],
    ids=["identifier", "workspace", "currency", "name", "revision", "instant"],
)
def test_a_fields_valid_and_invalid_values(kind: Any, good: list[object], bad: list[object]) -> None:
    assert [value for value in good if refusal(json.convert, value, kind)] == []
    assert [value for value in bad if not refusal(json.convert, value, kind)] == []


@given(st.text(max_size=10), st.sampled_from([Workspace, Currency]))
def test_no_control_character_gets_into_a_key(text: str, kind: Any) -> None:
    if refusal(json.convert, text, kind) is None:
        assert not any(character < " " or character == "\x7f" for character in text)


@pytest.mark.parametrize(
    ("data", "fits"),
    [
        ({"percent": "10"}, True),
        ({"amount": "10"}, True),
        ({"percent": "0"}, True),
        ({"percent": "10", "amount": None}, True),
        ({}, False),
        ({"percent": "10", "amount": "10"}, False),
        ({"percent": "0", "amount": "0"}, False),
        ({"percent": None, "amount": None}, False),
    ],
)
def test_a_discount_is_a_percent_or_an_amount(data: dict[str, str | None], fits: bool) -> None:
    assert (refusal(json.convert, data, Discount) is None) == fits


@pytest.mark.parametrize(
    ("on", "fits"),
    [
        *(("signature", True), ("2026-08-01", True), ("2028-02-29", True)),
        *(("2026-02-29", False), ("2026-13-01", False), ("signature\n", False), ("2026-08-01\n", False)),
        *(
            ("", False),
            ("Signature", False),
            ("2026-8-1", False),
            ("٢٠٢٦-08-01", False),
            ("0000-01-01", False),
        ),
    ],
)
def test_a_part_is_due_on_signature_or_on_a_day_that_exists(on: str, fits: bool) -> None:
    refused = refusal(json.convert, {"entry": 1, "on": on, "percent": "50"}, ScheduleEntry)
    assert (refused is None) == fits


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [
        *(
            ("0.005", "0.01"),
            ("0.0049999999", "0.00"),
            ("-0.005", "-0.01"),
            ("2.675", "2.68"),
            ("1.005", "1.01"),
        ),
        *(("1", "1.00"), ("1e3", "1000.00"), ("-0", "-0.00")),
    ],
)
def test_cents_are_rounded_half_up(exact: str, rounded: str) -> None:
    assert str(cents(Decimal(exact))) == rounded


@given(amounts(), amounts())
def test_every_quantity_times_price_has_cents(quantity: Amount, unit_price: Amount) -> None:
    product = quantity * unit_price
    assert abs(cents(product) - product) <= Decimal("0.005")
    assert cents(cents(product)) == cents(product)


def test_the_largest_product_has_cents() -> None:
    most = Amount.parse("9" * 15)
    assert cents(most * most) == most * most


def test_optional_fields_that_are_not_set_do_not_travel() -> None:
    assert json.encode(Discount(percent=Percent("10"))) == '{"percent":"10"}'


@pytest.mark.parametrize("url", ["sqlite://", "postgresql+asyncpg://"])
def test_an_instant_without_a_zone_is_no_instant(url: str) -> None:
    dialect = sa.make_url(url).get_dialect()()
    with pytest.raises(ValueError, match="needs a time zone"):
        UtcInstant().bind_processor(dialect)(datetime(2026, 5, 5))  # noqa: DTZ001 - as meant


@given(
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)),  # noqa: DTZ001 - the zone follows
    st.integers(-14 * 60, 14 * 60),
)
def test_instants_in_a_file_are_as_sqlalchemy_writes_them_in_utc(naive: datetime, minutes: int) -> None:
    instant = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    dialect = sa.make_url("sqlite://").get_dialect()()
    theirs: Any = sa.DateTime().dialect_impl(dialect)
    ours: Any = UtcInstant()
    written = ours.bind_processor(dialect)(instant)
    assert written == theirs.bind_processor(dialect)(instant.astimezone(UTC))
    read = ours.result_processor(dialect, None)(written)
    assert read == instant
    assert read.tzinfo is UTC


def test_facts_do_not_change() -> None:
    discount = Discount(percent=Percent("10"))
    with pytest.raises(AttributeError):
        discount.percent = Percent("20")  # type: ignore[misc]
    assert msgspec.structs.replace(discount, percent=Percent("20")) != discount
