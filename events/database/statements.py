"""Frequent statements: written in SQLAlchemy, compiled once, and passed to the driver directly.

SQLAlchemy takes about ten times as long as SQLite to execute a statement, and its work gives the same result each time.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

Row = Mapping[str, Any]
Converter = Callable[[Any], Any]
Converters = tuple[tuple[int, Converter], ...]  # each with the index of the column that it converts


class _Compiled(Struct, frozen=True):
    """A statement compiled for one database."""

    text: str
    names: tuple[str, ...]
    constants: dict[str, Any]
    given: Converters

    def parameters(self, rows: Sequence[Row]) -> Sequence[tuple[Any, ...]]:
        if self.constants:
            rows = [{**self.constants, **row} for row in rows]
        return _converted([tuple([row[name] for name in self.names]) for row in rows], self.given)


class SqlStatement:
    """A statement with named parameters, compiled once for each database.

    Args:
        expression: The statement in SQLAlchemy; its columns give the types of the results.
        names: The columns that an insert sets.
    """

    def __init__(self, expression: Any, names: Sequence[str] | None = None) -> None:
        self._expression = expression
        self._names = names
        self._compiled: dict[str, _Compiled] = {}
        self._taken: dict[str, Converters] = {}

    def rows(self, connection: sa.Connection, values: Row = {}) -> list[tuple[Any, ...]]:  # noqa: B006 - it is never changed
        """Execute the statement and return the rows."""
        compiled = self._for(connection.dialect)
        cursor = _cursor(connection, compiled.text, *compiled.parameters([values]))
        taken = self._taken.get(connection.dialect.name)
        if taken is None:
            taken = self._taken[connection.dialect.name] = self._takes(connection, cursor)
        return _converted(cursor.fetchall(), taken)

    def changed(self, connection: sa.Connection, values: Row) -> int:
        """Execute the statement and return the number of changed rows."""
        compiled = self._for(connection.dialect)
        count: int = _cursor(connection, compiled.text, *compiled.parameters([values])).rowcount
        return count

    def each(self, connection: sa.Connection, rows: Sequence[Row]) -> None:
        """Execute the statement once for each row."""
        compiled = self._for(connection.dialect)
        self._repeat(connection, compiled, compiled.parameters(rows))

    def each_tuple(self, connection: sa.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
        """Execute the statement once for each row, with values in the order of the statement's parameters."""
        compiled = self._for(connection.dialect)
        self._repeat(connection, compiled, _converted(rows, compiled.given))

    def _repeat(
        self, connection: sa.Connection, compiled: _Compiled, parameters: Sequence[tuple[Any, ...]]
    ) -> None:
        if connection.dialect.name == "sqlite":
            try:
                _driver(connection).executemany(compiled.text, parameters)
            except sqlite3.Error as error:
                raise _translated(compiled.text, error) from error
        else:
            connection.exec_driver_sql(compiled.text, parameters)

    def _for(self, dialect: sa.Dialect) -> _Compiled:
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _compile(self._expression, self._names, dialect)
        return compiled

    def _takes(self, connection: sa.Connection, cursor: Any) -> Converters:
        """Return the converter of each result column, by the types that the driver reports."""
        columns = getattr(self._expression, "exported_columns", ())
        description = (cursor if connection.dialect.name == "sqlite" else cursor.cursor).description
        return _converters(
            [
                column.type.dialect_impl(connection.dialect).result_processor(
                    connection.dialect, described[1]
                )
                for column, described in zip(columns, description, strict=bool(columns))
            ]
        )


def _cursor(connection: sa.Connection, text: str, parameters: tuple[Any, ...]) -> Any:
    """Execute a statement; on SQLite directly on the driver, since SQLAlchemy's layer takes far longer than SQLite."""
    if connection.dialect.name != "sqlite":
        return connection.exec_driver_sql(text, parameters)
    try:
        return _driver(connection).execute(text, parameters)
    except sqlite3.Error as error:
        raise _translated(text, error) from error


def _driver(connection: sa.Connection) -> Any:
    return connection.connection.driver_connection


def _translated(text: str, error: sqlite3.Error) -> BaseException:
    """Return the error that SQLAlchemy would raise for a driver's error."""
    return sa.exc.DBAPIError.instance(text, None, error, sqlite3.Error, hide_parameters=True)


def _compile(expression: Any, names: Sequence[str] | None, dialect: sa.Dialect) -> _Compiled:
    compiled = expression.compile(dialect=dialect, column_keys=names)
    if compiled.post_compile_params:
        raise ValueError(f"A statement of fixed text can't hold a list of any length: {compiled}")
    order = tuple(compiled.positiontup)
    return _Compiled(
        text=str(compiled),
        names=order,
        constants={name: value for name, value in compiled.params.items() if value is not None},
        given=_converters(
            [compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect) for name in order]
        ),
    )


def _converters(found: Sequence[Converter | None]) -> Converters:
    return tuple((place, converter) for place, converter in enumerate(found) if converter is not None)


def _converted(rows: Sequence[Sequence[Any]], converters: Converters) -> list[tuple[Any, ...]]:
    """Convert column by column, which costs only one call for each value."""
    if not converters or not rows:
        return list(map(tuple, rows))
    columns: list[Any] = list(zip(*rows, strict=True))
    for place, converter in converters:
        columns[place] = map(converter, columns[place])
    return list(zip(*columns, strict=True))
