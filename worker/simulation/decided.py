"""What people decided about accounts, by the log alone: the customers, rejections and requests that have to hold.

None of the worker's folds is used: this is a second reading of the same facts.
"""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from msgspec import Struct, field

from events.contract import catalog
from events.contract.administration import AccountMapped, CustomerRequested
from events.contract.announcements import CustomerCommanded, CustomerLinked
from events.contract.quickbooks import CommandRejected, CustomerCreated
from events.contract.reviewing import (
    ACCOUNT_IGNORED,
    ACCOUNT_UNIGNORED,
    MAPPING_MOVED,
    MAPPING_REJECTED,
    AccountIgnored,
    AccountUnignored,
    MappingMoved,
    MappingRejected,
)
from events.log.tables import log

# The customer of a currency, or of every currency (None), and whether a person confirmed that it is another account's too.
Links = dict[str | None, tuple[str, bool]]


class DecidedAccount(Struct):
    """An account, as people decided about it.

    Attributes:
        links: Its customers in each company: those of the last mappings, and those that were created for it since.
        rejected: The companies and IDs of the rejected customers.
        is_ignored: Whether a person has said last that it gets no customer.
        requests: The number of requests for a new customer.
        replaced: How many of them a later decision replaced.
        answered: How many of them led to a customer or a refusal.
        commanded: The company in which a customer was commanded last, and how many requests that answers.
        replacing: How many of them were made because the account's customer can't be used.
        announced: The customer that the CRM was told last, by company.
        created: The created customers, each with its company and currency.
        merged: The customers into which its customers were merged, by company and ID.
    """

    links: dict[str, Links] = field(default_factory=dict)
    rejected: set[tuple[str, str]] = field(default_factory=set)
    is_ignored: bool = False
    requests: int = 0
    replaced: int = 0
    answered: int = 0
    commanded: tuple[str, int] = ("", 0)
    replacing: int = 0
    announced: dict[str, str] = field(default_factory=dict)
    created: list[tuple[str, str | None, str]] = field(default_factory=list)
    merged: dict[tuple[str, str], str] = field(default_factory=dict)

    def is_unanswered(self, realm: str | None) -> bool:
        """Return whether a request awaits its customer; not one of another company, where it is created once that is back."""
        company, requests = self.commanded
        elsewhere = requests if company != realm else 0
        return self.requests > max(self.replaced, self.answered, elsewhere)

    def links_of(self, realm: str) -> set[tuple[str | None, str]]:
        """Return the currency and the customer of each link in a company, after all merges."""
        found = set()
        for currency, (customer, _) in self.links.get(realm, {}).items():
            while (into := self.merged.get((realm, customer))) is not None:
                customer = into  # noqa: PLW2901 - on to the one that stays
            found.add((currency, customer))
        return found


class DecidedWorkspace(Struct):
    """A workspace: its accounts by their IDs, and the companies that it was connected to, in order."""

    accounts: dict[str, DecidedAccount] = field(default_factory=dict)
    realms: list[str] = field(default_factory=list)

    @property
    def realm(self) -> str | None:
        """The company that was connected last."""
        return self.realms[-1] if self.realms else None

    def of(self, account_id: str) -> DecidedAccount:
        """Return an account."""
        return self.accounts.setdefault(account_id, DecidedAccount())


def read(connection: sa.Connection, workspace: str) -> DecidedWorkspace:
    """Return what people decided in a workspace."""
    statement = (
        sa.select(log.c.type, log.c.data)
        .where(log.c.workspace == workspace, log.c.type.in_(_READ))
        .order_by(log.c.position)
    )
    facts = [(kind, catalog.payload(kind, data)) for kind, data in connection.execute(statement)]
    reading = DecidedWorkspace()
    for kind, fact in facts:
        _READ[kind](reading, fact)
    return reading


def _connected(reading: DecidedWorkspace, fact: Any) -> None:
    reading.realms.append(fact.realm)
    for (
        account
    ) in reading.accounts.values():  # a mapping from before any connection is one of the first company
        if "" in account.links:
            account.links[fact.realm] = account.links.pop("")


def _mapped(reading: DecidedWorkspace, mapped: AccountMapped) -> None:
    account, realm = reading.of(mapped.account_id), mapped.realm or reading.realm or ""
    links = account.links.setdefault(realm, {})
    if mapped.currency is None:
        links.clear()
    links[mapped.currency] = (mapped.customer_id, mapped.also)
    account.is_ignored, account.replaced = False, account.requests


def _requested(reading: DecidedWorkspace, request: CustomerRequested) -> None:
    account = reading.of(request.account_id)
    account.requests += 1
    account.replacing += request.instead_of is not None
    account.is_ignored = False


def _commanded(reading: DecidedWorkspace, commanded: CustomerCommanded) -> None:
    account = reading.of(commanded.account_id)
    account.commanded = (commanded.realm, account.requests)


def _created(reading: DecidedWorkspace, created: CustomerCreated) -> None:
    """Link a created customer, unless a person has decided otherwise since it was requested."""
    account = reading.of(created.account_id)
    links = account.links.setdefault(created.realm, {})
    is_decided = account.is_ignored or not {None, created.currency}.isdisjoint(links)
    if account.requests > account.replaced or not is_decided:
        links[created.currency] = (created.customer_id, False)
    account.answered = account.requests
    account.created.append((created.realm, created.currency, created.customer_id))


def _refused(reading: DecidedWorkspace, refused: CommandRejected) -> None:
    if refused.kind == "create_customer":
        account = reading.of(catalog.key_of(refused.subject))
        account.answered = account.requests


def _rejected(reading: DecidedWorkspace, rejected: MappingRejected) -> None:
    reading.of(rejected.account_id).rejected.add((rejected.realm, rejected.customer_id))


def _moved(reading: DecidedWorkspace, moved: MappingMoved) -> None:
    reading.of(moved.account_id).merged[moved.realm, moved.merged] = moved.customer_id


def _ignored(reading: DecidedWorkspace, ignored: AccountIgnored) -> None:
    account = reading.of(ignored.account_id)
    account.is_ignored, account.replaced = True, account.requests


def _unignored(reading: DecidedWorkspace, unignored: AccountUnignored) -> None:
    reading.of(unignored.account_id).is_ignored = False


def _announced(reading: DecidedWorkspace, linked: CustomerLinked) -> None:
    reading.of(linked.account_id).announced[linked.realm or reading.realm or ""] = linked.customer_id


_READ: Mapping[str, Callable[[DecidedWorkspace, Any], None]] = {
    catalog.CONNECTION_AUTHORIZED: _connected,
    catalog.ACCOUNT_MAPPED: _mapped,
    catalog.CUSTOMER_REQUESTED: _requested,
    catalog.CUSTOMER_COMMANDED: _commanded,
    catalog.CUSTOMER_CREATED: _created,
    catalog.COMMAND_REJECTED: _refused,
    catalog.CUSTOMER_LINKED: _announced,
    MAPPING_MOVED: _moved,
    MAPPING_REJECTED: _rejected,
    ACCOUNT_IGNORED: _ignored,
    ACCOUNT_UNIGNORED: _unignored,
}
