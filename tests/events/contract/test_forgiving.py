"""An event with small deviations is accepted; its meaning is never guessed."""

from decimal import Decimal
from typing import Any

import msgspec
import msgspec.inspect as declared
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.contract import json
from events.contract.catalog import TYPES
from events.contract.envelope import Event, as_cloudevent, own_event
from events.contract.forgiving import INTEGER_MAX
from tests import stories
from tests.events.facts import amounts, facts
from tests.events.samples import NOW, made, refusal, structured

ARRIVING = sorted(name for name, known in TYPES.items() if known.direction == "in")
LONG = "Kühlung & Söhne " * 5000
NOTHING: tuple[Any, ...] = (None, "", "  ", [], {}, False)

DEAL: dict[str, Any] = {
    "owner": "kim",
    "po_number": "PO-1",
    "closed_at": "2026-05-05T16:30:12Z",
    "billing_schedule": [{"entry": 1, "on": "signature", "percent": "100"}],
    "quote": {
        **stories.QUOTE,
        "discount": {"percent": "10"},
        "shipping": "5",
        "lines": [
            {
                **stories.LINE,
                "description": "May",
                "discount": {"amount": "5"},
                "taxable": True,
                "tax_code": "standard",
                "service_date": "2026-05-01",
            }
        ],
    },
}
ADDRESS = {
    "line1": "1 Main St",
    "line2": "b",
    "city": "c",
    "region": "CA",
    "postal_code": "1",
    "country": "US",
}
ACCOUNT: dict[str, Any] = {
    "domain": "acme.example",
    "tax_id": "1",
    "email": "a@acme.example",
    "phone": "1",
    "currency": "USD",
    "billing_address": ADDRESS,
    "shipping_address": ADDRESS,
    "customer": {"realm": "1111", "customer_id": "58"},
}
DOCUMENTS = [
    stories.deal(**DEAL),
    stories.account(**ACCOUNT),
    stories.contract("sent", reason="x", sent_at="2026-05-01T00:00:00Z"),
]


def places(info: Any, path: tuple[Any, ...] = (), *, needed: bool = False) -> list[tuple[Any, ...]]:
    """Yield every optional, or every required, field of a type at any depth."""
    if isinstance(info, declared.UnionType):
        return [place for one in info.types for place in places(one, path, needed=needed)]
    if isinstance(info, declared.VarTupleType):
        return places(info.item_type, (*path, 0), needed=needed)
    if not isinstance(info, declared.StructType):
        return []
    own = [(*path, field.encode_name) for field in info.fields if field.required == needed]
    below = (places(field.type, (*path, field.encode_name), needed=needed) for field in info.fields)
    return own + [place for found in below for place in found]


OPTIONAL = [
    pytest.param(document, path, id=f"{document['type'].split('.')[2]}-{'.'.join(map(str, path))}")
    for document in DOCUMENTS
    for path in places(declared.type_info(TYPES[document["type"]].payload))
]


