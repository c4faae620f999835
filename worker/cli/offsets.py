"""Kafka's offsets of our consumer group: showing and resetting them."""

from typing import Annotated

import msgspec
import typer

from worker.cli.failing import FINDING, Unusable
from worker.cli.kafka import run_with_kafka
from worker.cli.lazy import commands
from worker.cli.options import JsonOption
from worker.cli.output import people, print_json, print_rows
from worker.kafka import positions as kafka_positions
from worker.services import Services

offsets = commands("Show and reset Kafka's consumer offsets.")


@offsets.command("show")
def show(*, as_json: JsonOption = False) -> None:
    """Show each partition's offsets and lag.

    Exits with 1 if messages were lost, a topic was recreated, or the database is ahead of Kafka.
    """
    found = run_with_kafka(lambda opened: kafka_positions.positions(opened.environment, opened.database))
    derived = ("lag", "lost", "ahead", "recreated")
    rows = [{**msgspec.structs.asdict(at), **{name: getattr(at, name) for name in derived}} for at in found]
    columns = ("topic", "partition", "beginning", "stored", "committed", "end", *derived)
    print_rows(rows, columns, as_json=as_json, empty="There are no partitions.")
    raise typer.Exit(FINDING if any(at.ahead or at.lost or at.recreated for at in found) else 0)


@offsets.command("reset")
def reset(
    *,
    from_database: Annotated[
        bool, typer.Option("--from-database", help="Set Kafka's offsets to those stored in the database.")
    ] = False,
    recreated: Annotated[
        bool, typer.Option("--recreated", help="Read recreated topics from their beginning.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Reset offsets after a restore or a recreated topic. Stop q2c run ingest first."""
    if from_database == recreated:
        raise Unusable("Choose --from-database or --recreated.")

    async def work(opened: Services) -> list[kafka_positions.Position]:
        if recreated:
            now = opened.clock.now()
            return await kafka_positions.reset_recreated(opened.environment, opened.database, now)
        return await kafka_positions.reset_from_database(opened.environment, opened.database)

    changed = run_with_kafka(work)
    for at in changed:
        before, after = (at.stored, at.beginning) if recreated else (at.committed, at.next_offset)
        if as_json:
            print_json({**msgspec.structs.asdict(at), "next_offset": after})
        else:
            which = "back" if (before or 0) > after else "forward"
            people.print(f"{at.topic} partition {at.partition}: {which} from {before or 0} to {after}")
    if not changed and not as_json:
        people.print("No topic was recreated." if recreated else "Kafka and the database already agree.")
