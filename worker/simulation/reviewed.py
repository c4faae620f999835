"""Compare the mappings with what people decided, and the suggestions with those of comparing everything, at rest."""

from collections.abc import Iterator, Mapping
from itertools import combinations

import sqlalchemy as sa

from events.contract import catalog
from events.contract.unmatched import ACCOUNT_CREATED_FROM_CUSTOMER
from events.log.tables import log
from projections.mappings import IGNORED, MAPPED, mappings
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.store import StateStore
from worker.simulation import decided
from worker.simulation.decided import DecidedAccount
from worker.suggesting import listening, portions
from worker.suggesting.entries import Entry


def violations(connection: sa.Connection, workspace: str) -> Iterator[str]:
    """Yield what is wrong with the mappings of a workspace's accounts."""
    told_of = decided.read(connection, workspace)
    realm, accounts = told_of.realm, told_of.accounts
    store = StateStore(connection, workspace)
    found = {account_id: store.get(Account, account_id) for account_id in sorted(accounts)}
    is_connected = store.get(WorkspaceState).is_connected
    for account_id, account in found.items():
        told = accounts[account_id]
        problems = [
            *_undone(account, told, realm),
            *_made_twice(told),
            *(_unanswered(told, realm) if is_connected else ()),
            *(_shown(connection, workspace, account_id, account) if len(set(told_of.realms)) == 1 else ()),
        ]
        yield from (f"I10: {workspace}/{account_id}: {problem}" for problem in problems)
    if realm is not None:
        yield from (f"I10: {workspace}: {problem}" for problem in _shared(found, accounts, realm))
    yield from (f"I10: {workspace}/{problem}" for problem in _suggested(connection, workspace, accounts))
    for offer, count in _offered_again(connection, workspace):
        yield f"I10: {workspace}: customer {offer} was offered to the CRM {count} times"


def _offered_again(connection: sa.Connection, workspace: str) -> Iterator[tuple[str, int]]:
    """Yield the customers that were offered more than once, with the number of offers."""
    offers = sa.select(log.c.stream, sa.func.count()).where(
        log.c.workspace == workspace, log.c.type == ACCOUNT_CREATED_FROM_CUSTOMER
    )
    for stream, count in connection.execute(offers.group_by(log.c.stream)):
        if count > 1:
            yield stream, count


def _undone(account: Account, told: DecidedAccount, realm: str | None) -> Iterator[str]:
    """Yield the decisions of people that do not hold."""
    for of_realm in sorted({*told.links, *(link.realm or "" for link in account.links)}):
        wanted, links = told.links_of(of_realm), account.links_of_people(of_realm)
        if len({link.currency for link in links}) != len(links):
            yield f"it has two customers of one currency in {of_realm}: {links}"
        if {(link.currency, link.customer_id) for link in links} != wanted:
            yield f"people gave it {wanted} in {of_realm}, and it has {links}"
    if set(account.rejected) != told.rejected:
        yield f"people rejected {sorted(told.rejected)}, and known is {sorted(account.rejected)}"
    if (account.ignored_by is not None) != told.is_ignored:
        yield f"it is ignored by {account.ignored_by}, and people said {told.is_ignored}"
    effective = account.links_in(realm) if realm else ()
    by_itself = account.links_by_itself(realm) if realm and not account.links_of_people(realm) else ()
    if by_itself and (told.is_ignored or told.requests > max(told.replaced, told.answered)):
        yield f"it is linked to {by_itself} by itself, though a person decided otherwise"
    for link in by_itself:
        if (link.realm, link.customer_id) in told.rejected:
            yield f"it is linked to the rejected customer {link.customer_id}"
    announced = told.announced.get(realm or "")
    if effective and announced not in {link.customer_id for link in effective}:
        yield f"the CRM was told the customer {announced}, and it has {effective}"


