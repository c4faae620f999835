"""Carry out a plan's faults of hosts, disk and QuickBooks, and its changes of settings, while a seed runs."""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from random import Random
from typing import Any

import sqlalchemy as sa

import worker.workspaces.tenants as workspaces_module
from events.log import log, subscriptions
from worker.actions.settings import change_settings
from worker.commands.table import commands, is_open
from worker.quote_to_cash import manager as quote_to_cash
from worker.simulation.announcing import announce
from worker.simulation.cluster import Cluster, Host
from worker.simulation.companies import MEMOS
from worker.simulation.database import Store
from worker.simulation.loop import DRIVER
from worker.simulation.outside import Outside
from worker.simulation.telling import Telling

RESTORE_SECONDS = 75.0
FORGETTING_SECONDS = 10.0
APPLIED_SECONDS = 1.0
ATTENDED_SECONDS_MAX = 60.0
IDLE_SECONDS_MAX, CALL_SECONDS, STEPS_TO_SEND = 36.0, 0.6, 6


class Chaos:
    """Carries out the faults and changes of a plan, each at its time."""

    def __init__(
        self, cluster: Cluster, store: Store, outside: Outside, tellings: Mapping[str, Telling]
    ) -> None:
        self._cluster = cluster
        self._store = store
        self._plan = outside.plan
        self._outside = outside
        self._tellings = tellings
        cluster.copy_now = self._copy_now

    def acts(self) -> list[Coroutine[Any, Any, None]]:
        """Return the faults and changes that happen once, each at its time."""
        plan, hosts = self._plan, self._cluster.hosts
        return [
            *(self._kill(at, hosts[number]) for at, number in plan.kills),
            *(self._freeze(at, hosts[number], seconds) for at, number, seconds in plan.freezes),
            *(self._jump(at, hosts[number], seconds) for at, number, seconds in plan.jumps),
            *(self._reset(at, seconds) for at, seconds in plan.resets),
            *(self._fill_the_disk(at, seconds) for at, seconds in plan.full_disk),
            *(self._disconnect(at, workspace) for at, workspace in plan.disconnects),
            *(self._pause(at, workspace, seconds) for at, workspace, seconds in plan.pauses),
            *(self._close_books(at, workspace, seconds) for at, workspace, seconds in plan.closings),
            *(self._switch_off(at, workspace, seconds) for at, workspace, seconds in plan.switchings),
            *(self._connect_another(at, workspace, seconds) for at, workspace, seconds in plan.interludes),
            *(self._restore(copied_at, restored_at) for copied_at, restored_at in plan.restores),
        ]

    def habits(self) -> list[Coroutine[Any, Any, None]]:
        """Return the continuous actions of QuickBooks and of a reader of the log."""
        announced = announce(self._cluster, Random(f"{self._cluster.seed}:webhooks"))  # noqa: S311 - a simulation repeats itself
        return [self._apply_late(), self._forget_requests(), self._outside.follow(), announced]

    def admins(self) -> list[Coroutine[Any, Any, None]]:
        """Return the continuous actions of admins."""
        return [self._attend(telling) for telling in self._tellings.values()]

    async def _kill(self, at: float, host: Host) -> None:
        await self._sleep_until(at)
        await self._until_at_work(host)
        if host.services is not None:
            self._cluster.kill(host)

    async def _freeze(self, at: float, host: Host, seconds: float) -> None:
        await self._sleep_until(at)
        await self._until_at_work(host)
        if host.services is not None:
            self._cluster.freeze(host, seconds)

    async def _jump(self, at: float, host: Host, seconds: float) -> None:
        await self._sleep_until(at)
        self._cluster.jump(host, seconds)

    async def _reset(self, at: float, seconds: float) -> None:
        await self._sleep_until(at)
        await self._until_at_work(self._cluster.hosts[0])
        self._cluster.reset(seconds)

    async def _fill_the_disk(self, at: float, seconds: float) -> None:
        await self._sleep_until(at)
        self._cluster.trouble.full = True
        await asyncio.sleep(seconds)
        self._cluster.trouble.full = False

    async def _disconnect(self, at: float, workspace: str) -> None:
        await self._sleep_until(at)
        self._cluster.counts["disconnect"] += 1
        self._outside.disconnect(workspace)

    async def _pause(self, at: float, workspace: str, seconds: float) -> None:
        await self._sleep_until(at)
        if not await self._cluster.store.read(workspaces_module.exists, workspace):
            return
        self._cluster.counts["pause"] += 1
        await self._outside.administer(workspace, change_settings, {"paused": "true"})
        await asyncio.sleep(seconds)
        changes = {"paused": "false", "memo": self._outside.random.choice(MEMOS)}
        await self._outside.administer(workspace, change_settings, changes)

    async def _close_books(self, at: float, workspace: str, seconds: float) -> None:
        await self._sleep_until(at)
        self._cluster.counts["books_closed"] += 1
        self._outside.close_books(workspace)
        await asyncio.sleep(seconds)
        self._outside.open_books(workspace)

    async def _switch_off(self, at: float, workspace: str, seconds: float) -> None:
        await self._sleep_until(at)
        if not await self._cluster.store.read(workspaces_module.exists, workspace):
            return
        self._cluster.counts["switched_off"] += 1
        await self._outside.administer(workspace, change_settings, {"auto_invoice": "false"})
        await asyncio.sleep(seconds)
        await self._outside.administer(workspace, change_settings, {"auto_invoice": "true"})

    async def _connect_another(self, at: float, workspace: str, seconds: float) -> None:
        """Connect another company, in which the same IDs belong to other customers and items, and then the first again."""
        await self._sleep_until(at)
        if not await self._tellings[workspace].until_commanded(self._plan.faults_end):
            return
        # A creation that one company has not answered yet would be requested from the next one.
        while await self._cluster.store.read(_is_creating, workspace):
            if (
                self._cluster.loop.time() >= self._plan.faults_end
            ):  # a pause that a frozen host requested late
                return
            await asyncio.sleep(1)
        self._cluster.counts["another_company"] += 1
        await self._outside.connect_to(workspace, self._outside.others[workspace])
        await self._tellings[workspace].map_elsewhere()
        await asyncio.sleep(seconds)
        await self._outside.connect_to(workspace, self._outside.realms[workspace])

    def _copy_now(self, seconds: float) -> None:
        self._outside.restores_left += 1
        now = self._cluster.loop.time()
        self._restoring = self._cluster.loop.spawn(DRIVER, self._restore(now, now + seconds))

    async def _restore(self, copied_at: float, restored_at: float) -> None:
        """Restore an earlier copy of the store, while QuickBooks has newer books and has forgotten request IDs.

        The restore takes longer than QuickBooks may take to apply requests on their way.
        """
        await self._sleep_until(copied_at)
        copy, since = self._store.copied(), self._cluster.loop.time()
        await self._sleep_until(restored_at)
        self._cluster.counts["restore"] += 1
        self._cluster.halt(RESTORE_SECONDS)
        self._store.put_back(copy)
        for company in self._cluster.sandbox.companies.values():
            company.replies.clear()
        self._cluster.watch.forget()
        self._outside.lose(await self._cluster.store.read(log.head))
        await asyncio.sleep(RESTORE_SECONDS)
        await self._outside.say_again(since)

    async def _attend(self, telling: Telling) -> None:
        """Let an admin check from time to time, and follow the remedies."""
        while True:
            await asyncio.sleep(self._outside.random.uniform(10, ATTENDED_SECONDS_MAX))
            await telling.attend()

    async def _apply_late(self) -> None:
        while True:
            await asyncio.sleep(APPLIED_SECONDS)
            self._cluster.sandbox.apply_late()

    async def _forget_requests(self) -> None:
        """Let QuickBooks forget a request ID some time after it first came, since the time is not documented."""
        seen: dict[str, float] = {}
        while True:
            now = self._cluster.loop.time()
            for company in self._cluster.sandbox.companies.values():
                for request_id in list(company.replies):
                    if now - seen.setdefault(request_id, now) > self._plan.memory_seconds:
                        del company.replies[request_id]
                        self._cluster.counts["requestid_forgotten"] += 1
            await asyncio.sleep(FORGETTING_SECONDS)

    async def _until_at_work(self, host: Host) -> None:
        """Wait, half of the time, until a host is in the middle of a command, where faults matter most.

        The host is then either in the middle of a request, or between two steps that take no time.
        """
        random = self._outside.random
        if random.getrandbits(1):
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(IDLE_SECONDS_MAX):
                await self._cluster.watch.next_claim(host.life)
        if random.getrandbits(1):
            await asyncio.sleep(random.uniform(0, CALL_SECONDS))
        else:
            for _ in range(random.randrange(STEPS_TO_SEND)):
                await asyncio.sleep(0)

    async def _sleep_until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - self._cluster.loop.time()))


def _is_creating(connection: sa.Connection, workspace: str) -> bool:
    """Return whether a workspace still has, or may still get, a customer or an item to create."""
    if subscriptions.checkpoints(connection).get(quote_to_cash.NAME, 0) < log.head(connection):
        return True
    creating = (commands.c.workspace == workspace, commands.c.kind.in_(("create_customer", "create_item")))
    return (
        connection.scalar(sa.select(commands.c.request_id).where(*creating, is_open()).limit(1)) is not None
    )
