"""The keys that encrypt secrets in the database: list, reseal, retire, and declare lost."""

import asyncio
from typing import Annotated

import typer
from msgspec.structs import asdict

from events.clock import SystemClock, SystemEntropy
from worker.actions.keys import lose_keys, reseal_secrets, retire_key
from worker.cli.context import person, run
from worker.cli.failing import FINDING, Unusable
from worker.cli.lazy import commands
from worker.cli.options import JsonOption
from worker.cli.output import people, print_json, print_rows
from worker.runtime import logs
from worker.runtime.environment import environment
from worker.runtime.installed import check_database_file, token_keys
from worker.runtime.vault import Vault
from worker.services import Services, open_database, see_to_tables
from worker.workspaces import keyring
from worker.workspaces.keyring import Resealed, Shown

keys = commands(
    "Rotate the keys that encrypt secrets. They are in Q2C_TOKEN_KEYS, or in token.key beside the database."
)


@keys.command("list")
def list_keys(*, as_json: JsonOption = False) -> None:
    """List the keys: ID, place in Q2C_TOKEN_KEYS, and number of secrets."""

    async def work(opened: Services) -> list[Shown]:
        return await opened.database.read(keyring.shown, opened.vault.key_ids)

    columns = ("key_id", "place", "records", "first_used_at", "retired_at", "retired_by")
    print_rows([asdict(key) for key in run(work)], columns, as_json=as_json, empty="")


@keys.command("reseal")
def reseal(*, as_json: JsonOption = False) -> None:
    """Encrypt every secret again, with the newest key.

    Exits with 1 if a secret can't be decrypted.
    """

    async def work(opened: Services) -> Resealed:
        return await reseal_secrets(opened)

    found = run(work)
    if as_json:
        print_json(found)
    else:
        people.print(f"{found.resealed} resealed; {found.current} already had the newest key.")
        for problem in found.unreadable:
            people.print(f"! {problem}", style="bold red", soft_wrap=True)
    raise typer.Exit(FINDING if found.unreadable else 0)


@keys.command("retire")
def retire(
    key_id: Annotated[str, typer.Argument(metavar="KEY_ID", help="The key's ID in q2c keys list.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Retire a key: no process starts with it again."""

    async def work(opened: Services) -> Shown:
        return await retire_key(opened, key_id, person())

    found = run(work)
    if as_json:
        print_json({**asdict(found), "retired": True})
        return
    people.print(f"Key {found.key_id} is retired since {found.retired_at:%Y-%m-%d %H:%M} UTC.")
    if found.place is not None:
        people.print(
            f"Remove it from Q2C_TOKEN_KEYS, where it is key {found.place}: no process starts with it any more.",
            style="bold",
        )


@keys.command("lost")
def lost(
    *,
    yes: Annotated[
        bool, typer.Option("--yes", help="Delete the secrets that the lost keys encrypt.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Delete the secrets that lost keys encrypt, and go on without.

    Connect QuickBooks and add DocuSign's keys again afterwards.
    """
    if not yes:
        raise Unusable(
            "This deletes every QuickBooks connection and DocuSign key that the present keys can't decrypt, and retires"
            " the missing keys. Without Q2C_TOKEN_KEYS and token.key, it creates a new key. Confirm with --yes."
        )
    settings = environment()
    logs.configure(settings)
    check_database_file(settings)

    async def work() -> list[str]:
        database = open_database(settings)
        try:
            await see_to_tables(settings, database)
            vault = Vault(token_keys(settings), SystemEntropy())
            return await lose_keys(database, vault, SystemClock(), person())
        finally:
            await database.close()

    gone = asyncio.run(work())
    if as_json:
        print_json({"lost": gone})
        return
    for sentence in gone or ["Nothing was deleted: the present keys decrypt every secret"]:
        people.print(f"{sentence}.", soft_wrap=True)