def _made_twice(told: DecidedAccount) -> Iterator[str]:
    """Yield customers that were created although the account had one of that currency, and no person replaced it."""
    for first, second in combinations(told.created, 2):
        if first[:2] == second[:2] and first != second and not told.replacing:
            yield f"customers {first[2]} and {second[2]} were created for it"


def _unanswered(told: DecidedAccount, realm: str | None) -> Iterator[str]:
    if told.is_unanswered(realm):
        yield "a person's request for a customer is not answered"


def _shown(connection: sa.Connection, workspace: str, account_id: str, account: Account) -> Iterator[str]:
    """Yield the differences of the read model, which shows one customer, of whatever company."""
    of_account = (
        mappings.c.workspace == workspace,
        mappings.c.kind == "account",
        mappings.c.id == account_id,
    )
    row = connection.execute(sa.select(mappings.c.state, mappings.c.target).where(*of_account)).one()
    links = account.links_in(None)
    if links and (row.state != MAPPED or row.target not in {link.customer_id for link in links}):
        yield f"it is shown as {row.state} {row.target}, and has {links}"
    if not links and row.state != IGNORED and account.ignored_by is not None:
        yield f"it is shown as {row.state}, and is ignored"
    if not links and row.state == MAPPED:
        yield f"it is shown as mapped to {row.target}, and has no customer"


def _shared(
    found: Mapping[str, Account], accounts: Mapping[str, DecidedAccount], realm: str
) -> Iterator[str]:
    """Yield pairs of accounts that share a customer in one currency without a person's confirmation."""
    links = [
        (account_id, link)
        for account_id, account in found.items()
        for link in account.links_in(realm)
        if not accounts[account_id].links.get(realm, {}).get(link.currency, ("", False))[1]
    ]
    for (one, of_one), (other, of_other) in combinations(links, 2):
        overlap = None in {of_one.currency, of_other.currency} or of_one.currency == of_other.currency
        if one != other and of_one.customer_id == of_other.customer_id and overlap:
            yield f"{one} and {other} share the customer {of_one.customer_id}, and no person confirmed that"


def _suggested(
    connection: sa.Connection, workspace: str, accounts: Mapping[str, DecidedAccount]
) -> Iterator[str]:
    """Yield the accounts whose suggestion is not the one that comparing everything gives, or is a rejected one."""
    rows = portions.read(connection, workspace)
    if rows is None:
        return
    index = portions.index_of(rows)
    entries = listening.entries_of(connection, workspace, [stream for stream, _ in rows.sought])
    store = StateStore(connection, workspace)
    realm, is_first = rows.company.realm, rows.company.is_first
    for stream, entry in sorted(entries.items()):
        if (other := index.suggestion(stream, entry)) is not None:
            said = entry.suggested and (entry.suggested.verdict, entry.suggested.best)
            yield f"{stream}: suggested is {said}, and comparing everything gives {other.verdict, other.best}"
        best = entry.suggested.best if entry.suggested and entry.suggested.realm == realm else None
        is_open = entry.is_open(realm, is_first=is_first)
        told = accounts.get(catalog.key_of(stream), DecidedAccount())
        if stream.startswith("account/"):
            if is_open and best is not None and (realm, best.target) in told.rejected:
                yield f"{stream}: the rejected customer {best.target} is suggested"
            account = store.get(Account, catalog.key_of(stream))
            yield from _matched(stream, account, entry, realm, is_first=is_first)


def _matched(stream: str, account: Account, entry: Entry, realm: str, *, is_first: bool) -> Iterator[str]:
    """Yield what the matcher knows otherwise of an account than the process manager."""
    known, has = set(entry.targets(realm, is_first=is_first)), account.links_in(realm)
    if known != {link.customer_id for link in has}:
        yield f"{stream}: matched as linked to {sorted(known)}, and has {has}"
    if entry.is_ignored != (account.ignored_by is not None):
        yield f"{stream}: matched as ignored {entry.is_ignored}, and is ignored by {account.ignored_by}"
