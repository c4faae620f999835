"""The tables: made from nothing, brought forward from what was, and refused where nobody knows them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import projections.all
from events import log
from events.database import Database
from events.postgres import PostgresDatabase
from events.sqlite import SqliteDatabase
from events.tables import metadata
from projections.deals import deals
from tests import stories
from tests.events.samples import made
from worker import runner, schema, workspaces
from worker.services import SUBSCRIPTIONS, open_services
from worker.settings import ConfigurationError, Environment
from worker.verification.invariants import violations

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)


@pytest_asyncio.fixture(params=["sqlite", "postgres"])
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database with nothing in it."""
    if request.param == "postgres":
        opened: Database = PostgresDatabase(request.getfixturevalue("postgres_url"))
    else:
        opened = SqliteDatabase(tmp_path / "q2c.sqlite3")
    yield opened
    await opened.close()


def upgrade_to(connection: sa.Connection, revision: str) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(schema, "HEAD", revision)
        schema._upgrade(connection, None)


def as_it_was(connection: sa.Connection) -> None:
    """Lay the first tables, with a deal in them, as somebody has them who never migrated."""
    upgrade_to(connection, "0001")
    connection.execute(sa.text("DROP TABLE alembic_version"))
    for projection in projections.all.PROJECTIONS:
        projection.table.create(connection)
    workspaces.add(connection, "acme", "token", b"sealed", NOW)
    log.append(
        connection, [made(stories.account()), made(stories.deal()), made(stories.contract("signed"))], NOW
    )
    realm = {"realm": "1", "workspace": "acme", "connected": True, "paused": False, "time_zone": "UTC"}
    columns = ", ".join(realm)
    values = ", ".join(f":{name}" for name in realm)
    connection.execute(sa.text(f"INSERT INTO realms ({columns}) VALUES ({values})"), realm)  # noqa: S608 - constants


def differences(connection: sa.Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return [found for found in compare_metadata(context, metadata) if "alembic_version" not in str(found)]


def test_revisions_are_one_line_that_the_code_knows() -> None:
    config = Config()
    config.set_main_option("script_location", "worker:migrations")
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [schema.HEAD]
    assert tuple(script.revision for script in reversed(list(scripts.walk_revisions()))) == schema.REVISIONS


async def test_from_nothing_the_tables_are_those_of_the_code(empty: Database) -> None:
    assert await empty.transaction(schema.migrate) != []
    assert await empty.transaction(differences) == []
    assert await empty.transaction(schema.migrate) == []
    assert await empty.read(schema.problem) is None


async def test_what_was_there_before_there_were_revisions_is_kept(empty: Database) -> None:
    await empty.transaction(as_it_was)
    assert await empty.read(schema.revision) == "0001"
    await empty.transaction(schema.migrate)
    assert await empty.transaction(differences) == []
    await runner.catch_up(empty, _Still(), SUBSCRIPTIONS, "test")
    assert await empty.read(workspaces.names) == ["acme"]
    [deal] = await empty.read(lambda c: c.execute(sa.select(deals)).mappings().all())
    assert (deal["workspace"], deal["deal"], deal["won"]) == ("acme", "D-1", True)
    broken = await empty.read(violations, NOW, {})
    assert not any(broken.values()), broken


async def test_any_number_of_processes_may_migrate_at_once(empty: Database) -> None:
    await empty.transaction(as_it_was)
    done = await asyncio.gather(*(empty.transaction(schema.migrate) for _ in range(3)))
    assert sum(bool(sentences) for sentences in done) == 1


async def test_a_read_model_that_the_code_changed_is_filled_anew(empty: Database) -> None:
    await empty.transaction(as_it_was)
    await empty.transaction(schema.migrate)
    await runner.catch_up(empty, _Still(), SUBSCRIPTIONS, "test")
    await empty.transaction(lambda c: c.execute(sa.text("ALTER TABLE deals ADD COLUMN mood TEXT")))
    with pytest.raises(ConfigurationError, match="deals; run q2c migrate"):
        await empty.read(schema.check)
    assert await empty.transaction(schema.migrate) == ["Read model deals made anew"]
    await runner.catch_up(empty, _Still(), SUBSCRIPTIONS, "test")
    broken = await empty.read(violations, NOW, {})
    assert not any(broken.values()), broken


async def test_tables_of_the_future_are_refused(empty: Database) -> None:
    await empty.transaction(schema.migrate)
    await empty.transaction(lambda c: c.execute(sa.text("UPDATE alembic_version SET version_num = '9999'")))
    for work in (schema.check, schema.migrate):
        with pytest.raises(ConfigurationError, match=r"revision 9999 .* upgrade the code"):
            await empty.transaction(work)


async def test_a_worker_on_postgresql_refuses_tables_that_are_not_migrated(postgres_url: str) -> None:
    environment = Environment(database_url=postgres_url)
    with pytest.raises(ConfigurationError, match="no tables yet; run q2c migrate"):
        await open_services(environment)
    database = PostgresDatabase(postgres_url)
    await database.transaction(upgrade_to, "0001")
    with pytest.raises(ConfigurationError, match=r"revision 0001 .*; run q2c migrate"):
        await open_services(environment)
    await database.transaction(schema.migrate)
    await database.close()
    services = await open_services(environment)
    await services.database.close()


async def test_a_sqlite_file_is_migrated_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "q2c.sqlite3"
    database = SqliteDatabase(path)
    await database.transaction(as_it_was)
    await database.close()
    services = await open_services(Environment(database_url=f"sqlite:///{path}"))
    assert await services.database.read(schema.problem) is None
    assert await services.database.read(workspaces.names) == ["acme"]
    await services.database.close()


async def test_workers_need_no_right_to_change_tables(postgres_url: str) -> None:
    """The roles of docs/postgresql.md, word for word but for their names: a server has them once."""
    name = postgres_url.rpartition("/")[2]
    owner, application = f"{name}_owner", f"{name}_app"
    text = (Path(__file__).parents[2] / "docs" / "postgresql.md").read_text()
    roles = text.split("```sql\n")[1].split("```")[0]
    roles = roles.replace("q2c_owner", owner).replace("q2c_app", application)
    database = PostgresDatabase(postgres_url)

    def execute(connection: sa.Connection, *statements: str) -> None:
        for statement in statements:
            connection.exec_driver_sql(statement)

    def as_role(connection: sa.Connection, role: str, work: Callable[[sa.Connection], object]) -> None:
        connection.exec_driver_sql(f"SET LOCAL ROLE {role}")
        work(connection)

    def write(connection: sa.Connection) -> None:
        schema.check(connection)
        workspaces.add(connection, "acme", "token", b"sealed", NOW)
        log.append(connection, [made(stories.account())], NOW)

    await database.transaction(execute, *(part for part in roles.split(";") if part.strip()))
    try:
        await database.transaction(as_role, owner, schema.migrate)
        await database.transaction(as_role, application, write)
        for refused in ("CREATE TABLE mine (a int)", "DROP TABLE deals", "TRUNCATE events"):
            with pytest.raises(sa.exc.ProgrammingError, match=r"permission denied|must be owner"):
                await database.transaction(execute, f"SET LOCAL ROLE {application}", refused)
    finally:
        for role in (application, owner):
            await database.transaction(execute, f"DROP OWNED BY {role} CASCADE", f"DROP ROLE {role}")
        await database.close()


class _Still:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(seconds)
