"""An unusable message is stored whole, once, and counted; no workspace sees another's."""

from datetime import timedelta
from typing import cast

import msgspec
import pytest
import sqlalchemy as sa

from events.database.port import Database
from events.log import tables
from events.log.dead_letters import (
    HEADERS_BYTES_MAX,
    RAW_BYTES_MAX,
    NewDeadLetter,
    headers_of,
    listed,
    of_deal,
    store_letters,
)
from tests.events.samples import NOW, Killed

LATER = NOW + timedelta(hours=1)
HEADERS = [("ce_id", b"\xff\x00"), ("Zo\u00eb\0", None), ("ce_id", b"2"), ("content-type", b"")]
LETTER = NewDeadLetter(
    "acme", "http", "schema_invalid", "Expected `str` at name", b'{"\xff\x00', "data.name", HEADERS
)


def kept(connection: sa.Connection) -> list[dict[str, object]]:
    statement = sa.select(tables.dead_letters).order_by(tables.dead_letters.c.number)
    return [dict(row) for row in connection.execute(statement).mappings()]


async def test_a_dead_letter_is_stored_byte_for_byte_with_its_reason(database: Database) -> None:
    await database.transaction(store_letters, [LETTER], NOW)
    [row] = await database.read(kept)
    assert headers_of(cast("str", row.pop("headers"))) == HEADERS
    for field, value in msgspec.structs.asdict(LETTER).items():
        assert field in {"headers", "place", "of_nobody"} or row[field] == value
    assert row["account"] == "acme"
    assert row["deal"] is None
    assert (row["raw_bytes"], row["seen"], row["first_seen_at"], row["last_seen_at"]) == (4, 1, NOW, NOW)


async def test_a_repeated_dead_letter_is_counted_and_not_stored_twice(database: Database) -> None:
    for now in (NOW, NOW, LATER):
        await database.transaction(store_letters, [LETTER], now)
    [row] = await database.read(kept)
    assert (row["seen"], row["first_seen_at"], row["last_seen_at"]) == (3, NOW, LATER)


@pytest.mark.parametrize(
    "difference",
    [
        {"workspace": "bolt"},
        {"workspace": None},
        {"origin": "file:deals.jsonl:17"},
        {"reason": "too_large"},
        {"raw": b"{"},
        {"headers": ()},
        {"headers": [("ce_id", b"2")]},
        {"origin": "httpschema", "reason": "_invalid"},
    ],
    ids=str,
)
async def test_different_messages_are_different_dead_letters(
    database: Database, difference: dict[str, object]
) -> None:
    other = msgspec.structs.replace(LETTER, **difference)
    for letter in (LETTER, other, LETTER, other):
        await database.transaction(store_letters, [letter], NOW)
    assert [row["seen"] for row in await database.read(kept)] == [2, 2]


async def test_a_long_message_is_truncated_but_identified_by_all_its_bytes(database: Database) -> None:
    most = b"x" * RAW_BYTES_MAX
    for raw in (most, most + b"y", most + b"z"):
        await database.transaction(store_letters, [msgspec.structs.replace(LETTER, raw=raw)], NOW)
    rows = await database.read(kept)
    assert [row["raw"] == most for row in rows] == [True] * 3
    assert [row["raw_bytes"] for row in rows] == [RAW_BYTES_MAX, RAW_BYTES_MAX + 1, RAW_BYTES_MAX + 1]


async def test_a_list_is_of_one_workspace_last_seen_first_without_the_bytes(database: Database) -> None:
    for origin, workspace in [("1", "acme"), ("2", "acme"), ("3", "bolt"), ("4", None), ("5", "acme")]:
        letter = msgspec.structs.replace(LETTER, origin=origin, workspace=workspace)
        await database.transaction(store_letters, [letter], NOW)
    await database.transaction(store_letters, [msgspec.structs.replace(LETTER, origin="2")], LATER)
    letters = await database.read(listed, "acme")
    assert [letter["origin"] for letter in letters] == ["2", "5", "1"]
    assert letters[0] == {
        "number": 2,
        "origin": "2",
        "reason": LETTER.reason,
        "detail": LETTER.detail,
        "field": LETTER.field,
        "raw_bytes": len(LETTER.raw),
        "seen": 2,
        "first_seen_at": NOW,
        "last_seen_at": LATER,
        "deal": None,
        "kept": True,
        "remedy": "Correct data.name in the sending system, and send it again.",
    }
    assert await database.read(listed, "acme", limit=1) == letters[:1]


async def test_a_dead_letter_is_rolled_back_with_its_transaction(database: Database) -> None:
    def fail(connection: sa.Connection) -> None:
        store_letters(connection, [LETTER], LATER)
        raise Killed

    with pytest.raises(Killed):
        await database.transaction(fail)
    assert await database.read(kept) == []
    await database.transaction(store_letters, [LETTER], NOW)
    with pytest.raises(Killed):
        await database.transaction(fail)
    [row] = await database.read(kept)
    assert (row["seen"], row["last_seen_at"]) == (1, NOW)


async def test_only_the_first_of_too_many_headers_are_stored(database: Database) -> None:
    many = [(f"h{number}", bytes(HEADERS_BYTES_MAX // 4)) for number in range(8)]
    await database.transaction(store_letters, [msgspec.structs.replace(LETTER, headers=many)], NOW)
    [row] = await database.read(kept)
    assert headers_of(cast("str", row["headers"])) == many[:3]


async def test_a_deal_has_the_dead_letters_that_name_it(database: Database) -> None:
    about = msgspec.structs.replace(LETTER, deal="D-17", origin="1")
    told = msgspec.structs.replace(LETTER, deal="D-17", origin="2")
    others = [
        msgspec.structs.replace(about, workspace="bolt"),
        msgspec.structs.replace(about, workspace=None),
        msgspec.structs.replace(about, deal="D-18", origin="3"),
        LETTER,
    ]
    for letter in (about, told, *others):
        await database.transaction(store_letters, [letter], NOW)
    found = await database.read(of_deal, "acme", "D-17")
    assert [letter["origin"] for letter in found] == ["2", "1"]
    assert await database.read(of_deal, "acme", "D-17", limit=1) == found[:1]
    assert await database.read(of_deal, "acme", "D-19") == []
