"""The files of an installation: exactly the named one, accessible only to its owner."""

import asyncio
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from events.database.sqlite import SqliteDatabase
from events.errors import DatabaseRefused
from worker.migrations import schema
from worker.runtime.environment import ConfigurationError, Environment, environment, sqlite_path
from worker.services import open_services


@contextlib.contextmanager
def nothing_masked() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


def modes(directory: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in directory.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("x.db?mode=rwc", r"contains \?"),
        ("x.db?", r"contains \?"),
        ("x.db#part", "contains #"),
        ("with%20blank.db", "contains %"),
        ("file:x.db", "absolute or relative to the working directory"),
        ("~/x.db", "absolute or relative"),
        ("data/", "names a directory"),
        ("data/.", "names a directory"),
        ("..", "names a directory"),
        ("x.db\n", "a space at an end"),
        (" x.db", "a space at an end"),
        ("x\tdb", "an invisible character"),
        ("", "must be sqlite:/// and a path"),
        ("/", "must be sqlite:/// and a path"),
        (".", "must be sqlite:/// and a path"),
        (":memory:", "must be sqlite:/// and a path"),
    ],
)
def test_an_ambiguous_path_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("Q2C_DATABASE_URL", f"sqlite:///{path}")
    with pytest.raises(ConfigurationError, match=f"^Q2C_DATABASE_URL: .*{said}"):
        environment()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite://x.db", "sqlite:x.db", "SQLITE:///x.db", "sqlite+pysqlite:///x.db", "x.db"]
)
def test_other_ways_to_write_it_are_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("Q2C_DATABASE_URL", url)
    with pytest.raises(ConfigurationError, match=r"such as sqlite:///q2c-data/q2c\.sqlite3"):
        environment()


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example("a b.db")
@example("ä&=+;.db")
@example("file.db:memory")
def test_exactly_the_file_that_is_named_is_made_or_none(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    directory = tmp_path_factory.mktemp("named")
    try:
        path = sqlite_path(f"sqlite:///{directory}/{name}")
    except ValueError:
        return
    assert path == Path(f"{directory}/{name}")
    if len(os.fsencode(name)) > 200:
        return

    async def make() -> None:
        database = SqliteDatabase(path)
        await database.transaction(schema.migrate)
        assert {found.name for found in directory.iterdir()} >= {name}
        assert all(found.name.startswith(name) for found in directory.iterdir())
        assert path.stat().st_size > 0
        assert modes(directory) == {0o600}
        await database.close()

    with nothing_masked():
        asyncio.run(make())


async def test_only_the_owner_has_access_with_any_umask(tmp_path: Path) -> None:
    path = tmp_path / "one" / "two" / "q2c.sqlite3"
    with nothing_masked():
        services = await open_services(Environment(database_url=f"sqlite:///{path}"))
        assert {found.name for found in path.parent.iterdir()} >= {
            "q2c.sqlite3",
            "q2c.sqlite3-wal",
            "token.key",
        }
        assert modes(path.parent) == {0o600}
        assert {each.stat().st_mode & 0o777 for each in (path.parent, path.parent.parent)} == {0o700}
        for found in path.parent.iterdir():
            found.chmod(0o666)
        again = await open_services(Environment(database_url=f"sqlite:///{path}"))
        assert modes(path.parent) == {0o600}
        await again.database.close()
        await services.database.close()


async def test_the_target_of_a_link_is_made_private_too(tmp_path: Path) -> None:
    real, link = tmp_path / "real" / "log.db", tmp_path / "link.db"
    real.parent.mkdir()
    link.symlink_to(real)
    with nothing_masked():
        for _ in range(2):
            database = SqliteDatabase(link)
            await database.transaction(lambda connection: connection.exec_driver_sql("SELECT 1"))
            assert modes(real.parent) == {0o600}
            real.chmod(0o644)
            await database.close()


def test_a_file_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.db"
    path.touch(0o644)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted", str(path))

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(DatabaseRefused, match=r"log\.db can't be used: Operation not permitted.*0600"):
        SqliteDatabase(path)