def put(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return data with another value at an existing place."""
    copy = msgspec.json.decode(msgspec.json.encode(data))
    place = copy
    for step in path[:-1]:
        place = place[step]
    assert path[-1] in place, "the test's document holds every field"
    place[path[-1]] = value
    return copy


def without(data: Any, path: tuple[Any, ...]) -> Any:
    copy = put(data, path, None)
    place = copy
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return copy


def of(document: dict[str, Any], data: Any) -> Event:
    return made({**document, "data": data})


def told(value: Any) -> Any:
    """Return data without its empty values."""
    if isinstance(value, dict):
        kept = {name: told(item) for name, item in value.items()}
        return {
            name: item
            for name, item in kept.items()
            if not (isinstance(item, str) and not item.strip()) and item != {}
        }
    return [told(item) for item in value] if isinstance(value, list) else value


def says(event: Event) -> Any:
    return told(msgspec.json.decode(json.encode(event.payload)))


@pytest.mark.parametrize("nothing", NOTHING, ids=repr)
@pytest.mark.parametrize(("document", "path"), OPTIONAL)
def test_an_optional_field_may_be_empty(
    document: dict[str, Any], path: tuple[Any, ...], nothing: Any
) -> None:
    data = document["data"]
    if path[-1] in {"percent", "amount"} or (path[-1] == "taxable" and nothing is False):
        return  # one of the two is required, and has its own test; and `taxable: false` is a value
    assert says(of(document, put(data, path, nothing))) == says(of(document, without(data, path)))


@pytest.mark.parametrize("path", [("closed_at",), ("quote", "lines", 0, "service_date")])
def test_a_zero_date_of_a_database_is_no_date(path: tuple[Any, ...]) -> None:
    data = DOCUMENTS[0]["data"]
    absent = of(DOCUMENTS[0], without(data, path)).payload
    for nothing in ("0000-00-00", " 0000-00-00 00:00:00", "0000-00-00T00:00:00Z"):
        assert of(DOCUMENTS[0], put(data, path, nothing)).payload == absent


TEXTS = [
    *(("owner",), ("po_number",), ("name",)),
    *(("quote", "lines", 0, name) for name in ("name", "sku", "description", "tax_code")),
    *((name,) for name in ("domain", "tax_id", "email", "phone")),
    *((kind, name) for kind in ("billing_address", "shipping_address") for name in ADDRESS),
    ("reason",),
]


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_a_text_has_no_bound_but_its_events_and_may_be_a_number(path: tuple[Any, ...]) -> None:
    for document in DOCUMENTS:
        if path[0] in document["data"]:
            data = document["data"]
            event = of(document, put(data, path, LONG))
            assert event.data == json.encode(put(data, path, LONG)), "kept as it came"
            number = of(document, put(data, path, 94103))
            assert number.payload == of(document, put(data, path, "94103")).payload


@pytest.mark.parametrize("nothing", [None, "", [], {}])
@pytest.mark.parametrize(
    ("document", "path"),
    [
        pytest.param(document, path, id=f"{document['type'].split('.')[2]}-{'.'.join(map(str, path))}")
        for document in DOCUMENTS
        for path in places(declared.type_info(TYPES[document["type"]].payload), needed=True)
    ],
)
def test_an_empty_required_field_is_refused_by_name(
    document: dict[str, Any], path: tuple[Any, ...], nothing: Any
) -> None:
    data = put(document["data"], path, nothing)
    refused = refusal(made, {**document, "data": data})
    if path[-1] == "lines" and nothing in (None, []):
        assert refused is None, "a quote without lines has none"
        return
    assert refused is not None
    named = "data" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    assert (refused.reason, refused.field) == ("schema_invalid", named)


def line(**fields: Any) -> Any:
    quote = {**stories.QUOTE, "lines": [{**stories.LINE, **fields}]}
    return made(stories.deal(quote=quote)).payload.quote.lines[0]


@pytest.mark.parametrize(
    ("written", "number"),
    [
        *((12, "12"), (49.995, "49.995"), (0, "0"), (-3, "-3"), (0.0000000001, "0.0000000001")),
        *((" 12 ", "12"), ("+12.5", "12.5"), (".5", "0.5"), ("5.", "5"), ("1.50000000000000", "1.5")),
        *(("12.50", "12.50"), ("-.25", "-0.25"), ("007", "7")),
    ],
)
def test_an_amount_is_the_number_that_was_written(written: Any, number: str) -> None:
    quantity = line(quantity=written).quantity
    assert quantity == Decimal(number)
    assert format(quantity, "f") == number


@pytest.mark.parametrize(
    "written",
    ["1,5", "1 000", "1e3", "NaN", "12 USD", "", " ", "٣", True, [], {}, 1e300, 0.1 + 0.2, "0x1", "--1"],
)
def test_an_ambiguous_number_is_refused(written: Any) -> None:
    refused = refusal(line, quantity=written)
    assert refused is not None
    assert refused.field == "data.quote.lines[0].quantity"


@pytest.mark.parametrize(
    "number", [b"12345678901234.0123456789", b"0.1000000000", b"99999999999999.99", b"1E2"]
)
def test_a_number_of_json_is_read_to_its_last_digit(number: bytes) -> None:
    raw = msgspec.json.encode(stories.deal()).replace(b'"49.995"', number)
    assert structured(raw).payload.quote.lines[0].unit_price == Decimal(number.decode())


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity"])
def test_an_invalid_json_number_is_refused(number: bytes) -> None:
    refused = refusal(structured, msgspec.json.encode(stories.deal()).replace(b'"49.995"', number))
    assert refused is not None
    assert refused.reason == "undecodable"


@pytest.mark.parametrize(
    ("fields", "read"),
    [
        ({"currency": " usd"}, ("currency", "USD")),
        ({"revision": " 4 "}, ("revision", 4)),
        ({"revision": 4.0}, ("revision", 4)),
        ({"stage": "Closed Won"}, ("stage", "closed_won")),
        ({"deal_id": 17}, ("deal_id", "17")),
        ({"account_id": INTEGER_MAX}, ("account_id", str(INTEGER_MAX))),
        ({"name": 2026}, ("name", "2026")),
        ({"owner": 1.50}, ("owner", "1.5")),
    ],
)
def test_an_unambiguous_value_is_read(fields: dict[str, Any], read: tuple[str, Any]) -> None:
    assert getattr(made(stories.deal(**fields)).payload, read[0]) == read[1]


@pytest.mark.parametrize(
    "fields",
    [
        *(
            {"deal_id": value}
            for value in (1.5, -1, INTEGER_MAX + 1, True, "x" * 129, "a\n", "", None, ["D-1"])
        ),
        *({"currency": value} for value in ("US$", "dollar", "uß", 840, "US D", "")),
        *({"revision": value} for value in ("4.5", "v4", "٤", True, -1, "9" * 17)),
        *({"stage": value} for value in ("won", "closed", "", 3)),
        {"closed_at": "2026-05-05"},
        {"closed_at": 1714608000},
        {"quote": "Q-1"},
    ],
)
def test_an_ambiguous_value_is_refused_and_not_guessed(fields: dict[str, Any]) -> None:
    [(name, value)] = fields.items()
    data = {**stories.deal()["data"], name: value}
    refused = refusal(made, {**stories.deal(), "data": data})
    assert refused is not None
    assert refused.field == f"data.{name}"


@pytest.mark.parametrize(
    "day", ["2026-05-01T00:00:00Z", "2026-05-01 00:00:00", " 2026-05-01", "2026-05-01T00:00:00.000+0200"]
)
def test_a_midnight_is_its_day(day: str) -> None:
    assert str(line(service_date=day).service_date) == "2026-05-01"


def test_another_instant_is_no_day() -> None:
    refused = refusal(line, service_date="2026-05-01T07:00:00Z")
    assert refused is not None
    assert refused.field == "data.quote.lines[0].service_date"


@pytest.mark.parametrize(
    ("discount", "read"),
    [
        (None, (None, None)),
        ({}, (None, None)),
        ([], (None, None)),
        ({"percent": None, "amount": ""}, (None, None)),
        ({"amount": None}, (None, None)),
        ({"percent": "10", "amount": "0.00"}, ("10", None)),
        ({"percent": 0, "amount": 5}, (None, "5")),
        ({"percent": "0", "amount": "0"}, ("0", None)),
    ],
)
def test_a_zero_discount_is_ignored(discount: Any, read: tuple[Any, Any]) -> None:
    found = line(discount=discount).discount
    expected = tuple(None if part is None else Decimal(part) for part in read)
    assert (found.percent if found else None, found.amount if found else None) == expected


def test_unknown_fields_stay_as_they_are() -> None:
    later = {"null": None, "empty": "", "list": [None], "number": 5}
    event = made(stories.deal(closed_at="", later=later))
    assert msgspec.json.decode(event.data)["later"] == later


def test_a_converted_event_equals_the_valid_one() -> None:
    right = made(stories.deal("17"))
    [line_] = stories.QUOTE["lines"]
    spelled = {
        **stories.QUOTE,
        "revision": "1",
        "lines": [{**line_, "quantity": 12, "discount": {}, "taxable": None}],
    }
    document = stories.deal("17", quote=spelled)
    data = {**document["data"], "deal_id": 17, "closed_at": "", "billing_schedule": None}
    event = made({**document, "data": data})
    assert event.payload == right.payload
    assert json.different_fields(event.data, right.data) == []


@given(st.sampled_from(ARRIVING), st.data())
def test_valid_data_is_never_changed(name: str, data: st.DataObject) -> None:
    fact = data.draw(facts(TYPES[name].payload))
    event = own_event(name, fact, workspace="acme", source="s", time=NOW, id="1")
    assert structured(json.encode(as_cloudevent(event)).encode()).data == event.data


@given(st.sampled_from(DOCUMENTS), st.data())
def test_a_converted_event_is_read_back_unchanged(document: dict[str, Any], data: st.DataObject) -> None:
    where = places(declared.type_info(TYPES[document["type"]].payload))
    spoilt = document["data"]
    for path in data.draw(st.lists(st.sampled_from(where), max_size=3, unique=True)):
        if any(path[: len(other)] == other for other in where if other != path):
            continue  # its parent may be gone
        spoilt = put(spoilt, path, data.draw(st.sampled_from(NOTHING)))
    event = of(document, spoilt)
    again = structured(json.encode(as_cloudevent(event)).encode())
    assert again == event


@given(amounts(), st.booleans(), st.sampled_from(["", " ", "\t"]))
def test_an_amount_is_exact_however_it_is_written(amount: Decimal, as_number: bool, blank: str) -> None:
    text = format(amount, "f")
    value = (
        json.parse(text.encode())
        if as_number
        else f"{blank}{'' if text.startswith('-') else '+'}{text}{blank}"
    )
    raw = json.encode_numbers(
        {**stories.deal()["data"], "quote": {**stories.QUOTE, "lines": [{**stories.LINE, "quantity": value}]}}
    )
    event = structured(msgspec.json.encode({**stories.deal(), "data": msgspec.Raw(raw.encode())}))
    assert event.payload.quote.lines[0].quantity == amount


@given(st.integers(0, INTEGER_MAX), st.integers(0, INTEGER_MAX))
def test_two_numbers_are_two_deals(one: int, other: int) -> None:
    deals = [made(stories.deal(number)).payload.deal_id for number in (one, other)]  # type: ignore[arg-type] # as sent
    assert (deals[0] == deals[1]) == (one == other)
