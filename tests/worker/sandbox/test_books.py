"""The books add up after any requests, accepted or refused, in one currency and in several."""

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any

from hypothesis import Phase, event, given, note, settings
from hypothesis import strategies as st

from tests.worker.sandbox.app import App, discount, line
from worker.sandbox.books import snapshots
from worker.sandbox.books.company import Company

CENT = Decimal("0.01")
NOTHING = Decimal(0)
FORMS = ("Invoice", "CreditMemo", "SalesReceipt", "RefundReceipt", "Estimate")
TRANSACTIONS = (*FORMS, "Payment", "JournalEntry", "Deposit")
CODES = {"us": ("TAX", "NON"), "uk": ("1", "2", "3")}
AMOUNTS = [Decimal(text) for text in ("0.01", "9.99", "33.33", "50", "100")]
Fields = dict[str, Any]


class People:
    """They write to the books of a company, not always what makes sense."""

    def __init__(self, kind: str, random: Random) -> None:
        self.kind, self.random, self.app = kind, random, App(kind)
        self.company = self.app.company
        switches = ("allow_deposit", "payments_are_released", "auto_apply_credit", "auto_apply_payments")
        self.app.sandbox.change_traits(
            self.company.realm, {switch: random.random() < 0.5 for switch in switches}
        )
        self.bank = self.account("Checking")
        home = self.company.traits.home_currency
        foreign = home if kind == "us" else "EUR"
        self.customers = [("1", home), self.customer("Kitchen", home, "1"), self.customer("Müller", foreign)]
        self.customers.append(self.customer("Küche", foreign, self.customers[-1][0]))

    def customer(self, name: str, currency: str, parent: str | None = None) -> tuple[str, str]:
        fields: Fields = {"DisplayName": name, "CurrencyRef": {"value": currency}}
        if parent is not None:
            fields["ParentRef"] = {"value": parent}
        return self.app.made("Customer", fields)["Id"], currency

    def account(self, subtype: str) -> Fields:
        return {"value": self.company.account(subtype)["Id"]}

    def send(self, entity: str, body: Fields, **query: str) -> None:
        """Send a request; one that is refused changes nothing."""
        before = everything(self.company)
        reply = self.app.call("POST", entity.lower(), body, **query)
        event(f"{entity} {query.get('operation', 'create')} {reply.status}")
        assert reply.status in {200, 400}, reply.body
        if reply.status == 400:
            assert everything(self.company) == before

    def do_something(self) -> None:
        acts = (self.sell, self.sell, self.pay, self.pay, self.pay_otherwise, self.write, self.deposit)
        self.random.choice((*acts, self.change, self.change, self.take_back))()

    def usually(self) -> bool:
        return self.random.random() < 0.8

    def rate(self) -> Decimal:
        return Decimal(self.random.randrange(5000, 20000)) / 10000

    def somebody(self) -> Fields:
        """Choose a customer, with its currency and a rate of the day."""
        identifier, currency = self.random.choice(self.customers)
        return {
            "CustomerRef": {"value": identifier},
            "CurrencyRef": {"value": currency},
            "ExchangeRate": self.rate(),
        }

    def some(self, *entities: str, of: str | None = None, most: int = 1) -> list[tuple[str, Fields]]:
        """Choose some transactions, of one customer or of any."""
        found = [
            (name, each)
            for name in entities
            for each in self.company.every(name)
            if of is None or each.get("CustomerRef", {}).get("value", of) == of
        ]
        return self.random.sample(found, min(len(found), self.random.randint(1, most)))

    def lines(self) -> list[Fields]:
        codes = CODES[self.kind]
        sold = [
            line(self.random.choice(AMOUNTS), TaxCodeRef={"value": self.random.choice(codes)})
            for _ in range(self.random.randint(1, 3))
        ]
        return sold if self.usually() else [*sold, discount(amount=self.random.choice(AMOUNTS))]

    def linked(self, chosen: list[tuple[str, Fields]]) -> list[Fields]:
        """Write lines that settle transactions: all of each, part of it, or too much."""
        lines = []
        for name, each in chosen:
            rest: Decimal = each["Balance"] if "Balance" in each else each["TotalAmt"] or Decimal(10)
            part = (rest / 3).quantize(CENT)
            amount = self.random.choice([rest, rest, part, part, rest + CENT])
            lines.append({"Amount": amount, "LinkedTxn": [{"TxnId": each["Id"], "TxnType": name}]})
        return lines

    def sell(self) -> None:
        entity = self.random.choice((*FORMS, "Invoice", "Invoice"))
        body = {**self.somebody(), "Line": self.lines()}
        if entity == "Invoice":
            estimates = self.some("Estimate", of=body["CustomerRef"]["value"] if self.usually() else None)
            body["LinkedTxn"] = [{"TxnId": each["Id"], "TxnType": name} for name, each in estimates]
        if entity == "Invoice" and not self.usually():
            body["Deposit"] = self.random.choice(AMOUNTS)
        if entity == "RefundReceipt" and self.usually():
            body["DepositToAccountRef"] = self.bank
        if self.kind == "uk" and not self.usually():
            body["GlobalTaxCalculation"] = self.random.choice(["TaxInclusive", "NotApplicable"])
        self.send(entity, body)

    def payment(self, body: Fields) -> Fields:
        """Write a payment, usually of its own customer's transactions."""
        payer = body["CustomerRef"]["value"] if self.usually() else None
        paid = self.linked(self.some("Invoice", of=payer, most=3))
        credited = self.linked(self.some("CreditMemo", "JournalEntry", of=payer, most=2))
        lines = [*paid, *(credited if self.random.random() < 0.4 else ())]
        total = sum((each["Amount"] for each in paid), NOTHING)
        return {**body, "TotalAmt": self.random.choice([total, total, NOTHING, total + 5]), "Line": lines}

    def pay(self) -> None:
        self.send("Payment", self.payment(self.somebody()))

    def pay_otherwise(self) -> None:
        for _, each in self.some("Payment"):
            kept = {name: each[name] for name in ("Id", "SyncToken", "CustomerRef", "CurrencyRef")}
            self.send("Payment", self.payment({**kept, "sparse": True, "ExchangeRate": self.rate()}))

    def write(self) -> None:
        """Write a journal entry for somebody, or nobody, usually in balance."""
        identifier, currency = self.random.choice(self.customers)
        owed: Fields = {"AccountRef": self.account("AccountsReceivable")}
        if self.usually():
            owed["Entity"] = {"Type": "Customer", "EntityRef": {"value": identifier}}
        sides = self.random.sample(["Debit", "Credit"], 2)
        details = [{"PostingType": sides[0], **owed}, {"PostingType": sides[1], "AccountRef": self.bank}]
        amount = self.random.choice(AMOUNTS)
        lines = [
            {"DetailType": "JournalEntryLineDetail", "Amount": each, "JournalEntryLineDetail": detail}
            for each, detail in zip((amount, amount if self.usually() else 7), details, strict=True)
        ]
        money = {"CurrencyRef": {"value": currency}, "ExchangeRate": self.rate()}
        self.send("JournalEntry", {"Line": lines, **money})

    def deposit(self) -> None:
        lines = self.linked(self.some("Payment", "SalesReceipt", most=2))
        income = {"AccountRef": self.account("ServiceFeeIncome")}
        lines.append({"Amount": self.random.choice(AMOUNTS), "DepositLineDetail": income})
        currency = {"value": self.random.choice(self.customers)[1]}
        body = {"DepositToAccountRef": self.bank, "CurrencyRef": currency, "ExchangeRate": self.rate()}
        self.send("Deposit", {**body, "Line": lines})

    def change(self) -> None:
        for name, each in self.some("Invoice" if self.usually() else self.random.choice(TRANSACTIONS)):
            sparse = self.random.random() < 0.5
            body = {**({"Id": each["Id"]} if sparse else each), "sparse": sparse}
            body |= {"SyncToken": each["SyncToken"] if self.usually() else "99", "ExchangeRate": self.rate()}
            if name in FORMS and self.usually():
                body["Line"] = self.lines()
            if name in FORMS and not self.usually():
                body |= self.somebody()
            self.send(name, body)

    def take_back(self) -> None:
        for name, each in self.some(*TRANSACTIONS):
            operation = self.random.choice(["void", "delete"])
            self.send(name, {"Id": each["Id"], "SyncToken": each["SyncToken"]}, operation=operation)


