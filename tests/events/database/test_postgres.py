"""PostgreSQL's errors become our errors."""

from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from events.database import postgres
from events.database.postgres import PostgresDatabase
from events.errors import DatabaseRefused, DatabaseUnavailable
from events.log import log
from tests.servers.postgres import running_postgres


async def test_a_database_that_is_not_there_is_a_matter_for_a_person(postgres_url: str) -> None:
    database = PostgresDatabase(urlsplit(postgres_url)._replace(path="/nowhere").geturl())
    with pytest.raises(DatabaseRefused, match='"nowhere" does not exist'):
        await database.read(log.head)
    await database.close()


async def test_a_server_that_is_not_there_may_come_back() -> None:
    database = PostgresDatabase("postgresql://q2c@127.0.0.1:1/q2c")
    with pytest.raises(DatabaseUnavailable):
        await database.read(log.head)
    await database.close()


@pytest.mark.parametrize("state", ["40P01", "40001", "57014", "53300", "55P03"])
async def test_a_temporary_error_means_unavailable(postgres_url: str, state: str) -> None:
    database = PostgresDatabase(postgres_url)

    def fail(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'now' USING ERRCODE = '{state}'; END $$")

    with pytest.raises(DatabaseUnavailable, match="now"):
        await database.transaction(fail)
    await database.close()


async def test_a_defect_of_ours_is_not_made_to_look_like_a_hiccup(postgres_url: str) -> None:
    database = PostgresDatabase(postgres_url)
    with pytest.raises(sa.exc.ProgrammingError, match="nonsense"):
        await database.transaction(lambda c: c.exec_driver_sql("SELECT nonsense"))
    await database.close()


async def test_a_server_that_went_and_came_back_is_used_again() -> None:
    with running_postgres(own=True) as server:
        database = PostgresDatabase(server.url)
        assert await database.read(lambda c: c.scalar(sa.select(1))) == 1
        server.stop_immediate()
        with pytest.raises(DatabaseUnavailable):
            await database.read(lambda c: c.scalar(sa.select(1)))
        server.start()
        assert await database.read(lambda c: c.scalar(sa.select(1))) == 1
        await database.close()


async def test_invalid_parameters_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "bogus")
    database = PostgresDatabase("postgresql://q2c@127.0.0.1:1/q2c")
    with pytest.raises(DatabaseRefused, match=r"^Q2C_DATABASE_URL: .*sslmode"):
        await database.read(log.head)
    await database.close()


async def test_a_statement_has_its_limit_and_one_without_a_limit_takes_as_long_as_it_has_to(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ANSWER_SECONDS_MAX", 0)
    for limit, ends in ((1, False), (None, True)):
        database = PostgresDatabase(postgres_url, statement_seconds=limit)
        try:
            await database.transaction(lambda c: c.execute(sa.text("SELECT pg_sleep(1.5)")))
        except DatabaseUnavailable:
            assert not ends
        else:
            assert ends
        await database.close()
