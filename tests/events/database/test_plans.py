"""SQLite looks up each key of a batch by all its columns, however large a table is, with or without statistics."""

import re

import pytest
import sqlalchemy as sa

from events.database import bulk
from events.log import log, tables
from projections.all import PROJECTIONS
from worker.commands import candidates, table
from worker.commands.table import commands
from worker.quote_to_cash import store

Columns = tuple[sa.Column[object], ...]


# The columns that are read in batches, and the keys by which they are looked up.
LOOKED_UP: dict[str, tuple[Columns, Columns]] = {
    "events": (tuple(tables.log.c), log._IDENTITY),
    "commands": (tuple(commands.c), (commands.c.request_id,)),
    "commands by key": ((commands.c.request_id,), table._KEY),
    "updates of an object": (table._STATE, table._KEY[:-1]),
    "states": (tuple(store.process_state.c), store._STATE_KEY),
    "waits": (store._WAITS, store._WAITS_STREAM),
    **{model.name: (tuple(model.c), tuple(model.primary_key)) for of in PROJECTIONS for model in of.tables},
}


@pytest.mark.parametrize("name", LOOKED_UP)
@pytest.mark.parametrize("has_statistics", [False, True])
def test_each_key_is_looked_up_by_all_its_columns(name: str, *, has_statistics: bool) -> None:
    columns, where = LOOKED_UP[name]
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        tables.metadata.create_all(connection)
        if has_statistics:
            of_one_row(connection, columns[0].table)
        steps = plan(connection, bulk._found(columns, where, "sqlite"))
    engine.dispose()
    found = re.search(r"\((.*)\)$", steps[-1])
    assert found is not None, steps
    assert found[1].split(" AND ") == [f"{column.name}=?" for column in where]


@pytest.mark.parametrize("has_statistics", [False, True])
def test_the_first_rows_of_each_key_are_looked_up_in_their_order(*, has_statistics: bool) -> None:
    waits = store.process_waits
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        tables.metadata.create_all(connection)
        if has_statistics:
            of_one_row(connection, waits)
        steps = plan(connection, bulk._fetch_few(store._WAITS_KEY, waits.c.stream, "sqlite"))
    engine.dispose()
    looked_up = [re.search(r"^SEARCH (\w+) USING COVERING INDEX .*\((.*)\)$", step) for step in steps]
    assert [(found[1], set(found[2].split(" AND "))) for found in looked_up if found] == [
        ("process_waits", {"workspace=?", "key=?", "stream=?"}),
        ("first", {"workspace=?", "key=?"}),
    ]
    assert not any("B-TREE" in step for step in steps), "the index has the order"


@pytest.mark.parametrize("has_statistics", [False, True])
@pytest.mark.parametrize("name", ["_SERVING", "_ANY_DUE", "_FIRST_OF_ONE"])
def test_a_claim_reads_open_commands_in_the_order_of_their_index(name: str, *, has_statistics: bool) -> None:
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        tables.metadata.create_all(connection)
        if has_statistics:
            of_one_row(connection, commands)
        steps = plan(connection, getattr(candidates, name))
    engine.dispose()
    assert "SEARCH commands USING INDEX commands_open (realm=? AND workspace=?)" in steps
    assert "SEARCH others USING INDEX commands_open_subjects (subject=? AND workspace=? AND realm=?)" in steps
    counts = [step for step in steps if "flying" in step]
    assert set(counts) <= {"SEARCH flying USING INDEX commands_leased (realm=?)"}
    assert not any("B-TREE" in step for step in steps), "the index has the order"


def of_one_row(connection: sa.Connection, table: sa.FromClause) -> None:
    """Let SQLite believe that the table has one row, since it had one when statistics were taken."""
    connection.exec_driver_sql("ANALYZE")
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    connection.exec_driver_sql("INSERT INTO sqlite_stat1 VALUES (?, NULL, '1')", (str(table),))
    connection.exec_driver_sql("ANALYZE sqlite_schema")


def plan(connection: sa.Connection, statement: bulk.Query, **given: int) -> list[str]:
    """Return the steps in which SQLite executes a statement, which may depend on its limits."""
    compiled = statement.compile(connection)
    known = compiled.params | given
    values = tuple(known[name] or "[]" for name in compiled.positiontup or ())
    return [row[-1] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values)]
