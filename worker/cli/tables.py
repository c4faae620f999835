"""The tables: creating and upgrading them."""

import asyncio

from events.clock import SystemClock, SystemEntropy
from worker import services
from worker.cli.options import JsonOption
from worker.cli.output import counted, people, print_json
from worker.migrations import schema
from worker.runtime.environment import environment
from worker.runtime.installed import check_database_file


def migrate(*, as_json: JsonOption = False) -> None:
    """Create or upgrade the tables; workers refuse any other schema.

    To undo an upgrade, restore a backup. New read models are filled while workers of the previous version keep
    running.
    """
    settings = environment()
    check_database_file(settings)

    async def work() -> list[str]:
        database = services.open_database(settings, migrating=True)
        try:
            await services.check_ours(settings, database)
            return await services.migrate(database, SystemClock(), SystemEntropy(), counted(as_json=as_json))
        finally:
            await database.close()

    done = asyncio.run(work())
    if as_json:
        print_json({"revision": schema.HEAD, "done": done})
        return
    for sentence in done or [f"The tables already have revision {schema.HEAD}"]:
        people.print(f"{sentence}.")
