"""Kafka's topics: creating, checking and replaying them."""

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from worker.cli.failing import FINDING, Unusable
from worker.cli.kafka import run_with_kafka, with_kafka
from worker.cli.lazy import commands
from worker.cli.options import JsonOption
from worker.cli.output import people, print_json
from worker.kafka import topics as kafka_topics
from worker.runtime.environment import environment
from worker.sources import replay as replaying

topics = commands("Create and check Kafka's topics.")


@topics.command("apply")
def apply(*, as_json: JsonOption = False) -> None:
    """Create missing topics and correct their settings.

    Never changes a partition count: that would move keys to other partitions.
    """
    done = asyncio.run(kafka_topics.apply(with_kafka(environment())))
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
    findings = run_with_kafka(lambda opened: kafka_topics.check(opened.environment, opened.database))
    for finding in findings:
        if as_json:
            print_json(finding)
        else:
            people.print(f"✗ {finding.detail}", soft_wrap=True)
            people.print(f"     → {finding.remedy}", style="bold", soft_wrap=True)
    if not findings and not as_json:
        people.print("Every topic has the right settings, and no message was deleted unread.")
    raise typer.Exit(FINDING if findings else 0)


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
    if (since is None) == (offset is None):
        raise Unusable("Choose --since or --offset.")
    beginning = _instant(since) if since is not None else offset or 0
    counts = run_with_kafka(lambda opened: replaying.replay(opened, topic or (), beginning))
    if as_json:
        print_json(counts)
    else:
        people.print(", ".join(f"{count} {name}" for name, count in counts.items()))
    raise typer.Exit(0)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise Unusable(f"--since must be an instant with a zone, such as 2026-05-05T00:00:00Z, not {text!r}.")
    return instant
