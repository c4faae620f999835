"""Play days of business on one virtual clock, and leave books, log and counts for whoever wants to check them."""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog
from events.contract.in_step import ACCOUNT_CUSTOMER_CHANGED
from events.contract.reviewing import MAPPING_LINKED, MAPPING_MOVED
from events.contract.unmatched import ACCOUNT_CREATED_FROM_CUSTOMER
from events.log.tables import log
from worker.actions.bulk_reviews import DECISIONS
from worker.actions.settings import change_settings
from worker.connections import keeping, proving
from worker.roles import schedule
from worker.runtime import aside
from worker.sandbox.oauth import Lifetimes
from worker.simulation import announcing, business, chaos, cluster, companies, crm, outside, resting, seed
from worker.simulation.business import Business
from worker.simulation.cluster import Cluster
from worker.simulation.database import DatabaseTrouble, Store
from worker.simulation.loop import SimulationLoop
from worker.simulation.outside import Outside
from worker.simulation.ports import SimulatedClock
from worker.simulation.reviewing import Reviewing

STEPS_A_DAY_MAX = 400_000
# Idle loops look more rarely than in a seed, since nobody waits for them: most of a day is idle.
_RARELY = (
    # A large answer would be read in a thread, and this loop has none.
    (aside, "INLINE_BYTES_MAX", 100_000_000),
    (cluster, "POLL_SECONDS", 60),
    (cluster, "SYNC_SECONDS", 300.0),
    (announcing, "LOOK_SECONDS", 60.0),
    (keeping, "LOOK_SECONDS", 600.0),
    (proving, "LOOK_SECONDS", 300.0),
    (schedule, "LOOK_SECONDS", 300.0),
    (chaos, "ATTENDED_SECONDS_MAX", 7200.0),
    (chaos, "APPLIED_SECONDS", 300.0),
    (chaos, "FORGETTING_SECONDS", 86_400.0),
    (outside, "LOOK_SECONDS", 600.0),
    (crm, "LOOK_SECONDS", 300.0),
    (crm, "LATE_SECONDS", 7200.0),
    (outside, "AGAIN_SECONDS_MAX", 120.0),
    (outside, "TRIES_MAX", 20_000),  # a week and more: one outage of a day may follow another
    (seed, "SETTLE_SECONDS_MAX", 2 * business.DAY_SECONDS),
    (seed, "FAULTS_SECONDS_MAX", None),
)


# The names of counts that begin with these are about people who review accounts and customers.
OF_PEOPLE = ("review_", "resolve_", *(f"{decision}_" for decision in DECISIONS))
IN_STEP = {
    "linked": MAPPING_LINKED,
    "customers_created": catalog.CUSTOMER_CREATED,
    "customers_updated": catalog.CUSTOMER_UPDATED,
    "customers_merged": MAPPING_MOVED,
    "accounts_told": ACCOUNT_CUSTOMER_CHANGED,
    "accounts_offered": ACCOUNT_CREATED_FROM_CUSTOMER,
}


class DaysReport(Struct, frozen=True):
    """What days of business left.

    Attributes:
        days: The number of days.
        seed: The seed.
        findings: What is wrong; empty if what was observed equals the books, and each won deal has its one invoice.
        deals: The number of deals, won and lost.
        won: The number of deals that have to have an invoice.
        invoices: The number of invoices in QuickBooks for them.
        requests: The requests to QuickBooks by kind.
        reads: The reads that Intuit meters.
        changes: The number of changes of objects in QuickBooks, and of different objects that changed.
        changed_objects: See `changes`: an ideal sync reads each object once after each change.
        webhooks: The messages by what became of them.
        syncs: The sweeps by change data capture, and the syncs that were asked for or read everything.
        people: What people did about accounts and customers, and what became of it.
        in_step: What the worker did about them by itself or asked QuickBooks and the CRM for.
        compared: On how many nights people's decisions (I10) and both sides (I11) were compared, and the findings of each.
        faults: The other things that happened.
        virtual_days: The virtual time.
    """

    days: int
    seed: int
    findings: tuple[str, ...]
    deals: int
    won: int
    invoices: int
    requests: dict[str, int]
    reads: int
    changes: int
    changed_objects: int
    webhooks: dict[str, int]
    syncs: dict[str, int]
    people: dict[str, int]
    in_step: dict[str, int]
    compared: dict[str, int]
    faults: dict[str, int]
    virtual_days: float


def play(store: Store, seed_: int, days: int, out: Path | None = None) -> DaysReport:
    """Play days of business; write books, log and counts into the folder `out`."""
    drawn = business.draw(seed_, days)
    with ExitStack() as stack:
        for module, name, value in _RARELY:
            stack.enter_context(patch.object(module, name, value))
        return _play(store, seed_, days, drawn, out)


