"""Statements as rendered for PostgreSQL: the safeguards that SQLite's statements do not have."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect

import events
import projections
import worker
from events.database import bulk
from events.log import log, offsets, subscriptions, tables
from worker.commands import candidates, table
from worker.commands.table import commands, realms
from worker.quickbooks.tokens import tokens
from worker.quote_to_cash import store

POSTGRESQL: sa.Dialect = asyncpg_dialect()  # type: ignore[no-untyped-call] # SQLAlchemy's own
BULK = (
    "_found",
    "_fetch",
    "_fetch_few",
    "_lock",
    "_update",
    "_delete",
    "_insert",
    "_insert_absent",
    "_insert_numbered",
    "_upsert",
)
KINDS = (sa.Select, sa.CompoundSelect, sa.UpdateBase, sa.TextClause)
ANNOTATED = re.compile(r"sa\.(Select|CompoundSelect|Insert|Update|Delete)\b|(ReturningInsert|Query)\b")
SQLITE_ALONE = {"events.database.bulk._LAST", "worker.commands.candidates._FIRST_OF_ONE"}


def rendered(statement: sa.ClauseElement) -> str:
    """Return the text that PostgreSQL gets, in one line."""
    return " ".join(str(statement.compile(dialect=POSTGRESQL)).split())


def modules() -> Iterator[Any]:
    """Import every module of the three packages, except those that run something on import."""
    for room in (events, projections, worker):
        for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            if not found.name.startswith(("worker.migrations", "worker.sources.faust")):
                yield importlib.import_module(found.name)


def statements() -> Iterator[tuple[str, sa.ClauseElement]]:
    """Return the names of every module-level statement."""
    for module in modules():
        for name, value in vars(module).items():
            within = value.items() if isinstance(value, dict) else ()
            yield from (
                (f"{module.__name__}.{name}[{key!r}]", item)
                for key, item in within
                if isinstance(item, KINDS)
            )
            if isinstance(value, KINDS):
                yield f"{module.__name__}.{name}", value


KNOWN = [(name, statement) for name, statement in statements() if name not in SQLITE_ALONE]


def test_the_statements_that_are_in_the_code_are_found() -> None:
    assert {"events.log.log._HEAD", "worker.commands.candidates._ANY_DUE"} <= {name for name, _ in KNOWN}


def test_the_functions_that_write_statements_are_looked_at_below() -> None:
    writing = set()
    for room in (events, projections, worker):
        for path in Path(room.__path__[0]).rglob("*.py"):
            for function in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(function, ast.FunctionDef)
                    and function.returns
                    and ANNOTATED.match(ast.unparse(function.returns))
                ):
                    writing.add(f"{path.parent.name}.{path.stem}.{function.name}")
    writing = {
        name for name in writing if not name.startswith("simulation.")
    }  # the simulation runs only on SQLite
    here = {f"database.bulk.{name}" for name in BULK} | {
        f"log.subscriptions.{name}" for name in ("_locking", "_moving")
    }
    assert writing == here | {
        "log.log._page",
        "commands.candidates._serving",
        "commands.candidates._first_of_each",
        "commands.candidates._first_of_one",
        "commands.candidates._first_due",  # a part of them
    }


@pytest.mark.parametrize("statement", [known[1] for known in KNOWN], ids=[known[0] for known in KNOWN])
def test_every_statement_is_one_of_postgresqls(statement: sa.ClauseElement) -> None:
    text = rendered(statement)
    assert "json_each" not in text
    assert "?" not in text, "values are $1, $2, …"


@pytest.mark.parametrize("of", tables.metadata.sorted_tables, ids=lambda of: of.name)
def test_any_number_of_rows_is_written_by_one_text(of: sa.Table) -> None:
    names, keys = tuple(of.c.keys()), [column.name for column in of.primary_key]
    inserted = rendered(bulk._insert(of, names, "postgresql"))
    assert inserted.startswith(f"INSERT INTO {of.name} (")
    assert inserted.endswith("ORDER BY given.place"), (
        "the order in which rows are given is that of their numbers"
    )
    absent = rendered(bulk._insert_absent(of, names, "postgresql"))
    assert absent == f"{inserted} ON CONFLICT DO NOTHING"
    if others := [name for name in names if name not in keys]:
        put = rendered(bulk._upsert(of, names, "postgresql"))
        quoted = POSTGRESQL.identifier_preparer.quote
        key, changes = (
            ", ".join(map(quoted, keys)),
            [f"{quoted(name)} = excluded.{quoted(name)}" for name in others],
        )
        assert put == f"{inserted} ON CONFLICT ({key}) DO UPDATE SET {', '.join(changes)}"


LOCKED = {
    "commands": (
        (commands.c.request_id, commands.c.fence),
        (commands.c.request_id,),
        (commands.c.request_id,),
    ),
    "companies": ((realms.c.realm,), (realms.c.realm,), (realms.c.workspace, realms.c.realm)),
    "tokens": ((tokens.c.realm,), (tokens.c.realm,), (tokens.c.realm,)),
}


@pytest.mark.parametrize("name", LOCKED)
def test_rows_are_locked_in_one_order_and_no_others_with_them(name: str) -> None:
    columns, where, order = LOCKED[name]
    text = rendered(bulk._lock(columns, where, order, "postgresql"))
    said = ", ".join(f"{column.table.name}.{column.name}" for column in order)
    assert text.endswith(f" ORDER BY {said} FOR UPDATE OF {columns[0].table.name}")


def test_rows_are_found_by_key_in_one_text() -> None:
    key = (commands.c.workspace, commands.c.subject)
    given = "unnest($1::TEXT[], $2::TEXT[]) WITH ORDINALITY AS given(workspace, subject, place)"
    same = "commands.workspace = given.workspace AND commands.subject = given.subject"
    found = rendered(bulk._fetch((commands.c.body,), key, "postgresql"))
    assert found.partition(" JOIN ")[2] == f"{given} ON {same}"
    assert rendered(bulk._delete(commands, key, "postgresql")).endswith(f"USING {given} WHERE {same}")
    changed = rendered(bulk._update(commands, ("request_id", "fence"), "postgresql"))
    assert changed.startswith("UPDATE commands SET fence=given.fence FROM unnest(")
    assert changed.endswith("WHERE commands.request_id = given.request_id")


def test_the_first_rows_of_each_key_are_found_in_one_text() -> None:
    waits = store.process_waits
    text = rendered(bulk._fetch_few((waits.c.workspace, waits.c.key), waits.c.stream, "postgresql"))
    assert text.endswith(" ORDER BY process_waits.stream LIMIT $3::INTEGER) AS found ON true"), text
    assert " JOIN LATERAL (SELECT process_waits.stream " in text


def test_numbers_come_back_with_the_insert() -> None:
    for of, number in ((tables.log, "position"), (tables.dead_letters, "number")):
        text = rendered(bulk._insert_numbered(of, tuple(of.c.keys())))
        assert text.endswith(f"ORDER BY given.place RETURNING {of.name}.{number}")


def test_subscriptions_are_locked_by_name() -> None:
    text = rendered(subscriptions._locking(("relay", "deals")))
    assert text.endswith("ORDER BY subscriptions.name FOR UPDATE")


def test_a_checkpoint_moves_only_from_where_it_was_read() -> None:
    text = rendered(subscriptions._moving(("relay",)))
    assert " AND subscriptions.position = $" in text


def test_a_page_has_the_next_rows_in_order() -> None:
    text = rendered(log._page(("workspace",)))
    assert (
        "WHERE events.position > $1::BIGINT AND events.workspace = $2::VARCHAR ORDER BY events.position LIMIT"
        in text
    )


def test_offsets_move_forward_unless_a_person_decides() -> None:
    forward, anywhere = (rendered(offsets._set("postgresql", only_forward=only)) for only in (True, False))
    key = 'ON CONFLICT ("group", topic, partition) DO UPDATE SET'
    assert key in forward
    assert forward.endswith("WHERE kafka_offsets.next_offset < excluded.next_offset")
    assert key in anywhere
    assert not anywhere.endswith("excluded.next_offset")


def test_a_claim_reads_only_the_oldest_commands_of_each_free_company() -> None:
    serving, first = rendered(candidates._SERVING), rendered(candidates._FIRST)
    assert "realms.holder IS NULL OR realms.holder = $" in serving
    assert "realms.connected AND NOT realms.paused" in serving
    assert first.endswith(" LIMIT given.most) AS first ON true")
    for text in (serving, first):
        assert "NOT (EXISTS (SELECT others.request_id FROM commands AS others" in text
        assert "realms.workspace = commands.workspace" in text


def test_a_company_serves_one_workspace_and_a_workspace_one_company() -> None:
    others = rendered(table._DISCONNECT_OTHERS)
    assert others == (
        "UPDATE realms SET connected=$1::BOOLEAN WHERE realms.workspace = $2::VARCHAR AND realms.realm != $3::VARCHAR"
    )
    lost = rendered(table._PUT_LOST)
    assert lost.endswith("WHERE realms.realm = $2::VARCHAR AND realms.workspace = $3::VARCHAR")
