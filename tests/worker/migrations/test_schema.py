"""The tables are created, migrated from earlier revisions, and refused if their revision is unknown."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr

from events.clock import SystemEntropy
from events.database.port import Database
from events.database.postgres import PostgresDatabase
from events.log import dead_letters
from events.log.dead_letters import Totals
from events.log.tables import kafka_offsets, metadata
from projections import rebuild
from projections import shape as read_models
from projections.all import PROJECTIONS
from tests import stories
from tests.fakes import FakeClock
from tests.world import TOKEN_KEY, World, open_world
from worker.cli import tables
from worker.docusign import reception  # noqa: F401 - its table belongs to the schema
from worker.migrations import schema
from worker.quickbooks.gateway import open_gateway
from worker.quote_to_cash import manager
from worker.runtime.environment import ConfigurationError, Environment
from worker.sandbox.transport import SandboxTransport
from worker.services import migrate as brought_forward
from worker.services import open_database, open_services
from worker.verification.books import Books
from worker.verification.invariants import violations

Q2C = Path(sys.executable).with_name("q2c")
# The columns that later revisions dropped, with a value.
DROPPED_SINCE = {"events": {"content_hash": "-"}}
LIFE_OF_A_CONNECTION = (
    *("company", "plan", "connected_by", "alarm"),
    *("connected_at", "refreshed_at", "hard_expires_at", "disconnected_at"),
)
# The columns of later revisions, and their values in existing rows.
SINCE_THE_FIRST: dict[str, dict[str, Any]] = {
    "realms": {
        **dict.fromkeys(("holder", "held_until", "gate", "gate_since", "waits_since", "batches_since")),
        "sync_frequency": "real_time",
    },
    "commands": {"sends": 0, "look_ups": 0, "named_id": None, "waits_since": None, "yields": False},
    "dead_letters": {"headers": None, "deal": None, "account": "", "kept_bytes": None},
    "docusign_keys": {"hint": "", "verified_at": None},
    "oauth_states": {"cookie_hash": None, "started_by": None, "another_company": False},
    "tokens": dict.fromkeys(LIFE_OF_A_CONNECTION),
    "api_tokens": {
        "number": 1,
        "label": None,
        "hint": "…",
        "scopes": "produce read act",
        "created_by": None,
        "last_used_at": None,
        "revoked_at": None,
        "revoked_by": None,
    },
}
PASSING = {"subscriptions": ("edition", "holder", "leased_until")}
READ_AGAIN = ("matching",)  # it reads the log again after a migration
READ_MODELS = [table.name for projection in PROJECTIONS for table in projection.tables]

Rows = dict[str, list[dict[str, Any]]]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'q2c.sqlite3'}"


@pytest_asyncio.fixture
async def empty(url: str) -> AsyncIterator[Database]:
    """A database without tables."""
    opened = open_database(Environment(database_url=url))
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def story(ready: World) -> Rows:
    """Return every row of an installation that is connected and has invoiced a deal."""
    await ready.send(*stories.signed_deal())
    await ready.settle()
    found = await ready.services.database.read(rows)
    assert all(
        found[name] for name in ("events", "commands", "tokens", "realms", "api_tokens", "process_state")
    )
    # The first revision did not have these tables.
    later = [name for name in found if name.startswith(("suggesting_", "quickbooks_reads"))]
    reading = [row for row in found["subscriptions"] if row["name"] not in READ_AGAIN]
    return found | {name: [] for name in later} | {"subscriptions": reading}


def rows(connection: sa.Connection) -> Rows:
    """Return every row, without the live edition of read models and the holders of leases."""
    return {
        table.name: [
            {name: row[name] for name in row if name not in PASSING.get(table.name, ("edition",))}
            for row in connection.execute(table.select().order_by(*table.primary_key)).mappings()
        ]
        for table in metadata.sorted_tables
    }


def as_it_was(connection: sa.Connection, story: Rows) -> None:
    """Create the first revision's tables with rows, as in an installation that was never migrated."""
    schema.upgrade(connection, schema.FIRST)
    connection.execute(sa.text("DROP TABLE alembic_version"))
    for projection in PROJECTIONS:
        for view in projection.views:
            connection.exec_driver_sql(f"CREATE TABLE {view.name} (workspace TEXT)")  # its former name
    for table in metadata.sorted_tables:
        later = SINCE_THE_FIRST.get(table.name, {})
        if table is not kafka_offsets and table.name not in READ_MODELS and story[table.name]:
            dropped = DROPPED_SINCE.get(table.name, {})
            former = table.to_metadata(sa.MetaData())
            for name in dropped:
                former.append_column(sa.Column(name, sa.Text))
            kept = [{name: row[name] for name in row if name not in later} for row in story[table.name]]
            connection.execute(former.insert(), [row | dropped for row in kept])
    old = [{"name": view.name, "position": 1} for projection in PROJECTIONS for view in projection.views]
    connection.execute(sa.text("DELETE FROM subscriptions WHERE name LIKE '%_v_'"))
    connection.execute(sa.text("INSERT INTO subscriptions (name, position) VALUES (:name, :position)"), old)


