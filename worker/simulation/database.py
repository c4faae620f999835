"""The real SQLite store in the simulation's own thread: every transaction is a step, and may fail."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Concatenate, Literal, ParamSpec, TypeVar

import sqlalchemy as sa

import worker.services  # noqa: F401 - it imports every table
from events.contract import catalog
from events.contract.in_step import CUSTOMER_UPDATE_WITHDRAWN
from events.database.sqlite import InlineDatabase
from events.errors import DatabaseUnavailable
from events.log.tables import log, metadata
from worker.commands import effects, transitions
from worker.commands.claimed import Claimed
from worker.commands.effects import CompanyPaused, RateLimited
from worker.commands.identity import CommandKey
from worker.commands.kinds.all import UPDATES
from worker.commands.table import commands, realms
from worker.commands.transitions import Transition
from worker.connections.claiming import claim
from worker.simulation.wire import Watch

P = ParamSpec("P")
T = TypeVar("T")

Fault = Literal["database_unavailable", "commit_unknown", "disk_full"]
FAULTS: tuple[Fault, ...] = ("database_unavailable", "commit_unknown", "disk_full")
PAGES_MAX = 4_294_967_294


class Store:
    """One SQLite file for many seeds: opening it and compiling statements takes longer than a seed."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "simulation.sqlite3"
        self.database = InlineDatabase(self._path)
        self._empty: sqlite3.Connection | None = None

    async def cleared(self) -> InlineDatabase:
        """Return the database without rows and without free pages, so that a full disk is full at once."""
        with closing(sqlite3.connect(self._path)) as file:
            if self._empty is None:
                await self.database.transaction(metadata.create_all)
                self._empty = sqlite3.connect(":memory:")
                file.backup(self._empty)
            file.execute("PRAGMA synchronous = OFF")
            self._empty.backup(file)
        return self.database

    def copied(self) -> sqlite3.Connection:
        """Return a copy of the database, made as a backup."""
        copy = sqlite3.connect(":memory:")
        with closing(sqlite3.connect(self._path)) as file:
            file.backup(copy)
        return copy

    def put_back(self, copy: sqlite3.Connection) -> None:
        """Replace the database's content by a copy's."""
        with closing(sqlite3.connect(self._path)) as file:
            copy.backup(file)
        copy.close()


class DatabaseTrouble:
    """The random faults of the database; `full` is true while the disk is full."""

    def __init__(self, random: Random, rate: float) -> None:
        self._random = random
        self.rate = rate
        self.full = False
        self.counts: Counter[str] = Counter()

    def next(self) -> Fault | None:
        """Draw the fault of the next transaction."""
        if self.full:
            return "disk_full"
        if not self.rate or self._random.random() >= self.rate:
            return None
        return self._random.choice(FAULTS[:2])

    def count(self, fault: Fault) -> None:
        """Count a fault that happened."""
        self.counts[fault] += 1


