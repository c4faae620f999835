"""The messages of the companies' CRMs during a run: the same for a seed, whatever fails."""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime
from random import Random
from typing import Any

from msgspec import Struct

from tests.chaos.messages import POISON, Identity, Message, account, conflicting, contract, deal, spoilt
from worker.demo import story

REPEATED = 0.05
POISONED = 0.01
TOO_LARGE_MAX = 6
REPEATED_WITHIN = 5_000
CONTRADICTED = 10
BY_DOORS_EVERY = 4
OTHER_DEALS = 200
OTHER_ACCOUNTS = 40
SNAPSHOTS_UNTIL, CONTRACTS_FROM = 0.5, 0.85


class Wait(Struct, frozen=True):
    """Continue once the log has these events."""

    identities: frozenset[Identity]


class Flow:
    """The deals of each workspace, filled up with other messages of a CRM.

    Attributes:
        tales: Every deal with a known result, by workspace.
        by_doors: The deals that are sent over HTTP; the others go to Kafka.
        messages: The number of valid messages, without repeats.
        poison: The number of other messages.
        began_at: The earliest instant of the messages.
    """

    def __init__(
        self, seed: int, workspaces: Sequence[str], *, tales_each: int, messages: int, now: datetime
    ) -> None:
        random = Random(f"{seed} flow")
        self._seed = seed
        self.began_at = now
        self._workspaces = list(workspaces)
        self.messages = messages
        self.poison = max(len(POISON), int(messages * POISONED))
        self.tales = {name: story.tales(tales_each, random, now) for name in workspaces}
        self.by_doors = {
            name: [
                tale
                for number, tale in enumerate(tales)
                if number % BY_DOORS_EVERY == 0 and tale.twist not in story.IN_ORDER
            ]
            for name, tales in self.tales.items()
        }

    def __iter__(self) -> Iterator[Message | Wait]:
        """Yield each message in its turn, and some of them again, sooner or later."""
        random = Random(f"{self._seed} turns")
        others = _others(random, self._workspaces, self.began_at)
        turns = sorted(self._turns(random), key=lambda turn: turn[0])
        again: list[tuple[int, int, Message]] = []
        good = sum(isinstance(said, Message) and said.identity is not None for _, said in turns)
        place = 0
        for number in range(self.messages - good + len(turns)):
            if place < len(turns) and turns[place][0] * self.messages <= number:
                said, place = turns[place][1], place + 1
            else:
                said = next(others)
            yield said
            if isinstance(said, Message) and random.random() < REPEATED:
                within = random.choice((3, 300, REPEATED_WITHIN))
                heapq.heappush(again, (number + random.randint(1, within), number, said))
            while again and again[0][0] <= number:
                yield heapq.heappop(again)[2]
        yield from (message for _, _, message in again)

    def _turns(self, random: Random) -> Iterator[tuple[float, Message | Wait]]:
        """Yield the messages other than the filling, each with its turn between 0 and 1."""
        awaited: set[Identity] = set()
        for workspace, tales in self.tales.items():
            for tale in tales:
                if tale in self.by_doors[workspace]:
                    continue
                snapshots = [deal(workspace, data) for data in tale.snapshots]
                signing = contract(workspace, tale)
                if tale.twist in story.IN_ORDER:
                    yield from _spread(random, snapshots, 0, SNAPSHOTS_UNTIL)
                    yield from _spread(random, signing, CONTRACTS_FROM, 1)
                    awaited |= {message.identity for message in snapshots if message.identity}
                else:
                    begin = random.uniform(0, CONTRACTS_FROM)
                    yield from _spread(random, snapshots, begin, min(1, begin + 0.1))
                    yield from _spread(random, signing, begin, min(1, begin + 0.1))
        yield (SNAPSHOTS_UNTIL + CONTRACTS_FROM) / 2, Wait(frozenset(awaited))
        yield from self._bad(random)

    def _bad(self, random: Random) -> Iterator[tuple[float, Message]]:
        for number in range(CONTRADICTED):
            said = account(random.choice(self._workspaces), _account(f"C-{number:02}", 1))
            begin = random.uniform(0, 0.5)
            yield begin, said
            yield begin + random.uniform(0.1, 0.5), conflicting(said)
        hows = list(POISON)
        for number in range(self.poison - CONTRADICTED):
            how = hows[number % len(hows)]
            if how == "too_large" and number >= TOO_LARGE_MAX * len(hows):
                how = "half"
            good = account(random.choice(self._workspaces), _account(f"X-{number:04}", 1))
            yield random.random(), spoilt(good, how)


def endless(random: Random, workspaces: Sequence[str], now: datetime, *, won_every: int) -> Iterator[Message]:
    """Yield ordinary messages of a CRM without end; one in `won_every` starts a deal that is won."""
    others = _others(random, workspaces, now)
    for number in itertools.count(1):
        workspace = random.choice(workspaces)
        tale = story.tale(number, "none", random, now)
        yield from (deal(workspace, data) for data in tale.snapshots)
        yield from contract(workspace, tale)
        yield from itertools.islice(others, won_every)


def _others(random: Random, workspaces: Sequence[str], now: datetime) -> Iterator[Message]:
    """Yield snapshots of open deals and of accounts without end."""
    deals: list[tuple[str, dict[str, Any]]] = []
    for workspace in workspaces:
        for number in range(1, OTHER_DEALS + 1):
            (draft,) = story.tale(number, "draft", random, now).snapshots
            deals.append((workspace, {**draft, "deal_id": f"F-{number:04}", "revision": 0}))
    accounts = [
        (workspace, _account(f"B-{number:03}", 0))
        for workspace in workspaces
        for number in range(OTHER_ACCOUNTS)
    ]
    while True:
        workspace, data = random.choice(accounts if random.random() < 0.1 else deals)
        data["revision"] += 1
        yield deal(workspace, data) if "deal_id" in data else account(workspace, data)


def _account(account_id: str, revision: int) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "revision": revision,
        "name": f"Company {account_id}",
        "billing_address": {"line1": "7 Main Street", "city": "Portland", "region": "OR", "country": "US"},
        "currency": "USD",
    }


def _spread(
    random: Random, messages: Sequence[Message], begin: float, end: float
) -> Iterator[tuple[float, Message]]:
    """Yield messages in order, at random times between `begin` and `end`."""
    yield from zip(sorted(random.uniform(begin, end) for _ in messages), messages, strict=True)