def _play(store: Store, seed_: int, days: int, drawn: Business, out: Path | None) -> DaysReport:
    plan = drawn.plan
    random = Random(f"{seed_}:loop")  # noqa: S311 - a simulation repeats itself
    running = SimulationLoop(random, STEPS_A_DAY_MAX * (days + 2))
    clock = SimulatedClock(running, plan.start)
    sandbox = companies.opened(plan.companies, clock, seed_, others=False, lifetimes=Lifetimes())
    trouble = DatabaseTrouble(Random(f"{seed_}:database"), plan.database_rate)  # noqa: S311 - as above
    hosts = Cluster(
        running, store.database, sandbox, seed=seed_, world=clock, hosts=plan.hosts, database_trouble=trouble
    )
    people = Outside(hosts, plan)

    def acts(reviews: Sequence[Reviewing]) -> Sequence[Coroutine[Any, Any, None]]:
        return [
            *(_choose(at, workspace, setting, hosts, people) for at, workspace, setting in drawn.choices),
            *(_halt(at, seconds, hosts) for at, seconds in drawn.outages),
            *(_compare(at, hosts, reviews) for at in drawn.nights),
        ]

    number = sandbox.deliveries.subscribe(plan.sync.subscription)
    before = {realm: len(company.journal) for realm, company in sandbox.companies.items()}
    try:
        found = running.run(seed.play(store, hosts, plan, people, acts))
    except Exception as error:  # noqa: BLE001 - any error that ends the days early is a finding
        found = [f"The days ended early: {error!r}"]
    changes = [
        (realm, change)
        for realm, company in sandbox.companies.items()
        for change in company.journal.after(before[realm])
    ]
    events = _events(store)
    told = Counter(event["type"] for event in events)
    tales = [tale for each in plan.tales.values() for tale in each]
    findings = (*hosts.watch.violations, *found)
    of_people = {name: count for name, count in hosts.counts.items() if name.startswith(OF_PEOPLE)}
    report = DaysReport(
        days=days,
        seed=seed_,
        findings=findings,
        deals=len(tales),
        won=sum(tale.expects_invoice for tale in tales),
        invoices=sum(
            "q2c:" in str(invoice.get("PrivateNote"))
            for company in sandbox.companies.values()
            for invoice in company.every("Invoice")
        ),
        requests=dict(sorted(hosts.watch.kinds.items())),
        reads=sandbox.throttle.reads.total(),
        changes=len(changes),
        changed_objects=len({(realm, change.entity, change.identifier) for realm, change in changes}),
        webhooks={
            "delivered": hosts.counts["webhook"],
            "unanswered": hosts.counts["webhook_unanswered"],
            "changes_lost": sandbox.deliveries.lost(number),
        },
        syncs={
            "sweeps": hosts.watch.kinds["cdc"],
            "asked_for_or_full": told[catalog.SYNC_COMPLETED],
        },
        people=dict(sorted(of_people.items())),
        in_step={name: told[kind] for name, kind in IN_STEP.items()},
        compared={
            "nights": hosts.counts["night_compared"],
            "I10": sum(finding.startswith("I10") for finding in findings),
            "I11": sum(finding.startswith("I11") for finding in findings),
        },
        faults={
            **{name: count for name, count in hosts.counts.items() if name not in of_people},
            **sandbox.trouble.counts,
        },
        virtual_days=round(running.time() / business.DAY_SECONDS, 2),
    )
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        books = {realm: company.books() for realm, company in sandbox.companies.items()}
        for name, content in (("books", books), ("log", events), ("counts", report)):
            (out / f"{name}.json").write_bytes(msgspec.json.encode(content))
    return report


async def _choose(
    at: float, workspace: str, setting: dict[str, str], hosts: Cluster, people: Outside
) -> None:
    await asyncio.sleep(at)
    hosts.counts["setting_changed"] += 1
    await people.administer(workspace, change_settings, setting)


async def _halt(at: float, seconds: float, hosts: Cluster) -> None:
    await asyncio.sleep(at)
    hosts.counts["outage"] += 1
    hosts.halt(seconds)


async def _compare(at: float, hosts: Cluster, reviews: Sequence[Reviewing]) -> None:
    """Compare people's decisions and both sides at night; on the nights of an outage, there is no rest."""
    await asyncio.sleep(at)
    found = await resting.judged(hosts, reviews)
    hosts.counts["night_without_rest" if found.waiting_for else "night_compared"] += 1
    night = timedelta(seconds=at).days + 1
    hosts.watch.finds([f"{each}, after day {night}" for each in found.violations])


def _events(store: Store) -> list[dict[str, Any]]:
    def read(connection: sa.Connection) -> list[dict[str, Any]]:
        rows = connection.execute(sa.select(log).order_by(log.c.position))
        return [dict(row) for row in rows.mappings()]

    return asyncio.run(store.database.read(read))