class SimulatedDatabase:
    """The `Database` of one host."""

    def __init__(
        self,
        inner: InlineDatabase,
        trouble: DatabaseTrouble,
        life: str,
        watch: Watch,
    ) -> None:
        self._inner = inner
        self._trouble = trouble
        self._life = life
        self._watch = watch

    async def transaction(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` between two steps at which the host may be killed; the answer to the commit may be lost."""
        await asyncio.sleep(0)
        try:
            return await self._transaction(work, *args, **kwargs)
        except DatabaseUnavailable:
            # The attempt, whichever it was, is over, and its lease expires.
            self._watch.gave_up(self._life)
            raise

    def _stored(self, group: Sequence[Transition], held: Sequence[bool]) -> None:
        for transition, stored in zip(group, held, strict=True):
            if not stored:
                continue
            self._watch.wrote(self._life, transition.command)
            if isinstance(transition.effect, RateLimited | CompanyPaused):
                self._watch.pauses(transition.command.realm, transition.effect.until)
            if transition.is_over:
                self._watch.attempted(
                    self._life, transition.command, paused=effects.pauses(transition.effect)
                )

    async def _transaction(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        fault = self._trouble.next()
        if fault == "database_unavailable":
            self._trouble.count(fault)
            raise DatabaseUnavailable("The database could not do its work: simulated")
        if fault == "disk_full":
            result = await self._on_a_full_disk(work, *args, **kwargs)
        else:
            result = await self._inner.transaction(work, *args, **kwargs)
        # The transaction counts from here on, however long the host may be frozen before it learns of the commit.
        claimed = [item for item in result if isinstance(item, Claimed)] if isinstance(result, list) else []
        if claimed:
            self._watch.finds(await self._inner.read(_claimed_wrongly, claimed))
            self._watch.claimed(self._life, claimed)
        if work is claim:
            self._watch.released(args[0].grant.realm)  # type: ignore[attr-defined] # as `claim` takes it
        if work is transitions.store:
            self._stored(args[0], result)  # type: ignore[arg-type] # as `store` takes and gives them
        await asyncio.sleep(0)
        if fault == "commit_unknown":
            self._trouble.count(fault)
            raise DatabaseUnavailable("The answer of the commit was lost: simulated")
        return result

    async def read(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` on one snapshot."""
        await asyncio.sleep(0)
        return await self._inner.read(work, *args, **kwargs)

    async def close(self) -> None:
        """Do nothing, since other hosts use the file."""

    async def _on_a_full_disk(
        self, work: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `work` with a page limit, so that SQLite itself refuses to grow the file."""

        def cramped(connection: sa.Connection) -> T:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            try:
                return work(connection, *args, **kwargs)
            except sa.exc.OperationalError:
                self._trouble.count("disk_full")
                raise
            finally:
                connection.exec_driver_sql(f"PRAGMA max_page_count = {PAGES_MAX}")

        return await self._inner.transaction(cramped)


def _claimed_wrongly(connection: sa.Connection, claimed: list[Claimed]) -> list[str]:
    """Return the violations of a claim, by the claimed commands' rows in the database."""
    realms_shut = set(connection.scalars(_REALMS_SHUT))
    wrong = [
        f"{command.key.kind} of {command.key.subject} is claimed though {command.realm} is paused or cut off"
        for command in claimed
        if command.realm in realms_shut
    ]
    found = connection.execute(_IN_FLIGHT_TWICE)
    wrong += [f"two commands of {workspace}/{subject} are in flight" for workspace, subject in found]
    # An update that was claimed before goes on, whatever is decided afterwards.
    first = (each for each in claimed if each.key.kind in UPDATES and each.attempts == 1)
    return wrong + [
        f"{command.key.kind} of {command.key.subject} is claimed though a later decision replaces it"
        for command in first
        if _is_replaced(connection, command.key)
    ]


def _is_replaced(connection: sa.Connection, key: CommandKey) -> bool:
    """Return whether an update has a later target, or was withdrawn."""
    of_object = (commands.c.workspace == key.workspace, commands.c.subject == key.subject)
    later = (commands.c.kind == key.kind, commands.c.generation > key.generation)
    if connection.scalar(sa.select(commands.c.request_id).where(*of_object, *later).limit(1)) is not None:
        return True
    withdrawn = (
        catalog.payload(CUSTOMER_UPDATE_WITHDRAWN, data)
        for data in connection.scalars(_WITHDRAWN, {"workspace_": key.workspace})
    )
    return any(
        f"customer/{each.realm}/{each.customer_id}" == key.subject and each.generation >= key.generation
        for each in withdrawn
    )


_WITHDRAWN = sa.select(log.c.data).where(
    log.c.workspace == sa.bindparam("workspace_"), log.c.type == CUSTOMER_UPDATE_WITHDRAWN
)
_REALMS_SHUT = sa.select(realms.c.realm).where(sa.or_(~realms.c.connected, realms.c.paused))
_IN_FLIGHT_TWICE = (
    sa.select(commands.c.workspace, commands.c.subject)
    .where(sa.or_(commands.c.status == "leased", commands.c.status == "uncertain"))
    .group_by(commands.c.workspace, commands.c.realm, commands.c.subject)
    .having(sa.func.count() > 1)
)
