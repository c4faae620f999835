"""The ledger: the postings of each transaction, and the amounts that transactions settle of others."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal

from msgspec import Struct

Key = tuple[str, str]
NOTHING = Decimal(0)


class Unbalanced(Exception):
    """A transaction's debits are not its credits; the sandbox has a defect."""


class Posting(Struct, frozen=True):
    """One line of the ledger.

    Attributes:
        account: The Id of the account.
        home: The amount in the home currency; a debit is positive, a credit negative.
        day: The date of the transaction.
        customer: The Id of the customer, on accounts receivable.
        amount: The amount in the customer's currency, on accounts receivable.
        item: The Id of the item that was sold, on income.
        class_id: The Id of the class.
    """

    account: str
    home: Decimal
    day: date
    customer: str | None = None
    amount: Decimal = NOTHING
    item: str | None = None
    class_id: str | None = None


class Application(Struct, frozen=True):
    """An amount of one transaction that settles part of another, such as of a payment for an invoice."""

    target: Key
    amount: Decimal


class Ledger:
    """The postings of a company, and the balances that follow from them."""

    def __init__(self) -> None:
        self._postings: dict[Key, tuple[Posting, ...]] = {}
        self._accounts: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._customers: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._applied: dict[Key, tuple[Application, ...]] = {}
        self._settled: defaultdict[Key, dict[Key, Decimal]] = defaultdict(dict)

    def post(self, key: Key, postings: Iterable[Posting]) -> None:
        """Replace the postings of a transaction.

        Raises:
            Unbalanced: They do not add up to zero.
        """
        new = tuple(posting for posting in postings if posting.home or posting.amount)
        if sum((posting.home for posting in new), NOTHING):
            raise Unbalanced(f"{key[0]} {key[1]} is out of balance: {new}")
        for posting in self._postings.pop(key, ()):
            self._add(posting, -1)
        for posting in new:
            self._add(posting, 1)
        if new:
            self._postings[key] = new

    def apply(self, key: Key, applications: Iterable[Application]) -> list[Key]:
        """Replace the amounts that a transaction settles; return the transactions whose open amounts change, in order."""
        before = {each.target: each.amount for each in self._applied.pop(key, ())}
        new = tuple(applications)
        for target in before:
            del self._settled[target][key]
        for each in new:
            by = self._settled[each.target]
            by[key] = by.get(key, NOTHING) + each.amount
        if new:
            self._applied[key] = new
        after = {each.target: self._settled[each.target][key] for each in new}
        return [target for target in {**before, **after} if before.get(target) != after.get(target)]

    def postings(self) -> Iterator[tuple[Key, Posting]]:
        """Yield every posting with its transaction."""
        for key, postings in self._postings.items():
            for posting in postings:
                yield key, posting

    def targets(self, key: Key) -> tuple[Key, ...]:
        """Return the transactions that a transaction settles."""
        return tuple(each.target for each in self._applied.get(key, ()))

    def of(self, key: Key) -> tuple[Posting, ...]:
        """Return the postings of a transaction."""
        return self._postings.get(key, ())

    def account(self, account: str) -> Decimal:
        """Return an account's balance in the home currency, debits less credits."""
        return self._accounts.get(account, NOTHING)

    def customer(self, customer: str) -> Decimal:
        """Return a customer's debt, in the customer's currency."""
        return self._customers.get(customer, NOTHING)

    def settled(self, target: Key) -> Decimal:
        """Return the amount of a transaction that others have settled."""
        return sum(self._settled.get(target, {}).values(), NOTHING)

    def settling(self, target: Key) -> Mapping[Key, Decimal]:
        """Return the transactions that settle a transaction, with their amounts, in the order of their Ids."""
        found = self._settled.get(target, {})
        return found if len(found) <= 1 else dict(sorted(found.items(), key=lambda each: int(each[0][1])))

    def _add(self, posting: Posting, sign: int) -> None:
        self._accounts[posting.account] += sign * posting.home
        if posting.customer is not None:
            self._customers[posting.customer] += sign * posting.amount
