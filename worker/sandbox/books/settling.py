"""The debts of transactions, and the transactions that settle them: payments of invoices, credit memos, deposits."""

from collections.abc import Iterable
from decimal import Decimal

from worker.sandbox import faults
from worker.sandbox.books.closing import check_open
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act, Entity
from worker.sandbox.books.ledger import NOTHING, Key, Posting
from worker.sandbox.schema.kinds import Fields


def owed(postings: Iterable[Posting]) -> Decimal:
    """Return what postings make customers owe; it is negative for a credit."""
    return sum((each.amount for each in postings if each.customer is not None), NOTHING)


def customers(postings: Iterable[Posting]) -> frozenset[str]:
    """Return the Ids of the customers that postings make owe something, or give credit to."""
    return frozenset(each.customer for each in postings if each.customer is not None)


def open_amount(company: Company, target: Key, without: Key | None = None) -> Decimal:
    """Return the open amount of a transaction, or the unused amount of a credit.

    Args:
        company: The company.
        target: The transaction.
        without: A transaction that settles it and is about to be changed: what it settles counts as open.
    """
    settling = company.ledger.settling(target)
    by_it = settling.get(without, NOTHING) if without is not None else NOTHING
    return abs(owed(company.ledger.of(target))) - company.ledger.settled(target) + by_it


def check_not_deposited(company: Company, key: Key) -> None:
    """Refuse to change a transaction that is part of a deposit.

    Raises:
        Fault: 6540.
    """
    if is_deposited(company, key):
        raise faults.deposited()


def is_deposited(company: Company, key: Key) -> bool:
    """Return whether a transaction is part of a deposit."""
    return any(kind == "Deposit" for kind, _ in company.ledger.settling(key))


def released(company: Company, entity: Entity, before: Fields, after: Fields, act: Act) -> Fields:
    """Return a transaction that is about to change, with no more settled of it than it owes afterwards.

    Raises:
        Fault: More is settled of it, and it is a credit, or the company does not release payments.
    """
    key = (entity.name, before["Id"])
    settled = company.ledger.settled(key)
    if not settled:
        return before
    present, coming = company.ledger.of(key), tuple(entity.postings(company, after))
    left = owed(coming)
    if left and customers(present) != customers(coming):
        raise faults.linked(entity.name)
    is_credit, turned = owed(present) < 0, owed(present) * left < 0
    excess = settled - abs(left)
    if turned or (excess > 0 and (is_credit or not company.traits.payments_are_released)):
        raise faults.linked(entity.name)
    if excess > 0:
        _release(company, key, excess, act)
    return company.objects[entity.name][before["Id"]]


def _release(company: Company, target: Key, excess: Decimal, act: Act) -> None:
    """Take an amount away from the transactions that settle a target, the last of them first."""
    settling = list(company.ledger.settling(target).items())
    for by, _ in settling:
        check_not_deposited(company, by)
        check_open(company, company.objects[by[0]][by[1]])
    for (name, identifier), amount in reversed(settling):
        taken = min(excess, amount)
        if taken > 0:
            before = company.objects[name][identifier]
            lines = _used(company, _less(before["Line"], target, taken))
            company.replace(name, before, {**before, "Line": lines}, act)
        excess -= taken


def _less(lines: Iterable[Fields], target: Key, taken: Decimal) -> list[Fields]:
    """Return the lines of a payment with less for a target."""
    result = []
    for line in lines:
        cut = min(taken, line["Amount"]) if _target(line) == target else NOTHING
        taken -= cut
        if line["Amount"] > cut:
            result.append({**line, "Amount": line["Amount"] - cut})
    return result


def _used(company: Company, lines: list[Fields]) -> list[Fields]:
    """Return the lines of a payment without the credits that pay for nothing any more, the last of them first."""
    left = sum((_owing(company, line) for line in lines), NOTHING)
    for line in reversed(lines):
        if left < 0 and _owing(company, line) < 0:
            cut = min(-left, line["Amount"])
            lines = _less(lines, _target(line), cut)
            left += cut
    return lines


def _owing(company: Company, line: Fields) -> Decimal:
    """Return the amount of a line; it is negative if the line is linked to a credit."""
    amount: Decimal = line["Amount"]
    return -amount if owed(company.ledger.of(_target(line))) < 0 else amount


def _target(line: Fields) -> Key:
    [link] = line["LinkedTxn"]
    return link["TxnType"], link["TxnId"]
