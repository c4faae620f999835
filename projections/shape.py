"""Compare the tables and views of read models in a database with those of this code, and create or replace them.

Each version has tables of its own, so an older release continues with its tables beside them. The views keep their names;
they show the version that took over last.
"""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from msgspec import Struct

from events.log import log, subscriptions
from events.log.tables import subscriptions as readers
from projections import rows
from projections.all import PROJECTIONS
from projections.projection import Projection, SqlView

_VERSIONED = re.compile(r"\b[a-z_]+_v\d+\b")


def drifted(connection: sa.Connection) -> list[str]:
    """Return the names of read models' tables that are missing, or that differ from the code."""
    tables = [table for projection in PROJECTIONS for table in projection.tables]
    kept = _kept(connection, [table.name for table in tables])
    return [table.name for table in tables if kept.get(table.name) != _wanted(connection, table)]


def unfilled(connection: sa.Connection) -> list[Projection]:
    """Return the projections of which this version has no live rows yet."""
    known = subscriptions.checkpoints(connection)
    return [projection for projection in PROJECTIONS if projection.versioned not in known]


def unseen(connection: sa.Connection) -> list[str]:
    """Return the names of views that are missing, or that show another version."""
    views = [view for projection in PROJECTIONS for view in projection.views]
    return [view.name for view in views if not _shows(connection, view)]


def prepare(connection: sa.Connection) -> list[str]:
    """Create anew the tables that are missing or differ; return their names. If the log has events, they have to be filled.

    The previous version keeps its tables and views until this version has taken over; still older versions are dropped.
    """
    names = drifted(connection)
    there = set(sa.inspect(connection).get_table_names())
    if there.intersection(names):
        for projection in PROJECTIONS:
            _drop_views(connection, projection)
    for projection in PROJECTIONS:
        if changed := [table for table in projection.tables if table.name in names]:
            _forget(connection, [projection.versioned])
            for table in changed:
                table.drop(connection, checkfirst=True)
                table.create(connection)
            _drop_older(connection, projection)
    if not log.head(connection):
        subscriptions.lock(connection, [projection.versioned for projection in PROJECTIONS])
    missing = unfilled(connection)
    for projection in PROJECTIONS:
        if projection not in missing:
            show(connection, projection)
    return names


def show(connection: sa.Connection, projection: Projection) -> None:
    """Make the views of a projection show this version, unless they already do."""
    if all(_shows(connection, view) for view in projection.views):
        return
    _drop_views(connection, projection)
    for view in projection.views:
        connection.exec_driver_sql(f"CREATE VIEW {view.name} AS {_text(connection, view)}")


def _drop_views(connection: sa.Connection, projection: Projection) -> None:
    for view in projection.views:
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {view.name}")


def _shows(connection: sa.Connection, view: SqlView) -> bool:
    """Return whether a view exists and selects from the same versions; databases return its text changed."""
    inspector = sa.inspect(connection)
    if not inspector.has_table(view.name):
        return False
    found = inspector.get_view_definition(view.name) or ""
    return set(_VERSIONED.findall(found)) == set(_VERSIONED.findall(_text(connection, view)))


def _text(connection: sa.Connection, view: SqlView) -> str:
    return str(view.select.compile(connection, compile_kwargs={"literal_binds": True}))


def _drop_older(connection: sa.Connection, projection: Projection) -> None:
    """Drop all earlier versions except the previous one."""
    older = [
        version
        for version in range(1, projection.version)
        if rows.versioned(projection.name, version) in subscriptions.checkpoints(connection)
    ]
    for version in older[:-1]:
        _forget(connection, [rows.versioned(projection.name, version)])
        for table in projection.tables:
            name = rows.versioned(table.info["view"], version)
            connection.exec_driver_sql(f"DROP TABLE IF EXISTS {name}")


def _forget(connection: sa.Connection, names: Sequence[str]) -> None:
    """Delete the checkpoints of versions, also those of their kept editions and of editions being filled."""
    for name in names:
        of_version = sa.or_(readers.c.name == name, readers.c.name.startswith(f"{name}.", autoescape=True))
        connection.execute(readers.delete().where(of_version))


class _Shape(Struct, frozen=True):
    """The properties of a table that are compared; an inspector returns them alike for every database."""

    columns: dict[str, tuple[str, bool]]
    key: list[str]
    indexes: dict[str, list[str]]


def _kept(connection: sa.Connection, names: list[str]) -> dict[str, _Shape]:
    inspector = sa.inspect(connection)
    keys = inspector.get_multi_pk_constraint(filter_names=names)
    indexes = inspector.get_multi_indexes(filter_names=names)
    return {
        place[1]: _Shape(
            {
                column["name"]: (column["type"].compile(connection.dialect), column["nullable"])
                for column in columns
            },
            keys[place]["constrained_columns"],
            {str(index["name"]): [str(name) for name in index["column_names"]] for index in indexes[place]},
        )
        for place, columns in inspector.get_multi_columns(filter_names=names).items()
    }


def _wanted(connection: sa.Connection, table: sa.Table) -> _Shape:
    return _Shape(
        {column.name: (column.type.compile(connection.dialect), bool(column.nullable)) for column in table.c},
        [column.name for column in table.primary_key],
        {str(index.name): [column.name for column in index.columns] for index in table.indexes},
    )
