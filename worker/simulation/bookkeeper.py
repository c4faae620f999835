"""The accountant of a simulation: edits in QuickBooks itself, drawn at random."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from random import Random
from typing import Any

from worker.sandbox import accountant
from worker.sandbox.books.company import Company
from worker.sandbox.books.settling import open_amount
from worker.sandbox.faults import Fault
from worker.sandbox.sales.taxes import without_tax
from worker.simulation.changing import Flurry

PEOPLE = ("Customer", "Customer", "Vendor", "Employee")
SALES = ("Invoice", "Payment", "CreditMemo", "SalesReceipt")
VOIDED = ("Invoice", "Payment", "CreditMemo", "SalesReceipt")
TRIES_MAX = 20


class Bookkeeper:
    """Edits the books of companies, by a Random of its own.

    Attributes:
        edits: The number of edits of each kind.
        touches_ours: Whether the objects that deals refer to, or that the worker created, are edited too. As long as the
            story is compared with the books, they are not.
    """

    def __init__(self, random: Random) -> None:
        self.edits: Counter[str] = Counter()
        self.touches_ours = False
        self._random = random
        self._made: set[tuple[str, str, str]] = set()
        self._number = 0
        self._ways: Sequence[Callable[[Company, datetime], bool]] = (
            self._create,
            self._create,
            self._change,
            self._change_unkept,
            self._deactivate,
            self._merge,
            self._sell,
            self._sell,
            self._pay,
            self._pay,
            self._move,
            self._credit,
            self._void,
            self._delete,
            self._reprice,
            self._list_term,
        )

    def edit(self, company: Company, now: datetime) -> str | None:
        """Make an edit that QuickBooks accepts; return its kind, None if none was found."""
        for _ in range(TRIES_MAX):
            way = self._random.choice(self._ways)
            try:
                done = way(company, now)
            except Fault:
                continue  # as QuickBooks shows the accountant, who does something else
            if done:
                kind = way.__name__.removeprefix("_")
                self.edits[kind] += 1
                return kind
        return None

    def flurry(self, company: Company, kind: Flurry, now: Callable[[], datetime]) -> Iterator[None]:
        """Edit objects several times; after each edit, the caller lets some time pass."""
        flurries: Mapping[Flurry, Callable[[Company, Callable[[], datetime]], Iterator[None]]] = {
            "rename": self._rename_often,
            "pay": self._pay_and_regret,
            "void": self._void_and_note,
            "merge": self._sell_and_merge,
        }
        try:
            for _ in flurries[kind](company, now):
                self.edits["flurry"] += 1
                yield
        except Fault:
            return  # as QuickBooks shows the accountant, who gives up

    def _rename_often(self, company: Company, now: Callable[[], datetime]) -> Iterator[None]:
        if self._random.getrandbits(1):
            self._create(company, now())
            yield
        entity = self._random.choice(PEOPLE[:-1])
        found = self._any(company, entity)
        if found is None:
            return
        for _ in range(self._random.randint(2, 5)):
            self._number += 1
            accountant.change(company, entity, found, {"DisplayName": f"Renamed {self._number}"}, now())
            yield

    def _pay_and_regret(self, company: Company, now: Callable[[], datetime]) -> Iterator[None]:
        """Pay an invoice, then apply the payment to another one or to none, and maybe delete it."""
        customer = self._any(company, "Customer")
        if customer is None:
            return
        invoices = [self._invoice(company, customer, now()) for _ in range(2)]
        yield
        owed = open_amount(company, ("Invoice", invoices[0]))
        payment = str(accountant.receive_payment(company, customer, owed, {invoices[0]: owed}, now())["Id"])
        yield
        for target in (invoices[1], None):
            open_now = Decimal(0) if target is None else open_amount(company, ("Invoice", target))
            applied = {} if target is None else {target: min(owed, open_now)}
            if self._random.getrandbits(1):
                accountant.move_payment(company, payment, applied, now())
                yield
        if self._random.getrandbits(1):
            accountant.delete(company, "Payment", payment, now())
            yield

    def _void_and_note(self, company: Company, now: Callable[[], datetime]) -> Iterator[None]:
        customer = self._any(company, "Customer")
        if customer is None:
            return
        invoice = self._invoice(company, customer, now())
        yield
        accountant.void(company, "Invoice", invoice, now())
        yield
        note = company.objects["Invoice"][invoice]["PrivateNote"]
        accountant.change(company, "Invoice", invoice, {"PrivateNote": f"By mistake. {note}"}, now())
        yield

    def _sell_and_merge(self, company: Company, now: Callable[[], datetime]) -> Iterator[None]:
        """Merge two new customers, of whom one has an invoice."""
        names = []
        for _ in range(2):
            self._number += 1
            names.append(f"Walk-in {self._number}")
        gone, stays = (self._creates(company, "Customer", {"DisplayName": name}, now()) for name in names)
        yield
        self._invoice(company, gone, now())
        yield
        accountant.merge(company, "Customer", gone, stays, now())
        yield

    def _create(self, company: Company, now: datetime) -> bool:
        self._number += 1
        name = f"Walk-in {self._number}"
        entity = self._random.choice(PEOPLE)
        names = {"GivenName": "Walk-in", "FamilyName": str(self._number)} if entity == "Employee" else {}
        self._creates(company, entity, {"DisplayName": name, **names}, now)
        return True

    def _list_term(self, company: Company, now: datetime) -> bool:
        self._number += 1
        self._creates(company, "Term", {"Name": f"Net {100 + self._number}", "DueDays": 100}, now)
        return True

    def _change(self, company: Company, now: datetime) -> bool:
        entity = self._random.choice(PEOPLE)
        found = self._any(company, entity)
        if found is None:
            return False
        self._number += 1
        changes = (
            {"CompanyName": f"Company {self._number}"} if entity != "Employee" else {"FamilyName": "New"}
        )
        if self._random.getrandbits(1):
            changes["DisplayName"] = f"Renamed {self._number}"
        accountant.change(company, entity, found, changes, now)
        return True

    def _change_unkept(self, company: Company, now: datetime) -> bool:
        """Change a field that nobody reads: QuickBooks' version is new, what was observed is not."""
        found = self._any(company, "Customer")
        if found is None:
            return False
        self._number += 1
        accountant.change(company, "Customer", found, {"Title": f"Dr. {self._number}"}, now)
        return True

    def _deactivate(self, company: Company, now: datetime) -> bool:
        entity = self._random.choice(PEOPLE)
        found = self._any(company, entity)
        if found is None:
            return False
        active = company.objects[entity][found].get("Active") is not False
        accountant.change(company, entity, found, {"Active": not active}, now)
        return True

    def _merge(self, company: Company, now: datetime) -> bool:
        gone, stays = self._any(company, "Customer"), self._any(company, "Customer")
        if gone is None or stays is None or gone == stays:
            return False
        accountant.merge(company, "Customer", gone, stays, now)
        return True

    def _sell(self, company: Company, now: datetime) -> bool:
        customer = self._any(company, "Customer")
        if customer is None:
            return False
        entity = self._random.choice(("Invoice", "Invoice", "SalesReceipt"))
        self._creates(company, entity, self._sale(company, customer), now)
        return True

    def _sale(self, company: Company, customer: str) -> dict[str, Any]:
        line = {"DetailType": "SalesItemLineDetail", "Amount": self._amount(), "SalesItemLineDetail": {}}
        currency = company.active("Customer", customer)["CurrencyRef"]
        return {
            "CustomerRef": {"value": customer},
            "CurrencyRef": currency,
            **without_tax(company),
            "Line": [line],
        }

    def _invoice(self, company: Company, customer: str, now: datetime) -> str:
        return self._creates(company, "Invoice", self._sale(company, customer), now)

    def _pay(self, company: Company, now: datetime) -> bool:
        invoice, customer, owed = self._open_invoice(company)
        if invoice is None:
            return False
        paid = owed if self._random.getrandbits(1) else (owed / 2).quantize(Decimal("0.01"))
        made = accountant.receive_payment(company, customer, paid, {invoice: paid}, now)
        self._made.add((company.realm, "Payment", made["Id"]))
        return True

    def _move(self, company: Company, now: datetime) -> bool:
        payment = self._any(company, "Payment")
        if payment is None:
            return False
        fields = company.objects["Payment"][payment]
        total, customer = fields.get("TotalAmt") or Decimal(0), fields["CustomerRef"]["value"]
        others = [
            each
            for each in self._all(company, "Invoice")
            if company.objects["Invoice"][each]["CustomerRef"]["value"] == customer
        ]
        target = self._random.choice(others) if others and self._random.getrandbits(1) else None
        amount = Decimal(0) if target is None else min(total, open_amount(company, ("Invoice", target)))
        accountant.move_payment(company, payment, {target: amount} if target and amount else {}, now)
        return True

    def _credit(self, company: Company, now: datetime) -> bool:
        invoice, _, owed = self._open_invoice(company)
        if invoice is None:
            return False
        made = accountant.credit(company, invoice, min(owed, self._amount()), now)
        self._made.add((company.realm, "CreditMemo", made["Id"]))
        return True

    def _void(self, company: Company, now: datetime) -> bool:
        return self._ends(company, accountant.void, self._random.choice(VOIDED), now)

    def _delete(self, company: Company, now: datetime) -> bool:
        return self._ends(company, accountant.delete, self._random.choice(SALES), now)

    def _reprice(self, company: Company, now: datetime) -> bool:
        item = self._any(company, "Item")
        if item is None:
            self._number += 1
            income = company.account("SalesOfProductIncome")["Id"]
            fields = {
                "Name": f"Sundry {self._number}",
                "Type": "Service",
                "IncomeAccountRef": {"value": income},
            }
            self._creates(company, "Item", fields, now)
            return True
        accountant.change(company, "Item", item, {"UnitPrice": self._amount()}, now)
        return True

    def _ends(
        self,
        company: Company,
        act: Callable[[Company, str, str, datetime], object],
        entity: str,
        now: datetime,
    ) -> bool:
        found = self._any(company, entity)
        if found is None:
            return False
        act(company, entity, found, now)
        return True

    def _open_invoice(self, company: Company) -> tuple[str | None, str, Decimal]:
        """Return an invoice that is not paid, with its customer and its open amount."""
        for invoice in self._random.sample(found := self._all(company, "Invoice"), len(found)):
            owed = open_amount(company, ("Invoice", invoice))
            if owed > 0:
                return invoice, company.objects["Invoice"][invoice]["CustomerRef"]["value"], owed
        return None, "", Decimal(0)

    def _creates(self, company: Company, entity: str, fields: dict[str, Any], now: datetime) -> str:
        made = str(accountant.create(company, entity, fields, now)["Id"])
        self._made.add((company.realm, entity, made))
        return made

    def _any(self, company: Company, entity: str) -> str | None:
        found = self._all(company, entity)
        return self._random.choice(found) if found else None

    def _all(self, company: Company, entity: str) -> list[str]:
        """Return the Ids of the objects of an entity that may be edited, in the order of their creation."""
        return [
            each
            for each in company.objects[entity]
            if self.touches_ours or (company.realm, entity, each) in self._made
        ]

    def _amount(self) -> Decimal:
        return Decimal(self._random.randint(100, 99_999)) / 100
