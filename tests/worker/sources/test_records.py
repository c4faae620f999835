"""Every message of Kafka becomes an event or a dead letter; an event is the same over Kafka and HTTP."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.contract import catalog
from events.contract.catalog import TYPES
from events.contract.envelope import Event, own_event
from events.database.port import Database
from events.errors import InvalidEvent
from events.log.dead_letters import LetterLimits, listed
from events.log.intake import Received, Record
from tests import stories
from tests.events.facts import facts
from tests.events.samples import NOW, made, whole_log
from tests.worker.streams import STRUCTURED
from worker.kafka.messages import Message, encode
from worker.migrations.schema import migrate
from worker.runtime.environment import Environment
from worker.services import open_database
from worker.sources.records import Arrival, next_offsets, read, receive
from worker.workspaces import tenants

PRODUCED_AT = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)


def arrival(value: bytes | None, headers: Any = (), offset: int = 7, **more: Any) -> Arrival:
    return Arrival(
        **{
            "topic": catalog.DEALS,
            "partition": 3,
            "offset": offset,
            "value": value,
            "headers": list(headers),
            "timestamp_seconds": PRODUCED_AT.timestamp(),
            **more,
        }
    )


def arrived(message: Message) -> Record:
    return read(arrival(message.value, message.headers), NOW)


def binary(document: dict[str, Any], **changed: str | None) -> Arrival:
    """Return a message in binary mode, as any client may write it."""
    attributes = {name: value for name, value in document.items() if name != "data"} | changed
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items() if value is not None]
    return arrival(msgspec.json.encode(document["data"]), [*headers, ("content-type", b"application/json")])


def structured(document: dict[str, Any]) -> Arrival:
    return arrival(msgspec.json.encode(document), STRUCTURED)


DEAL = {**stories.deal(), "workspace": "acme"}


@pytest.mark.parametrize(
    "known", [known for known in TYPES.values() if known.direction == "in"], ids=lambda k: k.name
)
@settings(max_examples=10)
@given(data=st.data())
def test_a_written_message_is_read_back_unchanged(known: Any, data: st.DataObject) -> None:
    fact = data.draw(facts(known.payload))
    event = own_event(known.name, fact, workspace="acme", source="https://crm.example", time=NOW, id="ü 1")
    record = arrived(encode(event, known.topic))
    assert record == Record(
        event.data.encode(),
        f"kafka:{catalog.DEALS}:3:7",
        "acme",
        event,
        encode(event, known.topic).headers,
        place=f"kafka:{catalog.DEALS}:3",
    )


def test_a_message_has_its_attributes_in_headers_and_its_deal_as_key() -> None:
    event = made({**stories.deal("D-1"), "traceparent": "00-ab", "Mixed": "x", "subject": "Zoë"})
    message = encode(event, "topic", sequence=17)
    assert dict(message.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": event.id.encode(),
        "ce_source": b"https://crm.example",
        "ce_type": b"com.coeffection.deal.updated.v1",
        "ce_subject": "Zoë".encode(),
        "ce_time": b"2026-05-01T00:00:00Z",
        "ce_workspace": b"acme",
        "ce_sequence": b"17",
        "ce_traceparent": b"00-ab",
        "ce_mixed": b"x",
        "content-type": b"application/json",
    }
    assert (message.topic, message.key) == ("topic", b"acme/D-1")
    assert msgspec.json.decode(message.value) == stories.deal("D-1")["data"]


def test_the_key_is_ours_to_choose() -> None:
    event = made({**stories.deal("D-1"), "partitionkey": "elsewhere"})
    message = encode(event, "topic")
    assert message.key == b"acme/D-1"
    assert dict(message.headers)["ce_partitionkey"] == b"elsewhere"


@pytest.mark.parametrize("of", [binary, structured])
def test_both_modes_hold_the_event_that_http_would(of: Callable[[dict[str, Any]], Arrival]) -> None:
    by_http = made(DEAL)
    assert read(of(DEAL), NOW).content == by_http


def test_header_names_are_of_any_case_and_other_headers_are_not_ours() -> None:
    given = binary(DEAL)
    headers = [(name.upper(), value) for name, value in given.headers]
    others = [("uber-trace-id", b"\xff\xfe"), ("empty", None)]
    assert read(msgspec.structs.replace(given, headers=[*headers, *others]), NOW).content == made(DEAL)


@pytest.mark.parametrize(
    "media_type", ["application/json", "APPLICATION/CloudEvents+JSON; charset=UTF-8", None]
)
def test_without_attributes_in_headers_a_message_is_structured(media_type: str | None) -> None:
    headers = [("content-type", media_type.encode())] if media_type else []
    assert read(arrival(msgspec.json.encode(DEAL), headers), NOW).content == made(DEAL)


def test_headers_of_kafka_are_utf_8_as_they_are() -> None:
    given = binary(DEAL, id="caf\u00e9 100% %41", subject="", traceparent="")
    content = read(given, NOW).content
    assert isinstance(content, Event)
    assert (content.id, content.subject, content.extensions) == (
        "caf\u00e9 100% %41",
        None,
        {"traceparent": ""},
    )


@pytest.mark.parametrize("kind", ["application/vnd.crm+json; charset=utf-8", "text/json"])
def test_data_of_any_kind_of_json_is_read(kind: str) -> None:
    given = binary(DEAL)
    headers = [(name, value) for name, value in given.headers if name != "content-type"]
    said = [("content-type", kind.encode())]
    assert read(msgspec.structs.replace(given, headers=[*headers, *said]), NOW).content == made(DEAL)
    marked = b"\xef\xbb\xbf" + msgspec.json.encode(DEAL)
    assert read(arrival(marked, said), NOW).content == made(DEAL)


def test_headers_beside_a_whole_event_do_not_count() -> None:
    given = structured(DEAL)
    headers = [*given.headers, ("ce_id", b"\xff"), ("ce_source", b"unused")]
    assert read(msgspec.structs.replace(given, headers=headers), NOW).content == made(DEAL)


@pytest.mark.parametrize(
    ("seconds", "time"),
    [(PRODUCED_AT.timestamp(), PRODUCED_AT), (-0.001, NOW), (None, NOW), (1e18, NOW), (1e12, NOW)],
)
def test_an_event_without_a_time_has_its_messages_time(seconds: float | None, time: datetime) -> None:
    given = msgspec.structs.replace(binary(DEAL, time=None), timestamp_seconds=seconds)
    content = read(given, NOW).content
    assert isinstance(content, Event)
    assert content.time == time


def reason(given: Arrival) -> tuple[str, str | None, str | None]:
    record = read(given, NOW)
    assert isinstance(record.content, InvalidEvent)
    assert record.content.detail
    assert record.origin == f"kafka:{catalog.DEALS}:3:7"
    assert record.raw == (given.value or b"")
    return record.content.reason, record.content.field, record.workspace


def with_header(name: str, value: bytes | None) -> Arrival:
    given = binary(DEAL)
    others = [(known, kept) for known, kept in given.headers if known != name]
    return msgspec.structs.replace(given, headers=[*others, (name, value)])


USELESS = {
    "no value": (arrival(None, binary(DEAL).headers), ("value_missing", None, "acme")),
    "nothing at all": (arrival(None), ("value_missing", None, None)),
    "no bytes": (arrival(b""), ("undecodable", None, None)),
    "not JSON": (arrival(b"\xff\xff\x00"), ("undecodable", None, None)),
    "no object": (arrival(b"[1, 2]"), ("schema_invalid", None, None)),
    "null": (arrival(b"null", STRUCTURED), ("schema_invalid", None, None)),
    "binary, not JSON": (arrival(b"{", binary(DEAL).headers), ("undecodable", None, "acme")),
    "too large": (
        arrival(b'"' + b"x" * 1024 * 1024 + b'"', binary(DEAL).headers),
        ("too_large", None, "acme"),
    ),
    "too deep": (arrival(b"[" * 10_000, binary(DEAL).headers), ("nesting_too_deep", None, "acme")),
    "a number out of range": (
        arrival(b'{"n": 1e99999999999999999999}', binary(DEAL).headers),
        ("value_out_of_range", None, "acme"),
    ),
    "an attribute is not UTF-8": (
        with_header("ce_subject", b"\xff"),
        ("undecodable", "ce_subject", "acme"),
    ),
    "whose it is is not UTF-8": (
        with_header("ce_workspace", b"\xff"),
        ("undecodable", "ce_workspace", None),
    ),
    "an attribute is null": (with_header("ce_id", None), ("schema_invalid", "id", "acme")),
    "an attribute holds U+0000": (with_header("ce_id", b"a\0"), ("text_invalid", "id", "acme")),
    "a name holds U+0000": (with_header("ce_a\0", b"a"), ("text_invalid", None, "acme")),
    "an attribute is there twice": (
        arrival(b"{}", [*binary(DEAL).headers, ("CE_ID", b"another")]),
        ("schema_invalid", "ce_id", "acme"),
    ),
    "another content type": (
        with_header("content-type", b"text/xml"),
        ("content_type_unsupported", "datacontenttype", "acme"),
    ),
    "another format": (
        arrival(b"x", [("content-type", b"application/cloudevents+avro")]),
        ("content_type_unsupported", "content-type", None),
    ),
    "a batch": (
        arrival(b"[]", [("content-type", b"application/cloudevents-batch+json")]),
        ("content_type_unsupported", "content-type", None),
    ),
    "no CloudEvent at all": (
        arrival(b"<a/>", [("content-type", b"text/xml")]),
        ("content_type_unsupported", "content-type", None),
    ),
    "no workspace": (binary(DEAL, workspace=None), ("workspace_missing", "workspace", None)),
    "no name of a workspace": (binary(DEAL, workspace="Not One"), ("schema_invalid", "workspace", None)),
    "no id": (binary(DEAL, id=None), ("schema_invalid", "id", "acme")),
    "another version of CloudEvents": (
        binary(DEAL, specversion="0.3"),
        ("schema_invalid", "specversion", "acme"),
    ),
    "an unknown type": (binary(DEAL, type="com.example.x.v1"), ("type_unknown", "type", "acme")),
    "an unknown version": (
        binary(DEAL, type="com.coeffection.deal.updated.v9"),
        ("version_unknown", "type", "acme"),
    ),
    "a type that is ours to say": (
        binary(DEAL, type=catalog.DEAL_INVOICED),
        ("type_not_accepted", "type", "acme"),
    ),
    "a source that is ours": (
        binary(DEAL, source="urn:coeffection:worker"),
        ("source_reserved", "source", "acme"),
    ),
    "data that does not fit": (
        structured({**DEAL, "data": {**DEAL["data"], "quote": {"lines": 1}}}),
        ("schema_invalid", "data.quote.lines", "acme"),
    ),
    "data twice": (
        structured({**DEAL, "data_base64": "e30="}),
        ("schema_invalid", "data_base64", "acme"),
    ),
}


@pytest.mark.parametrize(("given", "expected"), USELESS.values(), ids=USELESS)
def test_an_invalid_message_has_its_reason_and_workspace(
    given: Arrival, expected: tuple[str, str | None, str | None]
) -> None:
    assert reason(given) == expected


def test_the_next_offset_is_behind_the_last_message_of_each_partition() -> None:
    given = [arrival(b"", offset=7), arrival(b"", offset=9), arrival(b"", partition=4, offset=2)]
    assert next_offsets(given) == {(catalog.DEALS, 3): 10, (catalog.DEALS, 4): 3}
    assert next_offsets([]) == {}


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path / 'q2c.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
    opened = open_database(Environment(database_url=url))
    await opened.transaction(migrate)
    await opened.transaction(tenants.add, "acme", "token", NOW)
    yield opened
    await opened.close()


async def received(database: Database, *given: Arrival) -> list[Received]:
    return await database.transaction(receive, [read(one, NOW) for one in given], NOW)


async def test_an_event_over_kafka_and_http_is_one(database: Database) -> None:
    results = await received(
        database, binary(DEAL), structured(DEAL), binary({**DEAL, "data": {**DEAL["data"], "name": "!"}})
    )
    assert [result.outcome for result in results] == ["appended", "duplicate", "conflict"]


async def test_events_of_unknown_workspaces_are_dead_letters(database: Database) -> None:
    results = await received(database, binary({**DEAL, "workspace": "nobody"}), binary(DEAL))
    assert [(result.outcome, result.reason) for result in results] == [
        ("dead", "workspace_unknown"),
        ("appended", None),
    ]
    (letter,) = await database.read(listed, "nobody")
    assert (letter["reason"], letter["field"]) == ("workspace_unknown", "workspace")
    assert [recorded.event.workspace for recorded in await database.read(whole_log)] == ["acme"]


async def test_beyond_the_bound_a_place_is_kept_instead_of_the_bytes(database: Database) -> None:
    given = [read(arrival(b"{", offset=offset), NOW) for offset in range(3)]
    claimed = [read(arrival(b'{"workspace":"%s"}' % name, offset=9), NOW) for name in (b"acme", b"nobody")]
    results = await database.transaction(receive, [*given, *claimed], NOW, LetterLimits(letters_max=2))
    assert {result.outcome for result in results} == {"dead"}
    nobodys = await database.read(listed, None)
    assert [(letter["origin"].rpartition(":")[2], letter["kept"]) for letter in nobodys] == [
        ("9", False),
        ("2", False),
        ("1", True),
        ("0", True),
    ]
    assert [letter["kept"] for letter in await database.read(listed, "acme")] == [True]


TEXTS = st.text(max_size=20)
VALUES = st.one_of(
    st.none(),
    st.binary(max_size=50),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=8,
    ).map(lambda value: msgspec.json.encode({**DEAL, "id": repr(value), "x": value, "data": DEAL["data"]})),
)
NAMES = st.one_of(
    st.sampled_from([*(f"ce_{name}" for name in DEAL), "content-type", "CE_ID"]), TEXTS.map("ce_{}".format)
)
HEADERS = st.lists(
    st.tuples(
        NAMES,
        st.one_of(
            st.none(), st.binary(max_size=20), st.sampled_from([b"1.0", b"acme", DEAL["type"].encode()])
        ),
    ),
    max_size=6,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(value=VALUES, added=HEADERS, whole=st.booleans(), timestamp=st.none() | st.floats())
async def test_nothing_that_a_producer_may_write_stops_the_partition(
    database: Database, value: bytes | None, added: Any, timestamp: float | None, *, whole: bool
) -> None:
    headers = [*(binary(DEAL).headers if whole else ()), *added]
    given = arrival(value, headers, timestamp_seconds=timestamp)
    before = len(await database.read(whole_log))
    (result,) = await received(database, given)
    after = await database.read(whole_log)
    assert (len(after) > before) == (result.outcome == "appended")
    letters = sa.text("SELECT count(*) FROM dead_letters WHERE origin LIKE 'kafka:%'")
    if result.outcome in {"dead", "conflict"}:
        assert await database.read(lambda c: c.scalar(letters))
