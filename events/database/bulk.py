"""Read, insert and upsert many rows in one statement, on either database.

PostgreSQL gets one array for each column, so the statement has the same text for any number of rows and is
prepared once. SQLite gets keys as one JSON array for the same reason; its driver repeats an insert in C, which
is fastest.
"""

import functools
from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles

from events.contract import json
from events.database.statements import Row, SqlStatement

Key = tuple[Any, ...]
COPIED_ROWS_MIN = 200  # fewer rows are faster in one statement

_FEW = sa.bindparam("few", type_=sa.Integer)
_LAST = SqlStatement(sa.text("SELECT last_insert_rowid()"))


def fetch(
    connection: sa.Connection,
    columns: Sequence[sa.Column[Any]],
    where: Sequence[sa.Column[Any]],
    keys: Collection[Key],
) -> list[tuple[Any, ...]]:
    """Return the `columns` of the rows whose `where` columns equal one of `keys`."""
    if not keys:
        return []
    statement = _fetch(tuple(columns), tuple(where), connection.dialect.name)
    return statement.rows(connection, _keys(connection, where, keys))


def fetch_few(
    connection: sa.Connection,
    where: Sequence[sa.Column[Any]],
    column: sa.Column[Any],
    keys: Collection[Key],
    limit: int,
) -> list[tuple[Any, ...]]:
    """Return the first rows of each of `keys` in the order of `column`, at most `limit` for each key.

    Returns:
        Pairs of the key's last part and the row's `column`.
    """
    if not keys:
        return []
    if connection.dialect.name == "postgresql":
        statement = _fetch_few(tuple(where), column)
        return statement.rows(connection, {**_keys(connection, where, keys), "few": limit})
    statement = _fetch_first(tuple(where), column)
    names = [each.name for each in where]
    return [
        (key[-1], found)
        for key in keys
        for (found,) in statement.rows(connection, {**dict(zip(names, key, strict=True)), "few": limit})
    ]


def lock(
    connection: sa.Connection,
    columns: Sequence[sa.Column[Any]],
    where: Sequence[sa.Column[Any]],
    keys: Collection[Key],
    order: Sequence[sa.Column[Any]],
) -> list[tuple[Any, ...]]:
    """Lock rows until the transaction ends, and return their last committed state as `fetch` does.

    Transactions that lock the same rows in the same `order` wait for each other, and never deadlock.
    """
    if not keys:
        return []
    statement = _lock(tuple(columns), tuple(where), tuple(order), connection.dialect.name)
    return statement.rows(connection, _keys(connection, where, keys))


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
        return [
            number for (number,) in _insert_numbered(table, tuple(rows[0])).rows(connection, _arrays(rows))
        ]
    insert(connection, table, rows)
    ((last,),) = _LAST.rows(connection)
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


def _execute(connection: sa.Connection, statement: SqlStatement, rows: Sequence[Row]) -> None:
    if connection.dialect.name == "postgresql":
        statement.changed(connection, _arrays(rows))
    else:
        statement.each(connection, rows)


