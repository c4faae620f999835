"""Every record is appended, a duplicate, a conflict or a dead letter; no record is lost."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from events.contract.envelope import Event
from events.database.port import Database
from events.database.sqlite import InlineDatabase
from events.errors import InvalidEvent
from events.log import intake, log, tables
from events.log.intake import Received, Record
from tests import stories
from tests.events.conftest import empty_tables
from tests.events.samples import NOW, Killed, account, structured, whole_log

letters = tables.dead_letters


def given_as(raw: bytes, workspace: str = "acme") -> Record:
    return intake.record(raw, "test", workspace, lambda body: structured(body, workspace))


def written(number: int = 1, name: str = "Acme", **attributes: Any) -> bytes:
    return msgspec.json.encode({**stories.account(f"A-{number}", name=name), **attributes})


def stored_letters(connection: sa.Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in connection.execute(sa.select(letters).order_by(letters.c.number)).mappings()]


async def receive(database: Database, *raws: bytes) -> list[Received]:
    return await database.transaction(intake.receive, [given_as(raw) for raw in raws], NOW)


async def test_each_record_gets_its_answer_in_order(database: Database) -> None:
    received = await receive(
        database,
        written(1),
        b"{",
        written(1),
        written(1, "Bolt"),
        written(2),
        written(3, revision=1, type="x"),
    )
    assert [(answer.outcome, answer.position, answer.reason, answer.field) for answer in received] == [
        ("appended", 1, None, None),
        ("dead", None, "undecodable", None),
        ("duplicate", 1, None, None),
        ("conflict", 1, "identity_conflict", "id"),
        ("appended", 2, None, None),
        ("dead", None, "type_unknown", "type"),
    ]
    assert [r.event for r in await database.read(whole_log)] == [account(1), account(2)]


async def test_an_unusable_message_is_stored_with_its_reason_and_its_bytes(database: Database) -> None:
    bad = written(1, data={"account_id": "A-1"})
    await receive(database, b"\xff\x00", bad, bad)
    kept = await database.read(stored_letters)
    assert [(row["raw"], row["reason"], row["field"], row["seen"]) for row in kept] == [
        (b"\xff\x00", "undecodable", None, 1),
        (bad, "schema_invalid", "data.revision", 2),
    ]
    assert [(row["workspace"], row["origin"]) for row in kept] == [("acme", "test")] * 2


async def test_a_conflict_is_stored_with_the_fields_that_differ_and_the_position_of_the_event(
    database: Database,
) -> None:
    await receive(database, written(1, "Acme"))
    [answer] = await receive(database, written(1, "Bolt"))
    [letter] = await database.read(stored_letters)
    assert (letter["reason"], letter["raw"]) == ("identity_conflict", written(1, "Bolt"))
    assert letter["detail"] == answer.detail
    for said in ("data.name", "position 1", "'https://crm.example'"):
        assert said in letter["detail"]


async def test_events_and_dead_letters_share_one_transaction(database: Database) -> None:
    def fail(connection: sa.Connection) -> None:
        intake.receive(connection, [given_as(written(1)), given_as(b"{")], NOW)
        raise Killed

    with pytest.raises(Killed):
        await database.transaction(fail)
    assert await database.read(whole_log) == []
    assert await database.read(stored_letters) == []


async def test_an_empty_batch_changes_nothing(database: Database) -> None:
    assert await receive(database) == []
    assert await database.read(log.head) == 0


def test_an_invalid_event_is_a_dead_letter_and_a_defect_is_an_error() -> None:
    def defect(_: bytes) -> Event:
        raise ZeroDivisionError

    def unusable(_: bytes) -> Event:
        raise InvalidEvent("x", "y")

    with pytest.raises(ZeroDivisionError):
        intake.record(b"", "test", "acme", defect)
    assert isinstance(intake.record(b"", "test", "acme", unusable).content, InvalidEvent)


async def test_a_workspace_can_not_touch_anothers_event(database: Database) -> None:
    records = [
        given_as(written(1)),
        given_as(written(1, "Bolt"), "bolt"),
        given_as(written(1, workspace="acme"), "bolt"),
    ]
    received = await database.transaction(intake.receive, records, NOW)
    assert [answer.outcome for answer in received] == ["appended", "appended", "dead"]
    assert received[2].reason == "workspace_mismatch"
    [letter] = await database.read(stored_letters)
    assert letter["workspace"] == "bolt"


good = st.builds(written, st.integers(1, 3), st.sampled_from(["Acme", "Bolt"]))
spoiled = st.builds(
    lambda raw, at, length, put: raw[:at] + put + raw[at + length :],
    good,
    st.integers(0, 200),
    st.integers(0, 5),
    st.sampled_from(
        [b"", b"\xff", b"\0", b'"', b"}", b"1e9999999", rb"\ud800", rb"\u0000", b"[" * 99, b"9" * 5000]
    )
    | st.binary(max_size=3),
)


def state(connection: sa.Connection) -> tuple[list[object], list[object]]:
    columns = [column for column in letters.c if column.name != "number"]
    kept = [tuple(row) for row in connection.execute(sa.select(*columns).order_by(letters.c.number))]
    return [*whole_log(connection)], [*kept]


async def outcome(
    batches: Sequence[Sequence[bytes]],
) -> tuple[list[Received], tuple[list[object], list[object]]]:
    with tempfile.TemporaryDirectory() as directory:
        database = InlineDatabase(Path(directory) / "log.db")
        await database.transaction(empty_tables)
        received = [answer for batch in batches for answer in await receive(database, *batch)]
        left = await database.read(state)
        seen = sum(row["seen"] for row in await database.read(stored_letters))
        await database.close()
    counts = Counter(answer.outcome for answer in received)
    assert set(counts) <= {"appended", "duplicate", "conflict", "dead"}
    assert counts["appended"] == len(left[0])
    assert counts["dead"] + counts["conflict"] == seen
    return received, left


@settings(max_examples=20, deadline=None)
@given(st.lists(good | spoiled | st.binary(max_size=20), max_size=8), st.integers(0, 8))
async def test_any_bytes_have_one_of_four_outcomes_in_any_batch(raws: list[bytes], cut: int) -> None:
    at_once = await outcome([raws])
    assert len(at_once[0]) == len(raws)
    assert await outcome([[raw] for raw in raws]) == at_once
    assert await outcome([raws[:cut], raws[cut:]]) == at_once
    for answer in at_once[0]:
        assert (answer.reason is not None) == (answer.outcome in {"conflict", "dead"})
        assert (answer.position is not None) == (answer.outcome != "dead")


@settings(max_examples=10, deadline=None)
@given(st.lists(good | spoiled, max_size=6))
async def test_a_repeated_batch_appends_nothing(raws: list[bytes]) -> None:
    first, (events, _) = await outcome([raws])
    both, (events_then, _) = await outcome([raws, raws])
    assert events_then == events
    assert [answer.outcome for answer in both[len(raws) :]] == [
        "duplicate" if answer.outcome == "appended" else answer.outcome for answer in first
    ]
