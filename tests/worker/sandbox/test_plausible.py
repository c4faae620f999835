"""Plausible books: as many customers and items as were asked for, and a history that adds up."""

from datetime import UTC, datetime
from decimal import Decimal
from random import Random

import pytest

from tests.fakes import FakeClock
from worker.sandbox.books.company import Company
from worker.sandbox.openings import plausible
from worker.sandbox.openings.plausible import Amounts
from worker.sandbox.openings.seeds import KINDS, seeded
from worker.sandbox.service import Sandbox

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)


def filled(kind: str, customers: int = 60, items: int = 20, months: int = 3, seed: int = 1) -> Company:
    """Open a company with plausible books."""
    company = seeded(kind, Random(7), plausible.begin(NOW, months))
    plausible.fill(company, Amounts(customers, items, months), seed, NOW)
    return company


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_books_have_as_much_as_was_asked_for_and_balance(kind: str) -> None:
    company = filled(kind)
    new = filled(kind, 0, 0, 0)
    for entity, count in (("Customer", 60), ("Item", 20)):
        assert len(company.objects[entity]) - len(new.objects[entity]) == count
    assert len(company.objects["Invoice"]) > 60
    assert sum((posting.home for _, posting in company.ledger.postings()), Decimal(0)) == 0
    owed = sum((company.ledger.customer(customer) for customer in company.objects["Customer"]), Decimal(0))
    open_invoices = sum((each["Balance"] for each in company.every("Invoice")), Decimal(0))
    assert owed == open_invoices


def test_the_history_ends_now_and_its_changes_are_in_order() -> None:
    company = filled("us")
    instants = [change.at for change in company.journal.after(0)]
    assert instants == sorted(instants)
    assert plausible.begin(NOW, 3) == instants[0] <= instants[-1] <= NOW
    days = [each["TxnDate"] for each in company.objects["Invoice"].values()]
    assert "2026-02-04" <= min(days) < "2026-03-01"
    assert "2026-04-20" < max(days) <= "2026-05-05"


def test_a_company_that_opens_now_has_older_documents_but_no_older_changes() -> None:
    company = seeded("us", Random(7), NOW)
    plausible.fill(company, Amounts(10, 5, 2), 1, NOW)
    assert {change.at for change in company.journal.after(0)} == {NOW}
    assert min(each["TxnDate"] for each in company.objects["Invoice"].values()) < "2026-04-01"


def test_a_seed_repeats_its_books_and_another_makes_others() -> None:
    assert filled("ca").books() == filled("ca").books()
    assert filled("ca").books() != filled("ca", seed=2).books()


def test_names_do_not_run_out() -> None:
    company = filled("us", customers=0, items=2000, months=0)
    names = {each["Name"] for each in company.objects["Item"].values()}
    assert len(names) == 2002


def test_a_sandbox_opens_its_companies_with_plausible_books() -> None:
    sandbox = Sandbox(FakeClock(), kinds=("us", "uk"), books=Amounts(5, 2, 1))
    assert [len(company.objects["Customer"]) for company in sandbox.companies.values()] == [7, 7]
