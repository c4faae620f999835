"""Read, insert and upsert many rows in one statement, on either database.

PostgreSQL gets one array for each column, so the statement has the same text for any number of rows and is
prepared once. SQLite gets keys as one JSON array for the same reason; its driver repeats an insert in C, which
is fastest.
"""

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.dml import ReturningInsert

from events.contract import json

Key = tuple[Any, ...]
Row = Mapping[str, Any]
Rows = Sequence[sa.Row[*tuple[Any, ...]]]
Query = sa.Select[*tuple[Any, ...]]
COPIED_ROWS_MIN = 200  # fewer rows are faster in one statement

_FEW = sa.bindparam("few", type_=sa.Integer)
_LAST = sa.text("SELECT last_insert_rowid()")


def fetch(
    connection: sa.Connection,
    columns: Sequence[sa.Column[Any]],
    where: Sequence[sa.Column[Any]],
    keys: Collection[Key],
) -> Rows:
    """Return the `columns` of the rows whose `where` columns equal one of `keys`."""
    if not keys:
        return []
    statement = _fetch(tuple(columns), tuple(where), connection.dialect.name)
    return connection.execute(statement, _keys(connection, where, keys)).all()


def fetch_few(
    connection: sa.Connection,
    where: Sequence[sa.Column[Any]],
    column: sa.Column[Any],
    keys: Collection[Key],
    limit: int,
) -> Rows:
    """Return the first rows of each of `keys` in the order of `column`, at most `limit` for each key.

    Returns:
        Pairs of the key's last part and the row's `column`.
    """
    if not keys:
        return []
    statement = _fetch_few(tuple(where), column, connection.dialect.name)
    return connection.execute(statement, {**_keys(connection, where, keys), "few": limit}).all()


def lock(
    connection: sa.Connection,
    columns: Sequence[sa.Column[Any]],
    where: Sequence[sa.Column[Any]],
    keys: Collection[Key],
    order: Sequence[sa.Column[Any]],
) -> Rows:
    """Lock rows until the transaction ends, and return their last committed state as `fetch` does.

    Transactions that lock the same rows in the same `order` wait for each other, and never deadlock.
    """
    if not keys:
        return []
    statement = _lock(tuple(columns), tuple(where), tuple(order), connection.dialect.name)
    return connection.execute(statement, _keys(connection, where, keys)).all()


def delete(
    connection: sa.Connection, table: sa.Table, where: Sequence[sa.Column[Any]], keys: Sequence[Key]
) -> None:
    """Delete the rows whose `where` columns equal one of `keys`."""
    if keys:
        names = [column.name for column in where]
        rows = [dict(zip(names, key, strict=True)) for key in keys]
        _execute(connection, _delete(table, tuple(where), connection.dialect.name), rows)