@settings(max_examples=20, deadline=None, phases=[Phase.generate])
@given(kind=st.sampled_from(["us", "uk"]), seed=st.integers(0, 2**32))
def test_the_books_add_up_after_any_requests(kind: str, seed: int) -> None:
    note(f"{kind} {seed}")
    people = People(kind, Random(seed))
    company = people.company
    for _ in range(100):
        before = {name: dict(company.objects[name]) for name in TRANSACTIONS}
        people.do_something()
        debits_are_credits(company)
        balances_follow_from_payments(company)
        totals_are_lines_less_discount_plus_tax(company)
        sync_tokens_only_grow(company, before)
    books, postings, _ = everything(company)
    snapshots.restore(company, snapshots.taken(company))
    restored, again, _ = everything(company)
    assert (restored, sorted(again, key=str)) == (books, sorted(postings, key=str))


def everything(company: Company) -> tuple[Fields, list[Any], int]:
    return company.books(), list(company.ledger.postings()), len(company.journal)


def debits_are_credits(company: Company) -> None:
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for key, posting in company.ledger.postings():
        sums[key] += posting.home
    assert not any(sums.values())
    assert {name for name, _ in sums} <= set(TRANSACTIONS) - {"Estimate"}


def balances_follow_from_payments(company: Company) -> None:
    """Compare what customers and documents show with the lines of the payments, and with accounts receivable."""
    books = company.books()
    applied: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    owed: defaultdict[str, Decimal] = defaultdict(Decimal)
    owed_at_home: list[Decimal] = []
    for payment in books["Payment"]:
        for each in payment["Line"]:
            [link] = each["LinkedTxn"]
            applied[link["TxnType"], link["TxnId"]] += each["Amount"]

    def count(customer: str, fields: Fields, *parts: Decimal) -> None:
        owed[customer] += sum(parts)
        rate = fields.get("ExchangeRate", 1)
        owed_at_home.extend((part * rate).quantize(CENT, ROUND_HALF_UP) for part in parts)

    for name, sign in (("Invoice", 1), ("CreditMemo", -1)):
        for each in books[name]:
            total, paid = each["TotalAmt"] - each.get("Deposit", 0), applied[name, each["Id"]]
            assert each["Balance"] == total - paid >= 0
            assert each.get("RemainingCredit", each["Balance"]) == each["Balance"]
            count(each["CustomerRef"]["value"], each, sign * total, -sign * paid)
            assert each.get("HomeBalance", each["Balance"]) == sign * sum(owed_at_home[-2:])
    for entry in books["JournalEntry"]:
        [owing] = [each for each in entry["Line"] if "Entity" in each["JournalEntryLineDetail"]]
        paid, detail = applied["JournalEntry", entry["Id"]], owing["JournalEntryLineDetail"]
        sign = 1 if detail["PostingType"] == "Debit" else -1
        assert paid <= owing["Amount"]
        count(detail["Entity"]["EntityRef"]["value"], entry, sign * owing["Amount"], -sign * paid)
    for payment in books["Payment"]:
        rest = payment["TotalAmt"] - sum(used(company, each) for each in payment["Line"])
        assert payment["UnappliedAmt"] == rest >= 0
        count(payment["CustomerRef"]["value"], payment, -rest)
    assert {each["Id"]: each["Balance"] for each in books["Customer"]} == {
        each["Id"]: owed[each["Id"]] for each in books["Customer"]
    }
    assert company.ledger.account(company.account("AccountsReceivable")["Id"]) == sum(owed_at_home)


