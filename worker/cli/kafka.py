"""Kafka: topics, offsets and replay."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
import typer

from worker.cli.context import JsonOption, Unusable, run
from worker.cli.groups import GroupedCommands
from worker.cli.output import FINDING, people, print_json, print_rows
from worker.runtime.environment import ConfigurationError, Environment, environment
from worker.services import Services

T = TypeVar("T")

topics = typer.Typer(cls=GroupedCommands, no_args_is_help=True, help="Create and check Kafka's topics.")
offsets = typer.Typer(
    cls=GroupedCommands, no_args_is_help=True, help="Show and reset Kafka's consumer offsets."
)


@topics.command("apply")
def apply(*, as_json: JsonOption = False) -> None:
    """Create missing topics and correct their settings.

    Never changes a partition count: that would move keys to other partitions.
    """
    from worker.kafka import topics as kafka_topics  # noqa: PLC0415 - nothing is imported before it is used

    done = asyncio.run(kafka_topics.apply(_with_kafka(environment())))
    for change in done:
        if as_json:
            print_json(change)
        else:
            configs = ", ".join(f"{name}={value}" for name, value in sorted(change.configs.items()))
            people.print(f"{change.topic}: {change.action} ({configs})", soft_wrap=True)
    if not done and not as_json:
        people.print("Every topic exists, with the right settings.")


@topics.command("check")
def check(*, as_json: JsonOption = False) -> None:
    """Check the topics' settings, and find messages lost unread.

    A message is lost if Kafka deleted it before it was read. Exits with 1 if there is a finding.
    """
    from worker.kafka import topics as kafka_topics  # noqa: PLC0415 - nothing is imported before it is used

    findings = _run(lambda opened: kafka_topics.check(opened.environment, opened.database))
    for finding in findings:
        if as_json:
            print_json(finding)
        else:
            people.print(f"✗ {finding.detail}", soft_wrap=True)
            people.print(f"     → {finding.remedy}", style="bold", soft_wrap=True)
    if not findings and not as_json:
        people.print("Every topic has the right settings, and no message was deleted unread.")
    raise typer.Exit(FINDING if findings else 0)


@offsets.command("show")
def show(*, as_json: JsonOption = False) -> None:
    """Show each partition's offsets and lag.

    Exits with 1 if messages were lost, a topic was recreated, or the database is ahead of Kafka.
    """
    from worker.kafka import positions as kafka_positions  # noqa: PLC0415 - nothing is imported before it is used

    found = _run(lambda opened: kafka_positions.positions(opened.environment, opened.database))
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
    from worker.kafka import positions as kafka_positions  # noqa: PLC0415 - nothing is imported before it is used

    if from_database == recreated:
        raise Unusable("Choose --from-database or --recreated.")

    async def work(opened: Services) -> list[kafka_positions.Position]:
        if recreated:
            now = opened.clock.now()
            return await kafka_positions.reset_recreated(opened.environment, opened.database, now)
        return await kafka_positions.reset_from_database(opened.environment, opened.database)

    changed = _run(work)
    for at in changed:
        before, after = (at.stored, at.beginning) if recreated else (at.committed, at.next_offset)
        if as_json:
            print_json({**msgspec.structs.asdict(at), "next_offset": after})
        else:
            which = "back" if (before or 0) > after else "forward"
            people.print(f"{at.topic} partition {at.partition}: {which} from {before or 0} to {after}")
    if not changed and not as_json:
        people.print("No topic was recreated." if recreated else "Kafka and the database already agree.")


def replay(
    topic: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TOPIC]...", help="Topics to read; default: every incoming topic."),
    ] = None,
    *,
    since: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="Start at this instant, such as 2026-05-05T00:00:00Z."),
    ] = None,
    offset: Annotated[
        int | None, typer.Option(min=0, help="Start at this offset in every partition.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read Kafka's topics again, from an instant or an offset.

    Reads to their current end. Events that the log already has are skipped.
    """
    from worker.sources import replay as replaying  # noqa: PLC0415 - nothing is imported before it is used

    if (since is None) == (offset is None):
        raise Unusable("Choose --since or --offset.")
    beginning = _instant(since) if since is not None else offset or 0
    counts = _run(lambda opened: replaying.replay(opened, topic or (), beginning))
    if as_json:
        print_json(counts)
    else:
        people.print(", ".join(f"{count} {name}" for name, count in counts.items()))
    raise typer.Exit(0)


def _run(work: Callable[[Services], Awaitable[T]]) -> T:
    async def checked(opened: Services) -> T:
        _with_kafka(opened.environment)
        return await work(opened)

    return run(checked)


def _with_kafka(settings: Environment) -> Environment:
    if settings.kafka_url is None:
        raise ConfigurationError("Q2C_KAFKA_URL: not set; this command needs Kafka")
    return settings


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise Unusable(f"--since must be an instant with a zone, such as 2026-05-05T00:00:00Z, not {text!r}.")
    return instant