def insert(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert rows, all with the same columns."""
    if rows:
        _execute(connection, _insert(table, tuple(rows[0]), connection.dialect.name), rows)


def insert_absent(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert the rows that violate no unique constraint, all with the same columns; skip the others."""
    if rows:
        _execute(connection, _insert_absent(table, tuple(rows[0]), connection.dialect.name), rows)


def insert_numbered(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> Sequence[int]:
    """Insert rows whose primary key the database assigns; return the keys, in the order of `rows`.

    The caller keeps other transactions from inserting into the table meanwhile.
    """
    if not rows:
        return []
    if connection.dialect.name == "postgresql":
        return connection.scalars(_insert_numbered(table, tuple(rows[0])), _arrays(rows)).all()
    if len(rows) == 1:
        return [connection.execute(_insert(table, tuple(rows[0]), "sqlite"), rows[0]).lastrowid]
    insert(connection, table, rows)
    last = connection.scalars(_LAST).one()
    return range(last - len(rows) + 1, last + 1)


def upsert(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Insert rows, all with the same columns, or update these columns where the primary key exists.

    No two of the rows may have the same key.
    """
    if rows:
        _execute(connection, _upsert(table, tuple(rows[0]), connection.dialect.name), rows)


def put(connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert or update rows as `upsert` does; each row has every column of the table, in order."""
    if rows:
        _put(connection, _upsert(table, tuple(table.c.keys()), connection.dialect.name), table, rows)


def add(connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows, each with every column of the table, in order."""
    if connection.dialect.name == "postgresql" and len(rows) >= COPIED_ROWS_MIN:
        _copy(connection, table, rows)
    elif rows:
        _put(connection, _insert(table, tuple(table.c.keys()), connection.dialect.name), table, rows)


def update(connection: sa.Connection, table: sa.Table, rows: Sequence[Row]) -> None:
    """Update existing rows, all with the same columns; the primary key among them selects each row."""
    if rows:
        renamed = [{f"new_{name}": value for name, value in row.items()} for row in rows]
        _execute(connection, _update(table, tuple(rows[0]), connection.dialect.name), renamed)


def _keys(connection: sa.Connection, where: Sequence[sa.Column[Any]], keys: Collection[Key]) -> Row:
    if connection.dialect.name == "sqlite":
        return {"keys": json.encode(list(keys))}
    parts = zip(*keys, strict=True)
    return {column.name: list(part) for column, part in zip(where, parts, strict=True)}


def _execute(connection: sa.Connection, statement: sa.UpdateBase, rows: Sequence[Row]) -> None:
    connection.execute(statement, _arrays(rows) if connection.dialect.name == "postgresql" else rows)


def _copy(connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert by COPY: the driver needs far longer to encode arrays than the server needs to store the values."""
    from events.database import postgres  # noqa: PLC0415 - SQLite needs no PostgreSQL driver

    postgres.copy(connection, table.name, table.c.keys(), rows)


def _put(
    connection: sa.Connection, statement: sa.UpdateBase, table: sa.Table, rows: Sequence[tuple[Any, ...]]
) -> None:
    if connection.dialect.name == "postgresql":
        columns = map(list, zip(*rows, strict=True))
        connection.execute(statement, dict(zip(table.c.keys(), columns, strict=True)))
        return
    # SQLAlchemy would make a dictionary of each row and take it apart again: 6.5 instead of 3.1 µs a row.
    text, writers = _positional(statement, table, connection.dialect)
    written = [list(row) for row in rows]
    for place, write in writers:
        for row in written:
            row[place] = write(row[place])
    connection.exec_driver_sql(text, [tuple(row) for row in written])


@functools.cache
def _positional(
    statement: sa.UpdateBase, table: sa.Table, dialect: sa.Dialect
) -> tuple[str, Sequence[tuple[int, Callable[[Any], Any]]]]:
    """Return the text of a statement whose parameters are a row, and the functions that write columns, by their place."""
    compiled = statement.compile(dialect=dialect, column_keys=list(table.c.keys()))
    writers = ((place, column.type.bind_processor(dialect)) for place, column in enumerate(table.c))
    return str(compiled), [(place, write) for place, write in writers if write is not None]


def _arrays(rows: Sequence[Row]) -> Row:
    return {name: [row[name] for row in rows] for name in rows[0]}


def _unnested(columns: Sequence[sa.Column[Any]], prefix: str = "") -> sa.TableValuedAlias:
    arrays = [
        sa.bindparam(f"{prefix}{column.name}", type_=postgresql.ARRAY(column.type, dimensions=1))
        for column in columns
    ]
    given = sa.func.unnest(*arrays).table_valued(
        *(sa.column(column.name, column.type) for column in columns), with_ordinality="place"
    )
    return given.render_derived(name="given")


def _found(columns: Sequence[sa.Column[Any]], where: Sequence[sa.Column[Any]], dialect: str) -> Query:
    if dialect == "postgresql":
        given = _unnested(where)
        same = (column == given.c[column.name] for column in where)
        return sa.select(*columns).join_from(columns[0].table, given, sa.and_(*same))
    each, parts = _listed(where)
    same = (column == part for column, part in zip(where, parts, strict=True))
    return sa.select(*columns).select_from(_KeysFirst(each, columns[0].table, sa.and_(*same)))


def _listed(where: Sequence[sa.Column[Any]]) -> tuple[sa.FromClause, list[sa.ColumnElement[Any]]]:
    """Return the keys that SQLite gets, as a table of one column, and the parts of each key."""
    each = sa.func.json_each(sa.bindparam("keys")).table_valued("value")
    return each, [sa.func.json_extract(each.c.value, f"$[{place}]") for place in range(len(where))]


class _KeysFirst(sa.Join):
    """A join in which SQLite looks up each key; it might also look at each row, for its keys."""

    inherit_cache = True


@compiles(_KeysFirst)
def _keys_first(join: _KeysFirst, compiler: Any, **options: Any) -> str:
    keys, table, same = (compiler.process(part, **options) for part in (join.left, join.right, join.onclause))
    return f"{keys} CROSS JOIN {table} ON {same}"


@functools.cache
def _fetch(columns: tuple[sa.Column[Any], ...], where: tuple[sa.Column[Any], ...], dialect: str) -> Query:
    return _found(columns, where, dialect)


@functools.cache
def _fetch_few(where: tuple[sa.Column[Any], ...], column: sa.Column[Any], dialect: str) -> Query:
    if dialect == "postgresql":
        given = _unnested(where)
        same = (each == given.c[each.name] for each in where)
        found = sa.select(column).where(*same).order_by(column).limit(_FEW).lateral("found")
        return sa.select(given.c[where[-1].name], found.c[column.name]).join_from(given, found, sa.true())
    keys, parts = _listed(where)
    first = column.table.alias("first")
    of_key = (first.c[each.name] == part for each, part in zip(where, parts, strict=True))
    some = sa.select(first.c[column.name]).where(*of_key).order_by(first.c[column.name]).limit(_FEW)
    same = (each == part for each, part in zip(where, parts, strict=True))
    joined = _KeysFirst(keys, column.table, sa.and_(*same, column.in_(some)))
    return sa.select(parts[-1], column).select_from(joined)


@functools.cache
def _lock(
    columns: tuple[sa.Column[Any], ...],
    where: tuple[sa.Column[Any], ...],
    order: tuple[sa.Column[Any], ...],
    dialect: str,
) -> Query:
    found = _found(columns, where, dialect)
    return found.order_by(*order).with_for_update(of=columns[0].table)


@functools.cache
def _update(table: sa.Table, names: tuple[str, ...], dialect: str) -> sa.Update:
    """Compile an update whose parameters differ from the columns' names, which SQLAlchemy reserves in an update."""
    keys = {column.name for column in table.primary_key}
    columns = [table.c[name] for name in names]
    if dialect == "sqlite":
        new: Any = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    else:
        new = _unnested(columns, "new_").c
    changing = table.update().where(*(table.c[name] == new[name] for name in keys))
    return changing.values({name: new[name] for name in names if name not in keys})


@functools.cache
def _delete(table: sa.Table, where: tuple[sa.Column[Any], ...], dialect: str) -> sa.Delete:
    if dialect == "sqlite":
        return table.delete().where(*(column == sa.bindparam(f"{column.name}") for column in where))
    given = _unnested(where)
    return table.delete().where(*(column == given.c[column.name] for column in where))


@functools.cache
def _insert(table: sa.Table, names: tuple[str, ...], dialect: str) -> sa.Insert:
    return _inserted(table, names, dialect)


@functools.cache
def _insert_absent(table: sa.Table, names: tuple[str, ...], dialect: str) -> sa.Insert:
    return _inserted(table, names, dialect).on_conflict_do_nothing()


@functools.cache
def _insert_numbered(table: sa.Table, names: tuple[str, ...]) -> ReturningInsert[Any]:
    (number,) = table.primary_key
    return _inserted(table, names, "postgresql").returning(number)


@functools.cache
def _upsert(table: sa.Table, names: tuple[str, ...], dialect: str) -> sa.Insert:
    keys = [column.name for column in table.primary_key]
    inserted = _inserted(table, names, dialect)
    others = {name: inserted.excluded[name] for name in names if name not in keys}
    return inserted.on_conflict_do_update(index_elements=keys, set_=others)


def _inserted(table: sa.Table, names: tuple[str, ...], dialect: str) -> postgresql.Insert | sqlite.Insert:
    if dialect == "sqlite":
        return sqlite.insert(table)
    given = _unnested([table.c[name] for name in names])
    ordered = sa.select(*(given.c[name] for name in names)).order_by(given.c.place)
    return postgresql.insert(table).from_select(list(names), ordered, include_defaults=False)
