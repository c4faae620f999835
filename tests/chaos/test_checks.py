"""Each check finds the error that it is for."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from tests.chaos import checks
from tests.chaos.checks import Acknowledged
from tests.chaos.stores import Logged, Published, Relayed, Sent

TOPIC = "crm.deal-updates.v1"
POISON = "kafka:crm.deals.v1:3:7"
DEALS = "crm.deals.v1"
A, B, OURS, THEIRS = (("acme", "crm", name) for name in ("a", "b", "ours", "theirs"))

SENT = Sent(messages=4, good={A, B}, bad={POISON: "undecodable"})
LOGGED = Logged(
    arrived=[A, B],
    outgoing={TOPIC: {3: OURS, 5: THEIRS}},
    says={3: "{}", 5: "{}"},
    dead={POISON: "undecodable", "http": "undecodable"},
    redelivered=0,
    head=5,
    checkpoints={"deals": 5, "relay": 5},
    offsets={(DEALS, 3): 8},
)
RELAYED = Relayed(
    events={
        TOPIC: [
            Published(b"k", 3, OURS, "{}"),
            Published(b"k", 5, THEIRS, "{}"),
            Published(b"k", 3, OURS, "{}"),
        ]
    },
    letters={f"{DEALS}.dlq": [POISON, POISON]},
)
ACKNOWLEDGED = Acknowledged(to_kafka={A}, to_doors={B}, given={B})


def found(
    sent: Sent = SENT,
    logged: Logged = LOGGED,
    relayed: Relayed = RELAYED,
    acknowledged: Acknowledged = ACKNOWLEDGED,
) -> Iterator[str]:
    yield from checks.every_event_once(sent, acknowledged, logged)
    yield from checks.every_poison_is_a_dead_letter(sent, logged)
    yield from checks.every_dead_letter_is_published(sent, relayed)
    yield from checks.everything_is_relayed_in_order(logged, relayed)
    yield from checks.everything_is_at_its_end(logged, ["deals", "relay"], {(DEALS, 3): 8})


def test_a_right_run_has_no_problem() -> None:
    assert list(found()) == []


@pytest.mark.parametrize(
    ("changed", "noticed"),
    [
        ({"arrived": [A]}, "is not in the log"),
        ({"arrived": [A, B, B]}, "twice"),
        ({"arrived": [A, B, OURS]}, "nobody sent it"),
        ({"dead": {}}, "poison, but no dead letter"),
        ({"dead": {POISON: "too_large"}}, "not for undecodable"),
        ({"dead": {POISON: "undecodable", "kafka:crm.deals.v1:3:6": "undecodable"}}, "but no poison"),
        ({"outgoing": {TOPIC: {3: OURS}}}, "but not in the log"),
        ({"outgoing": {TOPIC: {3: OURS, 5: THEIRS, 6: A}}}, "is missing in"),
        ({"outgoing": {TOPIC: {3: THEIRS, 5: THEIRS}}}, "the log has"),
        ({"checkpoints": {"deals": 5, "relay": 4}}, "relay is at 4"),
        ({"offsets": {}}, "is read up to 0 of 8"),
    ],
)
def test_a_wrong_log_is_noticed(changed: dict[str, Any], noticed: str) -> None:
    assert any(noticed in said for said in found(logged=msgspec.structs.replace(LOGGED, **changed)))


@pytest.mark.parametrize(
    ("relayed", "noticed"),
    [
        (
            Relayed(
                {TOPIC: [Published(b"k", 5, THEIRS, "{}"), Published(b"k", 3, OURS, "{}")]}, RELAYED.letters
            ),
            "comes after 5",
        ),
        (Relayed({TOPIC: []}, RELAYED.letters), "is missing in"),
        (Relayed({TOPIC: [Published(b"k", 3, OURS, "[]")]}, RELAYED.letters), "says '[]'"),
        (Relayed(RELAYED.events, {f"{DEALS}.dlq": []}), "is missing in crm.deals.v1.dlq"),
        (Relayed(RELAYED.events, {f"{DEALS}.dlq": [POISON, "kafka:crm.deals.v1:0:0"]}), "but is none of its"),
    ],
)
def test_wrong_topics_are_noticed(relayed: Relayed, noticed: str) -> None:
    assert any(noticed in said for said in found(relayed=relayed))


def test_a_lost_acknowledged_event_is_noticed() -> None:
    lost = Acknowledged(to_kafka={A, OURS}, to_doors={THEIRS}, given={THEIRS})
    said = list(found(acknowledged=lost))
    assert any("acknowledged by Kafka, but is in no topic" in sentence for sentence in said)
    assert any("acknowledged over HTTP, but is not in the log" in sentence for sentence in said)
