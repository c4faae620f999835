"""The CRM of the accounts under review: it edits them, and takes over values and offered customers, in its own way."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from random import Random
from typing import Any

import msgspec
import sqlalchemy as sa

from events.contract import catalog, in_step
from events.contract.in_step import AccountCustomerChanged
from events.contract.unmatched import ACCOUNT_CREATED_FROM_CUSTOMER, AccountCreatedFromCustomer
from events.log import log as events_log
from events.log.tables import log
from worker.simulation.outside import LOOK_SECONDS
from worker.simulation.telling import crm

# A message that the CRM never takes over, one that it takes over late, and snapshots that it sends twice.
NEVER_RATE, LATE_RATE, TWICE_RATE, OWN_FORM_RATE = 0.1, 0.3, 0.2, 0.3
LATE_SECONDS = 40.0
FIELDS = frozenset({"name", "email", "phone", "billing_address", "shipping_address", "currency"})


class Crm:
    """The accounts of one workspace; it reads the feed by `read`, which runs a query, and sends messages by `send`.

    Attributes:
        accounts: The last snapshot of each account, by its ID.
        edits: The number of snapshots that people's edits caused, without those that only answer a message.
    """

    def __init__(
        self,
        workspace: str,
        seed: int,
        read: Callable[..., Awaitable[Any]],
        send: Callable[[Sequence[bytes]], Awaitable[None]],
    ) -> None:
        self.accounts: dict[str, dict[str, Any]] = {}
        self.edits = 0
        self._workspace = workspace
        self._random = Random(f"{seed}:CRM of {workspace}")  # noqa: S311 - a simulation repeats itself
        self._query = read
        self._send = send
        self._read = 0
        self._answering: set[asyncio.Task[None]] = set()

    async def edit(self, account_id: str, **fields: Any) -> None:
        """Change fields of an account, and send its next snapshot; None removes a value."""
        self.edits += 1
        await self._save(account_id, fields)

    async def follow(self) -> None:
        """Take over what the feed says, for ever."""
        while True:
            await self._hear()
            await asyncio.sleep(LOOK_SECONDS)

    async def is_idle(self) -> bool:
        """Return whether the feed was read to its end, and no snapshot is still to be sent."""
        return self.is_idle_at(await self._query(events_log.head))

    def is_idle_at(self, head: int) -> bool:
        """Return whether the CRM is idle if the log ends at this position."""
        return not self._answering and self._read >= head

    async def _hear(self) -> None:
        head = await self._query(events_log.head)
        self._read = min(self._read, head)  # after a restore, the feed ends earlier
        for message in await self._query(_messages, self._workspace, self._read, head):
            if isinstance(message, AccountCreatedFromCustomer):
                self._answer(self._create(message))
            elif message.account_id in self.accounts and self._random.random() >= NEVER_RATE:
                self._answer(self._take_over(message))
        self._read = head

    def _answer(self, answering: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(answering)
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _create(self, offered: AccountCreatedFromCustomer) -> None:
        """Create the account of an offered customer, unless it is there; after a restore, it may be offered again."""
        await self._linger()
        account_id = f"Q-{offered.realm}-{offered.customer_id}"
        if account_id in self.accounts or self._random.random() < NEVER_RATE:
            return
        fields = msgspec.to_builtins(offered.fields)
        customer = {"realm": offered.realm, "customer_id": offered.customer_id}
        await self._save(account_id, {**fields, "currency": offered.currency, "customer": customer})

    async def _linger(self) -> None:
        if self._random.random() < LATE_RATE:
            await asyncio.sleep(self._random.uniform(0, LATE_SECONDS))

    async def _take_over(self, message: AccountCustomerChanged) -> None:
        await self._linger()
        told = {name: value for name, value in msgspec.to_builtins(message.fields).items() if name in FIELDS}
        if told:
            await self._save(message.account_id, {name: self._in_its_form(name, told[name]) for name in told})

    def _in_its_form(self, name: str, value: Any) -> Any:
        """Return a value as the CRM stores it: the same, in other letters or with other separators."""
        if value is None or name not in _OWN_FORMS or self._random.random() >= OWN_FORM_RATE:
            return value
        return _OWN_FORMS[name](value)

    async def _save(self, account_id: str, fields: dict[str, Any]) -> None:
        before = self.accounts.get(account_id, {"account_id": account_id, "revision": 0})
        snapshot = {**before, **fields, "revision": before["revision"] + 1}
        self.accounts[account_id] = snapshot
        filled = {name: value for name, value in snapshot.items() if value is not None}
        message = crm("account.updated.v1", self._workspace, filled)
        await self._send([message] * (2 if self._random.random() < TWICE_RATE else 1))


def _dotted(phone: str) -> str:
    return phone.replace(" ", ".").replace("-", ".")


_OWN_FORMS: dict[str, Callable[[str], str]] = {"name": str.upper, "email": str.upper, "phone": _dotted}


def _messages(
    connection: sa.Connection, workspace: str, after: int, until: int
) -> Sequence[AccountCustomerChanged | AccountCreatedFromCustomer]:
    statement = (
        sa.select(log.c.type, log.c.data)
        .where(log.c.workspace == workspace, log.c.type.in_(_HEARD))
        .where(log.c.position > after, log.c.position <= until)
        .order_by(log.c.position)
    )
    return [catalog.payload(kind, data) for kind, data in connection.execute(statement)]


_HEARD = (in_step.ACCOUNT_CUSTOMER_CHANGED, ACCOUNT_CREATED_FROM_CUSTOMER)
