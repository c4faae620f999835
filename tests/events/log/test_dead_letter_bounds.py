"""Dead letters never exceed their limits, each result is returned, and the totals match the rows."""

import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from events.database.port import Database
from events.database.sqlite import InlineDatabase
from events.log import dead_letters, tables
from events.log.dead_letters import (
    NO_WORKSPACE,
    PLACES_PER_LETTER,
    LetterLimits,
    LetterSelection,
    NewDeadLetter,
    Totals,
    discard,
    listed,
    store_letters,
    totals_of,
    whole,
)
from tests.events.conftest import empty_tables
from tests.events.samples import NOW

LIMITS = LetterLimits(letters_max=3, bytes_max=2_000)
LATER = NOW + timedelta(hours=1)


def letter(number: int, workspace: str | None = "acme", **more: Any) -> NewDeadLetter:
    return NewDeadLetter(workspace, "http", "undecodable", "Not JSON", b"%d" % number, **more)


def of_kafka(offset: int, **more: Any) -> NewDeadLetter:
    place = "kafka:crm.deals.v1:3"
    return msgspec.structs.replace(letter(offset, **more), origin=f"{place}:{offset}", place=place)


def rows(connection: sa.Connection) -> list[dict[str, Any]]:
    statement = sa.select(tables.dead_letters).order_by(tables.dead_letters.c.number)
    return [dict(row) for row in connection.execute(statement).mappings()]


async def stored_letters(database: Database, *letters: NewDeadLetter) -> list[bool]:
    return await database.transaction(store_letters, letters, NOW, LIMITS)


async def test_a_repeat_within_a_batch_is_counted_too(database: Database) -> None:
    await stored_letters(database, letter(1))
    assert await stored_letters(database, letter(1), letter(2), letter(2), letter(1)) == [True] * 4
    assert [(row["raw"], row["seen"]) for row in await database.read(rows)] == [(b"1", 3), (b"2", 2)]


async def test_at_the_limit_new_messages_stay_with_their_sender(database: Database) -> None:
    kept = await stored_letters(database, *(letter(number) for number in (1, 2, 3, 4, 2, 5)))
    assert kept == [True, True, True, False, True, False]
    assert await stored_letters(database, letter(1, "bolt"), letter(1, None), letter(6)) == [
        True,
        True,
        False,
    ]
    assert await database.read(totals_of, "acme") == Totals("acme", 3, 3, 0, 3, NOW)
    assert [row["raw"] for row in await database.read(listed_whole, "acme")] == [b"3", b"2", b"1"]


def listed_whole(connection: sa.Connection, workspace: str) -> list[Any]:
    found = [whole(connection, workspace, row["number"]) for row in listed(connection, workspace)]
    return sorted((row for row in found if row), key=lambda row: -row["number"])


async def test_bytes_are_bounded_as_well_and_smaller_ones_may_fit(database: Database) -> None:
    large, larger = (msgspec.structs.replace(letter(0), raw=b"x" * size) for size in (1_500, 1_501))
    assert await stored_letters(database, large, larger, letter(1)) == [True, False, True]


async def test_beyond_the_limit_kafkas_messages_are_stored_by_place_and_then_counted(
    database: Database,
) -> None:
    places = PLACES_PER_LETTER * LIMITS.letters_max
    for _ in range(2):  # read again
        assert all(await stored_letters(database, *(of_kafka(offset) for offset in range(places + 8))))
    found = await database.read(rows)
    assert [row["origin"] for row in found] == [f"kafka:crm.deals.v1:3:{n}" for n in range(places + 4)]
    assert [row["raw"] for row in found] == [b"0", b"1", b"2"] + [b""] * (places + 1)
    assert [row["seen"] for row in found] == [2] * (places + 3) + [10]
    shown = await database.read(listed, "acme")
    assert [row["kept"] for row in shown].count(True) == 3
    assert "read it from Kafka" in shown[0]["remedy"]


async def test_unknown_workspaces_share_one_account(database: Database) -> None:
    letters = [of_kafka(n, workspace=f"ghost{n}", of_nobody=True) for n in range(5)]
    assert await stored_letters(database, *letters) == [True] * 5
    assert (await database.read(totals_of, None)).letters == 3
    assert len(await database.read(listed, None)) == 5
    assert len(await database.read(listed, "ghost0")) == 1


@pytest.mark.parametrize(
    ("chosen", "left"),
    [
        (LetterSelection("acme"), [b"1"]),
        (LetterSelection("acme", (2,)), [b"1", b"1", b"3"]),
        (LetterSelection("acme", (4,)), [b"1", b"2", b"3", b"1"]),
        (LetterSelection("acme", (), "undecodable"), [b"1"]),
        (LetterSelection("acme", (), "too_large"), [b"1", b"2", b"3", b"1"]),
        (LetterSelection(None), [b"1", b"2", b"3", b"1"]),
    ],
    ids=str,
)
async def test_only_selected_dead_letters_are_discarded(
    database: Database, chosen: LetterSelection, left: Sequence[bytes]
) -> None:
    await stored_letters(database, letter(1), letter(2), letter(3), letter(1, "bolt"), letter(4))
    count = await database.read(dead_letters.count, chosen)
    assert await database.transaction(discard, chosen, LATER, LIMITS) == count
    assert sorted(row["raw"] for row in await database.read(rows)) == sorted(left)
    totals = await database.read(totals_of, "acme")
    assert totals.letters == 3 - count
    assert (totals.full_since is None) == (count > 0)
    assert await stored_letters(database, letter(4)) == [count > 0]


batches = st.lists(
    st.builds(letter, st.integers(0, 6), st.sampled_from(["acme", "bolt", None]))
    | st.builds(of_kafka, st.integers(0, 50), workspace=st.sampled_from(["acme", "ghost"]))
    | st.builds(of_kafka, st.integers(0, 50), workspace=st.just("ghost"), of_nobody=st.just(True)),
    max_size=30,
)
discards = st.builds(
    LetterSelection,
    st.sampled_from(["acme", "bolt", "ghost", None]),
    st.lists(st.integers(1, 20), max_size=3),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(batches | discards, max_size=8))
async def test_the_totals_always_match_the_rows(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        database = InlineDatabase(Path(directory) / "log.db")
        await database.transaction(empty_tables)
        for step in steps:
            if isinstance(step, LetterSelection):
                await database.transaction(discard, step, NOW, LIMITS)
                continue
            kept = await database.transaction(store_letters, step, NOW, LIMITS)
            there = {(row["workspace"], row["origin"], row["raw"]) for row in await database.read(rows)}
            for given_, is_kept in zip(step, kept, strict=True):
                if given_.place is None:
                    assert is_kept == ((given_.workspace, given_.origin, given_.raw) in there)
                else:
                    assert is_kept
        counted = {totals.account: totals for totals in await database.read(dead_letters.totals)}
        found = await database.read(rows)
        await database.close()
    for account in {*counted, *(row["account"] for row in found)}:
        ours = [row for row in found if row["account"] == account]
        held = [row["kept_bytes"] for row in ours if row["kept_bytes"] is not None]
        totals = counted[account]
        assert (totals.letters, totals.bytes, totals.places) == (len(held), sum(held), len(ours) - len(held))
        assert totals.letters <= LIMITS.letters_max
        assert totals.bytes <= LIMITS.bytes_max
    assert NO_WORKSPACE not in {row["workspace"] for row in found}
