"""Checks of the final state: each yields a sentence for every error."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from tests.chaos.messages import Identity
from tests.chaos.stores import Logged, Relayed, Sent
from worker.demo import proof
from worker.demo.announced import Announcement
from worker.demo.expected import AppliedSettings, CompanyBooks
from worker.demo.story import Tale
from worker.runtime.environment import DEAD_LETTERS

SHOWN_MAX = 5
RELAYS = ("relay", "relay_dead_letters")


class Acknowledged(Struct, frozen=True):
    """The events that Kafka and the doors acknowledged; `given` has every sent event, acknowledged or not."""

    to_kafka: Collection[Identity]
    to_doors: Collection[Identity]
    given: Collection[Identity]


def every_event_once(sent: Sent, acknowledged: Acknowledged, logged: Logged) -> Iterator[str]:
    """Check that the log has every sent event once, and no other."""
    counts = Counter(logged.arrived)
    held = counts.keys()
    yield from _differ(
        "was acknowledged by Kafka, but is in no topic", set(acknowledged.to_kafka) - sent.good
    )
    yield from _differ("was sent, but is not in the log", sent.good - held)
    yield from _differ("was acknowledged over HTTP, but is not in the log", set(acknowledged.to_doors) - held)
    yield from _differ("is in the log, but nobody sent it", held - sent.good - set(acknowledged.given))
    yield from _differ("is in the log twice", {name for name, count in counts.items() if count > 1})


def every_poison_is_a_dead_letter(sent: Sent, logged: Logged) -> Iterator[str]:
    """Check that each poison message, and no other, is a dead letter with the right reason."""
    from_kafka = {origin: reason for origin, reason in logged.dead.items() if origin.startswith("kafka:")}
    yield from _differ("is poison, but no dead letter", sent.bad.keys() - from_kafka.keys())
    yield from _differ("is a dead letter, but no poison", from_kafka.keys() - sent.bad.keys())
    for origin in sent.bad.keys() & from_kafka.keys():
        if sent.bad[origin] != from_kafka[origin]:
            yield f"{origin} is a dead letter for {from_kafka[origin]}, not for {sent.bad[origin]}"


def every_dead_letter_is_published(sent: Sent, relayed: Relayed) -> Iterator[str]:
    """Check that each dead letter is in the `.dlq` topic of its original topic."""
    for topic, origins in relayed.letters.items():
        of = topic.removesuffix(DEAD_LETTERS)
        wanted = {origin for origin in sent.bad if origin.split(":")[1] == of}
        yield from _differ(f"is missing in {topic}", wanted - set(origins))
        yield from _differ(f"is in {topic}, but is none of its", set(origins) - wanted)


def everything_is_relayed_in_order(logged: Logged, relayed: Relayed) -> Iterator[str]:
    """Check that each outgoing event is in its topic, in order for consumers that drop repeats by `ce_sequence`."""
    for topic, messages in relayed.events.items():
        there = {message.sequence: message.identity for message in messages}
        wanted = logged.outgoing[topic]
        yield from _differ(f"is missing in {topic}", wanted.keys() - there.keys())
        yield from _differ(f"is in {topic}, but not in the log", there.keys() - wanted.keys())
        for sequence in there.keys() & wanted.keys():
            if there[sequence] != wanted[sequence]:
                yield f"{topic} has {there[sequence]} at {sequence}, the log has {wanted[sequence]}"
        last: dict[bytes | None, int] = {}
        seen: set[int] = set()
        for message in messages:
            if message.says != logged.says.get(message.sequence, message.says):
                yield f"{topic}: {message.sequence} says {message.says!r}, the log has it otherwise"
            if message.sequence not in seen and message.sequence < last.get(message.key, 0):
                yield f"{topic}: {message.sequence} of {message.key!r} comes after {last[message.key]}"
            seen.add(message.sequence)
            last[message.key] = max(message.sequence, last.get(message.key, 0))


def everything_is_at_its_end(
    logged: Logged, subscriptions: Sequence[str], ends: Mapping[tuple[str, int], int]
) -> Iterator[str]:
    """Check that every subscription is at the head of the log, and every partition is read to its end."""
    for name in subscriptions:
        if name != "relay_dead_letters" and logged.checkpoints.get(name, 0) != logged.head:
            yield f"{name} is at {logged.checkpoints.get(name, 0)}, the log's head is {logged.head}"
    for partition, end in ends.items():
        if logged.offsets.get(partition, 0) != end:
            yield f"{partition} is read up to {logged.offsets.get(partition, 0)} of {end}"


def books_are_right(
    tales: Sequence[Tale],
    rows: Sequence[dict[str, Any]],
    company: CompanyBooks,
    chosen: AppliedSettings,
    messages: Mapping[str, Sequence[Announcement]],
) -> Iterator[str]:
    """Check that each won deal, and no other, has one correct invoice, and that all announcements are correct."""
    found = proof.prove(tales, rows, company, chosen, messages)
    yield from found.wrong
    if found.duplicates:
        yield f"{found.duplicates} invoices exist twice"


def _differ(how: str, names: Collection[object]) -> Iterator[str]:
    if names:
        shown = ", ".join(str(name) for name in sorted(names, key=str)[:SHOWN_MAX])
        yield f"{len(names)} times: something {how}: {shown}"
