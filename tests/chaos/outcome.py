"""Check the result of a run, and make its report."""

import signal
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from projections import queries
from tests.chaos import checks, ground
from tests.chaos.checks import Acknowledged
from tests.chaos.fleet import Exit, Fleet
from tests.chaos.flow import Flow
from tests.chaos.ground import Ground
from tests.chaos.pouring import Producer, Visitor
from tests.chaos.proxy import Proxy
from tests.chaos.report import Report
from tests.chaos.stores import Found
from tests.chaos.trouble import Trouble
from worker.demo import announced, play
from worker.kafka.positions import positions
from worker.sandbox.openings.seeds import KINDS
from worker.services import SUBSCRIPTIONS
from worker.verification import invariants
from worker.verification.books import Books

DEALS_MAX = 100_000
START_SECONDS_MAX = 5.0
NAMES = [subscription.name for subscription in SUBSCRIPTIONS]


class Poured(Struct, frozen=True):
    """The sent messages, as the senders recorded them."""

    flow: Flow
    visitors: Mapping[str, Visitor]
    producer: Producer


class Outcome(Struct, frozen=True):
    """The data of a report."""

    seed: int
    poured: Poured
    found: Found
    fleet: Fleet
    trouble: Trouble
    quickbooks: Mapping[str, int]
    seconds: Mapping[str, float]
    problems: Mapping[str, list[str]]
    directory: Path


async def check(laid: Ground, poured: Poured, found: Found) -> dict[str, list[str]]:
    """Run every check on the databases and Kafka."""
    services, visitors = laid.services, poured.visitors.values()
    sent, logged, relayed = found.sent, found.logged, found.relayed
    acknowledged = Acknowledged(
        to_kafka=poured.producer.acknowledged,
        to_doors=set().union(*(visitor.acknowledged for visitor in visitors)),
        given=set().union(*(visitor.given for visitor in visitors)),
    )
    ends = {
        (at.topic, at.partition): at.end for at in await positions(services.environment, services.database)
    }
    at_end = checks.everything_is_at_its_end(logged, [*NAMES, *checks.RELAYS], ends)
    problems = {
        "every event is in the log once": list(checks.every_event_once(sent, acknowledged, logged)),
        "every poison is a dead letter": list(checks.every_poison_is_a_dead_letter(sent, logged)),
        "every dead letter is published": list(checks.every_dead_letter_is_published(sent, relayed)),
        "everything is relayed, in order": list(checks.everything_is_relayed_in_order(logged, relayed)),
        "everything is at its end": list(at_end),
    }
    wrong: list[str] = []
    chosen = play.settings_between(poured.flow.began_at, services.clock.now())
    for (workspace, tales), realm in zip(poured.flow.tales.items(), laid.sandbox.realms, strict=True):
        rows = await services.database.read(queries.list_deals, workspace, DEALS_MAX)
        messages = await services.database.read(announced.read, workspace)
        company = play.company_of(workspace, realm, KINDS[ground.KIND], found.books[workspace])
        right = checks.books_are_right(tales, rows, company, chosen, messages)
        wrong += [f"{workspace}: {problem}" for problem in right]
    problems["QuickBooks' books are right"] = wrong
    by_realm: dict[str, list[dict[str, Any]]] = {
        realm: of["Invoice"] for realm, of in zip(laid.sandbox.realms, found.books.values(), strict=True)
    }
    violated = await services.database.read(invariants.violations, services.clock.now(), Books(by_realm))
    says = {invariant.name: invariant.says for invariant in invariants.INVARIANTS}
    return problems | {f"{name}: {says[name]}": broken for name, broken in violated.items()}


def ends(fleet: Fleet) -> list[str]:
    """Return the processes that did not exit in order at the end of the run."""
    last = [member.exits[-1] for member in fleet.members.values() if member.exits]
    return [
        f"{exit_.member} ended with {exit_.status} after {exit_.seconds} s"
        for exit_ in last
        if exit_.asked != signal.SIGTERM.name or not (exit_.status == 0 or _was_starting(exit_))
    ]


def _was_starting(exit_: Exit) -> bool:
    """Return whether SIGTERM ended a process that had just been restarted and could not handle signals yet."""
    return exit_.status == -signal.SIGTERM and exit_.age < START_SECONDS_MAX


def report_of(outcome: Outcome, proxies: Mapping[str, Proxy]) -> Report:
    """Return the report of a run."""
    found, fleet, visitors = outcome.found, outcome.fleet, outcome.poured.visitors.values()
    sent, logged = found.sent, found.logged
    counted = Counter(logged.arrived)
    tales = [tale for tales in outcome.poured.flow.tales.values() for tale in tales]
    invoices = [
        (workspace, invoice["PrivateNote"])
        for workspace, of in found.books.items()
        for invoice in of["Invoice"]
    ]
    exits = fleet.exits()
    return Report(
        good=not any(outcome.problems.values()),
        seed=outcome.seed,
        messages={
            "produced": len(sent.good),
            "in_log": sum(counted[name] == 1 for name in sent.good),
            "sent_again": sent.messages - len(sent.good) - len(sent.bad),
            "poison": len(sent.bad),
            "dead_letters": sum(origin in logged.dead for origin in sent.bad),
            "over_http": sum(len(visitor.acknowledged) for visitor in visitors),
        },
        redelivered=max(0, sum(fleet.received().values()) - sent.messages),
        deals={
            "told": len(tales),
            "won": sum(tale.expects_invoice for tale in tales),
            "invoices": len(invoices),
            "duplicates": len(invoices) - len(set(invoices)),
        },
        kills=_kills(fleet, outcome.trouble),
        faults=Counter(done.kind for done in outcome.trouble.done),
        troubled={
            f"{proxy.name} {kind}": count
            for proxy in proxies.values()
            for kind, count in proxy.counts.items()
        },
        quickbooks=outcome.quickbooks,
        exits=Counter(f"{exit_.asked or 'by itself'} {exit_.status}" for exit_ in exits),
        deaths=[f"{exit_.member}: {exit_.said}" for exit_ in exits if exit_.asked is None],
        starts=fleet.starts,
        seconds={name: round(value, 1) for name, value in outcome.seconds.items()},
        per_second=round(sent.messages / outcome.seconds["pouring"], 1),
        problems=outcome.problems,
        directory=str(outcome.directory),
    )


def _kills(fleet: Fleet, trouble: Trouble) -> dict[str, int]:
    """SIGKILLs, by role; the broker's too."""
    killed = [exit_ for exit_ in fleet.exits() if exit_.status == -signal.SIGKILL]
    by_role = Counter(exit_.member.partition("-")[0] for exit_ in killed)
    return dict(by_role + Counter(done.target for done in trouble.done if done.kind == "broker"))
