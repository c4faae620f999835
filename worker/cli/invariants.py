"""Invariants: checking them on a live database."""

from typing import Annotated

import typer

from worker.cli.context import run
from worker.cli.failing import FINDING
from worker.cli.options import JsonOption
from worker.cli.output import people, print_json
from worker.quickbooks.gateway import open_gateway
from worker.services import Services
from worker.verification import invariants
from worker.verification.books import Books, read_books

SHOWN_MAX = 20


def verify(
    *,
    offline: Annotated[
        bool, typer.Option("--offline", help="Check the database only; send no request to QuickBooks.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check the database and QuickBooks' books for broken invariants.

    Reads only. Exits with 1 if an invariant is broken.
    """

    async def work(opened: Services) -> dict[str, list[str]]:
        books = Books()
        if not offline:
            async with open_gateway(
                opened.environment, opened.database, opened.clock, opened.entropy, opened.vault
            ) as gateway:
                books = await read_books(opened.database, gateway.client)
        return await opened.database.read(invariants.violations, opened.clock.now(), books)

    found = run(work)
    good = not any(found.values())
    if as_json:
        print_json({"good": good, "violations": found})
    else:
        for invariant in invariants.INVARIANTS:
            broken = found[invariant.name]
            people.print(f"{'✗' if broken else '✓'} {invariant.name}  {invariant.says}", markup=False)
            for violation in broken[:SHOWN_MAX]:
                people.print(f"      {violation}", markup=False)
            if len(broken) > SHOWN_MAX:
                people.print(f"      and {len(broken) - SHOWN_MAX} more", markup=False)
    raise typer.Exit(0 if good else FINDING)
