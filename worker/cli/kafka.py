"""Kafka: its topics, and how far it was read."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec
import typer

from worker.cli.context import JsonOption, Unusable, run
from worker.cli.output import FINDING, people, print_json, print_rows
from worker.runtime.environment import ConfigurationError, Environment, environment
from worker.services import Services

T = TypeVar("T")

topics = typer.Typer(no_args_is_help=True, help="Kafka's topics: what there must be, and making them so.")
offsets = typer.Typer(no_args_is_help=True, help="How far Kafka was read into the log.")


@topics.command("apply")
def apply(*, as_json: JsonOption = False) -> None:
    """Make topics that are missing and set what differs; nothing that would move a key is changed."""
    from worker.kafka import topics as kafka_topics  # noqa: PLC0415 - nothing is imported before it is used

    done = asyncio.run(kafka_topics.apply(_with_kafka(environment())))
    for change in done:
        if as_json:
            print_json(change)
        else:
            configs = ", ".join(f"{name}={value}" for name, value in sorted(change.configs.items()))
            people.print(f"{change.topic}: {change.action} ({configs})", soft_wrap=True)
    if not done and not as_json:
        people.print("Every topic is as it should be.")


@topics.command("check")
def check(*, as_json: JsonOption = False) -> None:
    """Say how the topics differ from what they should be, and where Kafka dropped what was not read yet."""
    from worker.kafka import topics as kafka_topics  # noqa: PLC0415 - nothing is imported before it is used

    findings = _run(lambda opened: kafka_topics.check(opened.environment, opened.database))
    for finding in findings:
        if as_json:
            print_json(finding)
        else:
            people.print(f"✗ {finding.detail}", soft_wrap=True)
            people.print(f"     → {finding.remedy}", style="bold", soft_wrap=True)
    if not findings and not as_json:
        people.print("Every topic is as it should be, and nothing was dropped unread.")
    raise typer.Exit(FINDING if findings else 0)


@offsets.command("show")
def show(*, as_json: JsonOption = False) -> None:
    """Show each partition: how far the database is, what Kafka believes, and what is left to read."""
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
        bool, typer.Option("--from-database", help="Have Kafka go on where the log ends.")
    ] = False,
    recreated: Annotated[
        bool, typer.Option("--recreated", help="Begin anew where a topic was deleted and made anew.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Set how far topics were read: after a restore, or where one was made anew; nobody may be reading."""
    from worker.kafka import positions as kafka_positions  # noqa: PLC0415 - nothing is imported before it is used

    if from_database == recreated:
        raise Unusable("Say to where: either --from-database or --recreated.")

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
            which = "back" if (before or 0) > after else "on"
            people.print(f"{at.topic} partition {at.partition}: from {before or 0} {which} to {after}")
    if not changed and not as_json:
        people.print("No topic was made anew." if recreated else "Kafka and the database agree already.")


def replay(
    topic: Annotated[
        list[str] | None, typer.Argument(help="Which of the topics in; all of them by default.")
    ] = None,
    *,
    since: Annotated[
        str | None, typer.Option(help="From this instant on, such as 2026-05-05T00:00:00Z.")
    ] = None,
    offset: Annotated[
        int | None, typer.Option(min=0, help="From this offset on in every partition, instead.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Read Kafka again from a time or an offset to its present end; what the log has already is dropped."""
    from worker.sources import replay as replaying  # noqa: PLC0415 - nothing is imported before it is used

    if (since is None) == (offset is None):
        raise Unusable("Say from where: either --since or --offset.")
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
        raise ConfigurationError("Q2C_KAFKA_URL: not set, so there is no Kafka")
    return settings


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise Unusable(f"--since is an instant with its zone, such as 2026-05-05T00:00:00Z, not {text!r}.")
    return instant