def differences(connection: sa.Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return [found for found in compare_metadata(context, metadata) if "alembic_version" not in str(found)]


def shape(connection: sa.Connection) -> dict[str, object]:
    """Return the database's description of our tables, independent of the order of columns."""

    def said(found: Any) -> str:
        options = {name: str(value) for name, value in found.get("dialect_options", {}).items()}
        return str({**found, "dialect_options": options})

    inspector = sa.inspect(connection)
    reflect = (
        inspector.get_columns,
        inspector.get_unique_constraints,
        inspector.get_indexes,
        inspector.get_foreign_keys,
    )
    return {
        name: (inspector.get_pk_constraint(name), *(sorted(map(said, ask(name))) for ask in reflect))
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }


def execute(connection: sa.Connection, *statements: str) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)


async def migrate(database: Database) -> list[str]:
    return await brought_forward(database, FakeClock(), SystemEntropy())


async def broken(database: Database) -> dict[str, list[str]]:
    found = await database.read(violations, FakeClock().now(), Books())
    return {name: said for name, said in found.items() if said}


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
    migrated = await empty.read(shape)
    views = [f"DROP VIEW {view.name}" for projection in PROJECTIONS for view in projection.views]
    await empty.transaction(execute, *views)
    await empty.transaction(metadata.drop_all)
    await empty.transaction(metadata.create_all)
    assert migrated == await empty.read(shape)


async def test_rows_from_before_the_first_revision_are_kept(empty: Database, story: Rows) -> None:
    await empty.transaction(as_it_was, story)
    assert await empty.read(schema.current) == "0001"
    done = [f"Tables migrated from revision 0001 to {schema.HEAD}"]
    done += [f"Read model {name} created" for name in READ_MODELS]
    assert await migrate(empty) == done + [
        f"Read model {projection.name} filled" for projection in PROJECTIONS
    ]
    assert await empty.transaction(differences) == []
    brought = {
        name: [row | SINCE_THE_FIRST.get(name, {}) for row in kept_rows] for name, kept_rows in story.items()
    }
    assert await empty.read(rows) == brought
    assert await broken(empty) == {}


async def test_dead_letters_that_were_there_are_counted(empty: Database, story: Rows) -> None:
    await empty.transaction(as_it_was, story)
    insert = (
        "INSERT INTO dead_letters (fingerprint, workspace, origin, reason, detail, raw, raw_bytes, seen,"
        " first_seen_at, last_seen_at) VALUES ('{0}', {1}, 'http', 'x', 'y', '', {2}, 1,"
        " '2026-05-05 12:00:00.000000', '2026-05-05 12:00:00.000000')"
    )
    given = [("a", "'acme'", 5), ("b", "'acme'", 2_000_000), ("c", "'ghost'", 3), ("d", "NULL", 4)]
    await empty.transaction(execute, *(insert.format(*values) for values in given))
    await empty.transaction(schema.migrate)
    found = await empty.read(dead_letters.totals)
    assert found == [Totals("", 2, 7), Totals("acme", 2, 5 + 1024 * 1024)]


