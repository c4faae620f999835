"""Carry out the lists of faults, and record their times."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import cast

import msgspec

from tests.chaos.faults import Fault
from tests.chaos.fleet import Fleet, Member
from tests.chaos.ground import Ground
from tests.chaos.proxy import Kind


class Done(msgspec.Struct, frozen=True):
    """A fault with its begin and end, in seconds since the start of the run."""

    kind: str
    target: str
    began: float
    ended: float


class Trouble:
    """Carries out faults; each ends, and the affected server is up again, before the list continues."""

    def __init__(self, ground: Ground, fleet: Fleet, diary: Path) -> None:
        self.done: list[Done] = []
        self._ground = ground
        self._fleet = fleet
        self._diary = diary
        self._began = asyncio.get_running_loop().time()

    async def follow(self, faults: Sequence[Fault], advanced: Callable[[float], Awaitable[None]]) -> None:
        """Carry out one fault after the other; `advanced` is awaited with the share that is done."""
        for number, fault in enumerate(faults, start=1):
            began = self._seconds()
            await self._do(fault)
            done = Done(fault.kind, fault.target, began, self._seconds())
            self.done.append(done)
            with self._diary.open("ab") as diary:
                diary.write(msgspec.json.encode(done) + b"\n")
            await asyncio.sleep(fault.pause_seconds)
            await advanced(number / len(faults))

    async def _do(self, fault: Fault) -> None:
        servers = self._ground.servers
        match fault.kind:
            case "kill" | "term":
                which = signal.SIGKILL if fault.kind == "kill" else signal.SIGTERM
                await self._fleet.members[fault.target].end(which)
            case "freeze":
                await _freeze(self._fleet.at(fault.target), fault.seconds)
            case "broker":
                await asyncio.to_thread(servers.kafka.kill)
                await asyncio.sleep(fault.seconds)
                await asyncio.to_thread(servers.kafka.start)
            case "postgres":
                await asyncio.to_thread(servers.postgres.stop_immediate)
                await asyncio.sleep(fault.seconds)
                await asyncio.to_thread(servers.postgres.start)
            case "guest":
                guest = self._fleet.guest(fault.target)
                await guest.ready(fault.seconds)
                await asyncio.sleep(fault.seconds)
                await guest.leave()
            case _:
                self._ground.proxies[fault.target].begin(cast("Kind", fault.kind))
                await asyncio.sleep(fault.seconds)
                self._ground.proxies[fault.target].end()

    def _seconds(self) -> float:
        return round(asyncio.get_running_loop().time() - self._began, 2)


async def _freeze(members: Sequence[Member], seconds: float) -> None:
    """Suspend processes for a while; they continue without noticing."""
    for member in members:
        member.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        for member in members:
            member.signal(signal.SIGCONT)
