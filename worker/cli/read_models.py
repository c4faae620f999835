"""Read models: rebuilding them from the log."""

from typing import Annotated

import typer

from projections import rebuild as building
from projections.all import PROJECTIONS
from projections.beside import NothingKept
from worker.cli.context import run
from worker.cli.failing import Unusable
from worker.cli.options import JsonOption
from worker.cli.output import counted, people, print_json
from worker.quote_to_cash import manager
from worker.runtime.garbage import seldom_collected
from worker.services import FOLLOWING, Services


def rebuild(
    *,
    back: Annotated[
        bool, typer.Option("--back", help="Switch back to the previous rows, after bringing them up to date.")
    ] = False,
    state: Annotated[
        bool,
        typer.Option(
            "--state", help="Also rebuild the process manager's state; no deal is decided meanwhile."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Rebuild the read models from the log.

    The live read models stay in use until the new ones replace them in one transaction. Workers keep running. Run it
    again after an interruption: it continues.
    """

    async def work(opened: Services) -> bool:
        holder = f"rebuild:{opened.entropy.token()[:8]}"
        with seldom_collected():
            ours = await building.rebuild(
                opened.database,
                opened.clock,
                holder,
                PROJECTIONS,
                back=back,
                following=FOLLOWING,
                told=counted(as_json=as_json),
            )
        if state:
            await opened.database.transaction(manager.rebuild)
        return ours

    try:
        ours = run(work)
    except NothingKept as error:
        raise Unusable(f"{error}; q2c rebuild keeps the previous rows until the next rebuild.") from error
    count = len(PROJECTIONS)
    if as_json:
        print_json({"rebuilt": count if ours else 0, "back": back, "state": state})
        return
    done = f"Switched back {count} read models" if back else f"Rebuilt {count} read models"
    people.print(f"{done}{'' if ours else ', in another process'}.")
    if state:
        people.print("Rebuilt the process manager's state.")