async def test_customers_wait_on_their_accounts_and_on_the_settings_of_customer_sync(
    empty: Database, story: Rows
) -> None:
    since = [row for row in story["process_waits"] if row["stream"].startswith("customer/")]
    assert {row["key"] for row in since} == {"account/A-1", "workspace/in_step"}
    before = story | {"process_waits": [row for row in story["process_waits"] if row not in since]}
    await empty.transaction(as_it_was, before)
    await empty.transaction(schema.migrate)
    assert (await empty.read(rows))["process_waits"] == story["process_waits"]


async def test_tables_that_no_command_had_used_yet_are_made(empty: Database, story: Rows) -> None:
    """Before the first revision, each command created its own tables: an installation may lack the tokens' table."""
    await empty.transaction(as_it_was, story)
    await empty.transaction(execute, "DROP TABLE tokens", "DROP TABLE oauth_states", "DROP TABLE deals")
    await empty.transaction(schema.migrate)
    assert await empty.transaction(differences) == []


async def test_a_migration_that_fails_leaves_everything_as_it_was(
    empty: Database, story: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: sa.Connection) -> list[str]:
        raise RuntimeError("on the last step")

    await empty.transaction(as_it_was, story)
    before = await empty.read(shape)
    monkeypatch.setattr(read_models, "prepare", fail)
    with pytest.raises(RuntimeError, match="on the last step"):
        await empty.transaction(schema.migrate)
    monkeypatch.undo()
    assert await empty.read(shape) == before
    assert await empty.read(schema.current) == "0001"
    await empty.transaction(schema.migrate)
    assert await empty.transaction(differences) == []