def _copy(connection: sa.Connection, table: sa.Table, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert by COPY: the driver needs far longer to encode arrays than the server needs to store the values."""
    from events.database import postgres  # noqa: PLC0415 - SQLite needs no PostgreSQL driver

    postgres.copy(connection, table.name, table.c.keys(), rows)


def _put(
    connection: sa.Connection, statement: SqlStatement, table: sa.Table, rows: Sequence[tuple[Any, ...]]
) -> None:
    if connection.dialect.name == "postgresql":
        columns = map(list, zip(*rows, strict=True))
        statement.changed(connection, dict(zip(table.c.keys(), columns, strict=True)))
    else:
        statement.each_tuple(connection, rows)


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


def _found(
    columns: Sequence[sa.Column[Any]], where: Sequence[sa.Column[Any]], dialect: str
) -> sa.Select[Any]:
    if dialect == "postgresql":
        given = _unnested(where)
        same = (column == given.c[column.name] for column in where)
        return sa.select(*columns).join_from(columns[0].table, given, sa.and_(*same))
    each = sa.func.json_each(sa.bindparam("keys")).table_valued("value")
    same = (column == sa.func.json_extract(each.c.value, f"$[{place}]") for place, column in enumerate(where))
    return sa.select(*columns).select_from(_KeysFirst(each, columns[0].table, sa.and_(*same)))


class _KeysFirst(sa.Join):
    """A join in which SQLite looks up each key; it might also look at each row, for its keys."""

    inherit_cache = True


@compiles(_KeysFirst)
def _keys_first(join: _KeysFirst, compiler: Any, **options: Any) -> str:
    keys, table, same = (compiler.process(part, **options) for part in (join.left, join.right, join.onclause))
    return f"{keys} CROSS JOIN {table} ON {same}"


@functools.cache
def _fetch(
    columns: tuple[sa.Column[Any], ...], where: tuple[sa.Column[Any], ...], dialect: str
) -> SqlStatement:
    return SqlStatement(_found(columns, where, dialect))


@functools.cache
def _fetch_few(where: tuple[sa.Column[Any], ...], column: sa.Column[Any]) -> SqlStatement:
    given = _unnested(where)
    same = (each == given.c[each.name] for each in where)
    found = sa.select(column).where(*same).order_by(column).limit(_FEW).lateral("found")
    return SqlStatement(
        sa.select(given.c[where[-1].name], found.c[column.name]).join_from(given, found, sa.true())
    )


@functools.cache
def _fetch_first(where: tuple[sa.Column[Any], ...], column: sa.Column[Any]) -> SqlStatement:
    named = (each == sa.bindparam(each.name) for each in where)
    return SqlStatement(sa.select(column).where(*named).order_by(column).limit(_FEW))


@functools.cache
def _lock(
    columns: tuple[sa.Column[Any], ...],
    where: tuple[sa.Column[Any], ...],
    order: tuple[sa.Column[Any], ...],
    dialect: str,
) -> SqlStatement:
    found = _found(columns, where, dialect)
    return SqlStatement(found.order_by(*order).with_for_update(of=columns[0].table))


@functools.cache
def _update(table: sa.Table, names: tuple[str, ...], dialect: str) -> SqlStatement:
    """Compile an update whose parameters differ from the columns' names, which SQLAlchemy reserves in an update."""
    keys = {column.name for column in table.primary_key}
    columns = [table.c[name] for name in names]
    if dialect == "sqlite":
        new: Any = {name: sa.bindparam(f"new_{name}", type_=table.c[name].type) for name in names}
    else:
        new = _unnested(columns, "new_").c
    changing = table.update().where(*(table.c[name] == new[name] for name in keys))
    return SqlStatement(changing.values({name: new[name] for name in names if name not in keys}))


@functools.cache
def _delete(table: sa.Table, where: tuple[sa.Column[Any], ...], dialect: str) -> SqlStatement:
    if dialect == "sqlite":
        return SqlStatement(
            table.delete().where(*(column == sa.bindparam(f"{column.name}") for column in where))
        )
    given = _unnested(where)
    return SqlStatement(table.delete().where(*(column == given.c[column.name] for column in where)))


@functools.cache
def _insert(table: sa.Table, names: tuple[str, ...], dialect: str) -> SqlStatement:
    return SqlStatement(_inserted(table, names, dialect), names)


@functools.cache
def _insert_absent(table: sa.Table, names: tuple[str, ...], dialect: str) -> SqlStatement:
    return SqlStatement(_inserted(table, names, dialect).on_conflict_do_nothing(), names)


@functools.cache
def _insert_numbered(table: sa.Table, names: tuple[str, ...]) -> SqlStatement:
    (number,) = table.primary_key
    return SqlStatement(_inserted(table, names, "postgresql").returning(number), names)


@functools.cache
def _upsert(table: sa.Table, names: tuple[str, ...], dialect: str) -> SqlStatement:
    keys = [column.name for column in table.primary_key]
    inserted = _inserted(table, names, dialect)
    others = {name: inserted.excluded[name] for name in names if name not in keys}
    return SqlStatement(inserted.on_conflict_do_update(index_elements=keys, set_=others), names)


def _inserted(table: sa.Table, names: tuple[str, ...], dialect: str) -> Any:
    if dialect == "sqlite":
        return sqlite.insert(table)
    given = _unnested([table.c[name] for name in names])
    ordered = sa.select(*(given.c[name] for name in names)).order_by(given.c.place)
    return postgresql.insert(table).from_select(list(names), ordered, include_defaults=False)