def used(company: Company, paid: Fields) -> Decimal:
    """Return what a line of a payment takes of it; a line for a credit gives."""
    [link] = paid["LinkedTxn"]
    is_credit = link["TxnType"] == "CreditMemo"
    if link["TxnType"] == "JournalEntry":
        lines = company.objects["JournalEntry"][link["TxnId"]]["Line"]
        details = [each["JournalEntryLineDetail"] for each in lines]
        is_credit = any("Entity" in each and each["PostingType"] == "Credit" for each in details)
    amount: Decimal = paid["Amount"]
    return -amount if is_credit else amount


def totals_are_lines_less_discount_plus_tax(company: Company) -> None:
    for name in FORMS:
        for each in company.every(name):
            of: defaultdict[str, Decimal] = defaultdict(Decimal)
            for part in each["Line"]:
                of[part["DetailType"]] += part["Amount"]
            assert of["SalesItemLineDetail"] == of["SubTotalLineDetail"]
            net = of["SalesItemLineDetail"] - of["DiscountLineDetail"]
            assert each["TotalAmt"] == net + each["TxnTaxDetail"]["TotalTax"]


def sync_tokens_only_grow(company: Company, before: dict[str, dict[str, Fields]]) -> None:
    for name in TRANSACTIONS:
        for identifier, stored in company.objects[name].items():
            former = before[name].get(identifier, stored)
            assert stored == former or int(stored["SyncToken"]) > int(former["SyncToken"])