def test_any_number_of_processes_may_migrate_at_once(url: str, tmp_path: Path) -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("Q2C_")}
    environment = inherited | {"Q2C_DATABASE_URL": url}
    command = [str(Q2C), "migrate", "--json"]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path)
        for _ in range(3)
    ]
    said = [json.loads(process.communicate(timeout=120)[0]) for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert {answer["revision"] for answer in said} == {schema.HEAD}
    assert sum(bool(answer["done"]) for answer in said) == 1


async def test_a_changed_read_model_is_filled_again(empty: Database, story: Rows) -> None:
    await empty.transaction(as_it_was, story)
    await migrate(empty)
    drifts = {
        "deals_v1": "ALTER TABLE deals_v1 ADD COLUMN mood TEXT",
        "invoices_v1": "DROP INDEX invoices_v1_deal",
        "mappings_v4": "ALTER TABLE mappings_v4 ADD COLUMN mood TEXT",
        "integration_log_v2": "DROP VIEW integration_log; DROP TABLE integration_log_v2",
    }
    for name, drift in drifts.items():
        await empty.transaction(execute, *drift.split("; "))
        with pytest.raises(ConfigurationError, match=f"{name}; run q2c migrate"):
            await empty.read(schema.check)
        assert await migrate(empty) == [
            f"Read model {name} created",
            f"Read model {name.rpartition('_')[0]} filled",
        ]
        assert await empty.read(schema.problem) is None
    filled = await empty.read(rows)
    assert {name: filled[name] for name in READ_MODELS} == {name: story[name] for name in READ_MODELS}
    assert await broken(empty) == {}


async def test_tables_of_the_future_are_refused(url: str, empty: Database) -> None:
    await empty.transaction(schema.migrate)
    await empty.transaction(execute, "UPDATE alembic_version SET version_num = '9999'")
    refused = pytest.raises(ConfigurationError, match=r"revision 9999, .* upgrade the code")
    for work in (schema.check, schema.migrate):
        with refused:
            await empty.transaction(work)
    with refused:
        await open_services(Environment(database_url=url))


async def test_a_worker_on_postgresql_refuses_tables_that_are_not_migrated(postgres_url: str) -> None:
    environment = Environment(database_url=postgres_url)
    with pytest.raises(ConfigurationError, match="no tables yet; run q2c migrate"):
        await open_services(environment)
    database = PostgresDatabase(postgres_url)
    await database.transaction(schema.upgrade, "0001")
    with pytest.raises(ConfigurationError, match=r"revision 0001, .*; run q2c migrate"):
        await open_services(environment)
    await database.transaction(schema.migrate)
    await database.close()
    services = await open_services(environment)
    await services.database.close()


async def test_a_sqlite_file_is_migrated_when_it_is_opened(tmp_path: Path, story: Rows) -> None:
    environment = Environment(
        database_url=f"sqlite:///{tmp_path / 'q2c.sqlite3'}", token_keys=(SecretStr(TOKEN_KEY),)
    )
    database = open_database(environment)
    await database.transaction(as_it_was, story)
    await database.close()
    services = await open_services(environment)
    assert await services.database.read(schema.problem) is None
    kept = [row | SINCE_THE_FIRST["tokens"] for row in story["tokens"]]
    assert (await services.database.read(rows))["tokens"] == kept
    await services.database.close()


async def test_workers_need_no_right_to_change_tables(postgres_url: str, tmp_path: Path) -> None:
    administrator = PostgresDatabase(postgres_url)
    with roles(postgres_url) as (owner, application, statements, undone):
        owning, working = (PostgresDatabase(acting(postgres_url, role)) for role in (owner, application))
        try:
            await administrator.transaction(execute, *statements)
            with pytest.raises(ConfigurationError, match=r"permission denied .* as the owner"):
                await working.transaction(schema.migrate)
            await owning.transaction(schema.migrate)
            await working.read(schema.check)
            await everything_that_workers_do(working, tmp_path)
            for refused in ("CREATE TABLE mine (a int)", "DROP TABLE deals_v1", "TRUNCATE events"):
                with pytest.raises(sa.exc.ProgrammingError, match=r"permission denied|must be owner"):
                    await working.transaction(execute, refused)
            await administrator.transaction(execute, f"REVOKE ALL ON alembic_version FROM {application}")
            with pytest.raises(ConfigurationError, match=r"permission denied .* rights"):
                await working.read(schema.check)
        finally:
            await asyncio.gather(owning.close(), working.close())
            await administrator.transaction(execute, *undone)
            await administrator.close()


@contextmanager
def roles(url: str) -> Iterator[tuple[str, str, Iterable[str], Iterable[str]]]:
    """Create the roles of docs/postgresql.md, word for word except their names, which a server can have only once."""
    name = url.partition("?")[0].rpartition("/")[2]
    owner, application = f"{name}_owner", f"{name}_app"
    text = (Path(__file__).parents[3] / "docs" / "postgresql.md").read_text()
    made = text.split("```sql\n")[1].split("```")[0]
    made = (
        made.replace("q2c_owner", owner)
        .replace("q2c_app", application)
        .replace("DATABASE q2c ", f"DATABASE {name} ")
    )
    undone = [f"{what} {role}" for role in (application, owner) for what in ("DROP OWNED BY", "DROP ROLE")]
    yield owner, application, [part for part in made.split(";") if part.strip()], undone


def acting(url: str, role: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}role={role}"


async def everything_that_workers_do(database: Database, directory: Path) -> None:
    """Connect a company, invoice a deal, and rebuild everything that follows from the log."""
    async with open_world(directory) as other:
        services = msgspec.structs.replace(other.services, database=database)
        parts = (services.environment, database, other.clock, services.entropy, services.vault)
        transport = SandboxTransport(other.sandbox, other.clock)
        async with open_gateway(*parts, transport=transport) as gateway:
            world = World(services, gateway, other.sandbox, other.clock)
            await world.ready()
            await world.send(stories.account(), *stories.signed_deal())
            await world.settle()
            assert len(world.books()) == 1
    for back in (False, True):
        await rebuild.rebuild(database, FakeClock(), "test", PROJECTIONS, back=back)
    await database.transaction(manager.rebuild)
    assert await broken(database) == {}


def test_no_limit_cuts_a_migration_off(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("Q2C_DATABASE_URL", postgres_url)
    asked = sa.text("SHOW statement_timeout")
    migrated = schema.migrate
    monkeypatch.setattr(
        schema, "migrate", lambda connection: [*migrated(connection), connection.scalar(asked)]
    )
    tables.migrate(as_json=True)
    assert json.loads(capsys.readouterr().out)["done"][-1] == "0"
