"""Every command and process names a damaged database in one sentence with the remedy."""

import json
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from events.database import postgres
from events.database.sqlite import SqliteDatabase, damage
from events.errors import DatabaseDamaged, DatabaseUnavailable
from events.log import log
from tests import stories
from tests.worker.running import Forks, Run
from tests.world import TOKEN_KEY, World

PAGE = 4096


@pytest.fixture
def q2c(forks: Forks, tmp_path: Path) -> Run:
    """Run the real command on a database."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("Q2C_")}

    def run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        variables = {"Q2C_DATABASE_URL": f"sqlite:///{path}", "Q2C_TOKEN_KEYS": TOKEN_KEY}
        return forks.run(arguments, inherited | variables, tmp_path)

    return run


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: 5 * PAGE + 100])


def garbage(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[PAGE:] = b"\xa5" * (len(raw) - PAGE)
    path.write_bytes(raw)


def garbage_in_the_schema(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[100:PAGE] = os.urandom(PAGE - 100)
    path.write_bytes(raw)


def wrong_header(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[16:100] = b"\xff" * 84
    path.write_bytes(raw)


def wal_of_another(path: Path) -> None:
    other = path.with_name("other.sqlite3")
    with sqlite3.connect(other) as writing:
        writing.execute("PRAGMA journal_mode = WAL")
        writing.execute("CREATE TABLE strange (x)")
        writing.executemany("INSERT INTO strange VALUES (?)", [("x" * 3000,)] * 40)
        writing.commit()
        shutil.copy(f"{other}-wal", f"{path}-wal")
    writing.close()


HARMS: list[Callable[[Path], None]] = [cut, garbage, garbage_in_the_schema, wrong_header, wal_of_another]


async def damaged(world: World, harm: Callable[[Path], None]) -> Path:
    """Copy the database of a world with some events, and damage the copy."""
    await world.send(*stories.signed_deal())
    await world.settle()
    path = world.services.environment.database_path.with_name("harmed.sqlite3")
    with sqlite3.connect(world.services.environment.database_path) as source, sqlite3.connect(path) as target:
        source.backup(target)
    target.close()
    source.close()
    with sqlite3.connect(path) as emptied:
        emptied.execute("PRAGMA journal_mode = DELETE")
    emptied.close()
    assert damage(path) is None
    harm(path)
    return path


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
async def test_commands_name_a_damaged_database(ready: World, q2c: Run, harm: Callable[[Path], None]) -> None:
    path = await damaged(ready, harm)
    for command in (("deals",), ("verify", "--offline", "--json"), ("config", "--json"), ("rebuild",)):
        ended = q2c(path, *command)
        said = ended.stdout + ended.stderr
        assert "Traceback" not in said, said[-2000:]
        assert ended.returncode in {1, 2}, (command, said)
        if command[0] != "config":
            assert ended.stdout == ""
        assert str(path) in said
        assert "restore a backup" in said


@pytest.mark.parametrize("harm", [garbage, cut], ids=lambda harm: harm.__name__)
async def test_a_running_process_treats_a_damaged_database_as_unavailable(
    ready: World, harm: Callable[[Path], None]
) -> None:
    database = SqliteDatabase(await damaged(ready, harm))
    with pytest.raises(DatabaseUnavailable, match=r"harmed\.sqlite3 is damaged .* restore a backup"):
        await database.read(log.read, after=0, limit=1000)
    await database.close()


def test_a_path_without_a_database_is_named(q2c: Run, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("something else")
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    under = text / "q2c.sqlite3"
    for path in (tmp_path, text, loop, under):
        for command in (("deals",), ("migrate",), ("config", "--json")):
            ended = q2c(path, *command)
            said = ended.stdout + ended.stderr
            assert "Traceback" not in said, said[-2000:]
            assert ended.returncode == 2, said
            assert "Q2C_DATABASE_URL" in said


async def test_a_damaged_postgresql_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Corrupted(Exception):
        sqlstate = "XX001"

    async def corrupted(*_: object, **__: object) -> object:
        raise DBAPIError("SELECT 1", None, Corrupted("invalid page in block 7"))

    database = postgres.PostgresDatabase("postgresql://u@h/d")
    monkeypatch.setattr(postgres, "connect", corrupted)
    with pytest.raises(DatabaseDamaged, match=r"invalid page in block 7.* restore a backup"):
        await database.read(log.head)
    await database.close()


def test_a_healthy_database_is_not_blamed_for_a_defect(q2c: Run, tmp_path: Path) -> None:
    path = tmp_path / "q2c.sqlite3"
    assert q2c(path, "workspace", "add", "acme").returncode == 0
    assert damage(path) is None
    assert damage(tmp_path / "none.sqlite3") is None
    assert not (tmp_path / "none.sqlite3").exists()
    assert json.loads(q2c(path, "config", "--json").stdout)["problems"][0].startswith(
        "Q2C_QUICKBOOKS_CLIENT_ID"
    )
