"""The index of customers: it changes one customer at a time, and finds by names and identifiers."""

import json
import os
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worker.matching.companies import index, sought
from worker.matching.index import Index, KnownCustomer, SoughtAccount

WORDS = (
    "Acme",
    "Quixote",
    "Emcor",
    "Emcore",
    "Holdings",
    "Group",
    "II",
    "III",
    "UK",
    "Inc",
    "Ltd",
    "First",
    "Bank",
)
NAME = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
CUSTOMER = st.builds(
    KnownCustomer,
    id=st.sampled_from([str(number) for number in range(12)]),
    display_name=NAME,
    company_name=st.none() | NAME,
    email=st.sampled_from([None, "a@acme.com", "b@acme.com", "x@gmail.com"]),
    tax_id=st.sampled_from([None, "12-3456789", "98-7654321"]),
    active=st.booleans(),
    learned=st.lists(NAME, max_size=1).map(tuple),
)
ACCOUNT = st.builds(
    SoughtAccount,
    id=st.just("A-1"),
    name=NAME,
    email=st.sampled_from([None, "a@acme.com", "x@gmail.com"]),
    tax_id=st.sampled_from([None, "123456789"]),
)


@settings(deadline=None)
@given(st.lists(CUSTOMER, max_size=20), st.sets(st.integers(0, 11)), ACCOUNT)
def test_an_index_that_changed_equals_one_made_at_once(
    customers: list[KnownCustomer], gone: set[int], account: SoughtAccount
) -> None:
    changed = Index()
    for customer in customers:
        changed.replace(customer)
    for number in gone:
        changed.remove(str(number))
    left = {each.id: each for each in customers if int(each.id) not in gone}
    made = Index(left[key] for key in sorted(left, reverse=True))
    assert len(changed) == len(made) == len(left)
    assert changed.suggest(account) == made.suggest(account)


def test_a_customer_is_added_once() -> None:
    known = index("Acme")
    with pytest.raises(ValueError, match="replace"):
        known.add(KnownCustomer("1", "Other"))
    known.remove("unknown")
    assert len(known) == 1


def test_a_removed_customer_is_not_found() -> None:
    known = Index([KnownCustomer("1", "Acme", email="a@acme.com")])
    known.remove("1")
    assert known.suggest(SoughtAccount("A-1", "Acme", email="a@acme.com")).nearest == ()


def test_both_names_of_a_customer_are_compared() -> None:
    known = Index([KnownCustomer("1", "Jane Doe", company_name="Acme Corp"), KnownCustomer("2", "Quixote")])
    found = known.suggest(sought("ACME Corporation"))
    assert (found.decision, found.best and found.best.name) == ("link", "Acme Corp")


def test_a_learned_name_links() -> None:
    renamed = KnownCustomer("1", "Meta Platforms", learned=("Facebook, Inc.",))
    found = Index([renamed]).suggest(sought("Facebook Inc"))
    assert (found.decision, found.best and found.best.reasons) == ("link", ("same_name", "learned_name"))
    assert (
        Index([msgspec.structs.replace(renamed, learned=())]).suggest(sought("Facebook Inc")).decision
        == "none"
    )


def test_a_rejected_customer_is_not_suggested_again() -> None:
    found = index("Acme Corp", "Acme Group").suggest(sought("Acme Corp"), without=frozenset({"1"}))
    assert [each.id for each in found.nearest] == ["2"]


@pytest.mark.parametrize(
    ("name", "active", "decision"),
    [
        ("Acme (deleted)", False, "review"),
        ("Acme (deleted 2)", False, "review"),
        ("Acme (supprimé)", False, "review"),
        ("Acme (deleted)", True, "link"),
    ],
)
def test_a_customer_that_was_made_inactive_has_its_former_name_too(
    name: str, active: bool, decision: str
) -> None:
    known = Index([KnownCustomer("1", name, active=active)])
    found = known.suggest(SoughtAccount("A-1", "Acme Inc."))
    assert (found.decision, found.best and found.best.reasons[0]) == (decision, "same_name")
    known.remove("1")
    assert known.suggest(SoughtAccount("A-1", "Acme")).nearest == ()


def test_a_sub_customer_has_the_names_above_it_too_and_comes_after_the_customer_above_it() -> None:
    austin = KnownCustomer("2", "Austin", parent_id="1", full_name="Acme:Austin")
    known = Index([KnownCustomer("1", "Acme Inc"), austin])
    found = known.suggest(SoughtAccount("A-1", "Acme Austin"))
    assert found.best is not None
    assert (found.decision, found.best.id, found.best.reasons) == (
        "review",
        "2",
        ("same_name", "sub_customer"),
    )
    above = known.suggest(SoughtAccount("A-2", "Acme"))
    assert (above.decision, above.best and above.best.id) == ("link", "1")


def test_a_suffix_of_an_active_customer_is_part_of_its_name() -> None:
    found = Index([KnownCustomer("1", "Acme (Europe)")]).suggest(SoughtAccount("A-1", "Acme"))
    assert found.best is not None
    assert found.best.reasons == ("contained_name",)


def test_a_domain_decides_between_customers_of_one_name() -> None:
    known = Index(
        [KnownCustomer("1", "Acme Inc."), KnownCustomer("2", "Acme Incorporated", email="x@acme.com")]
    )
    found = known.suggest(SoughtAccount("A-1", "Acme", domain="https://www.acme.com/about"))
    assert (found.decision, found.best and found.best.id) == ("link", "2")
    assert found.best
    assert found.best.reasons == ("same_domain", "same_name")
    free = known.suggest(SoughtAccount("A-1", "Acme", email="acme@gmail.com"))
    assert (free.decision, free.margin) == ("review", 0.0)


def test_a_domain_alone_is_reviewed_and_never_links() -> None:
    known = Index([KnownCustomer("1", "Acme UK", email="uk@acme.com")])
    found = known.suggest(SoughtAccount("A-1", "Acme US", email="us@acme.com"))
    assert (found.decision, found.best and found.best.reasons[0]) == ("review", "same_domain")
    other = known.suggest(SoughtAccount("A-2", "Quixote", email="us@acme.com"))
    assert (other.decision, other.best and other.best.id) == ("review", "1")


def test_free_mail_is_no_domain_and_the_whole_address_is_an_identifier() -> None:
    known = Index([KnownCustomer("1", "Jane Doe", email="jane@gmail.com")])
    assert known.suggest(SoughtAccount("A-1", "Quixote", email="john@gmail.com")).decision == "none"
    found = known.suggest(SoughtAccount("A-1", "Quixote", email="Jane@Gmail.com"))
    assert (found.decision, found.best and found.best.reasons[0]) == ("review", "same_email")


def test_a_domain_that_many_share_says_nothing() -> None:
    shared = [
        KnownCustomer(str(number), f"Client {number:02}", email="books@keeper.com") for number in range(11)
    ]
    assert Index(shared).suggest(SoughtAccount("A-1", "Quixote", email="a@keeper.com")).decision == "none"
    assert (
        Index(shared[:10]).suggest(SoughtAccount("A-1", "Quixote", email="a@keeper.com")).decision == "review"
    )


def test_the_same_tax_id_links_names_that_are_alike() -> None:
    known = Index(
        [KnownCustomer("1", "Uber Technologies Inc", tax_id="12-3456789"), KnownCustomer("2", "Uberall")]
    )
    alike = known.suggest(SoughtAccount("A-1", "Uber Technologies Systems", tax_id="12 3456789"))
    assert (alike.decision, alike.best and alike.best.id) == ("link", "1")
    other = known.suggest(SoughtAccount("A-1", "Quixote", tax_id="123456789"))
    assert (other.decision, other.best and other.best.id) == ("review", "1")


def test_another_tax_id_keeps_the_same_name_from_linking() -> None:
    known = Index([KnownCustomer("1", "Acme", tax_id="12-3456789")])
    found = known.suggest(SoughtAccount("A-1", "Acme", tax_id="98-7654321"))
    assert (found.decision, found.best and found.best.reasons) == ("review", ("same_name", "other_tax_id"))
    german = Index([KnownCustomer("1", "Acme", tax_id="123 456 789")])
    assert german.suggest(SoughtAccount("A-1", "Acme", tax_id="DE123456789")).decision == "link"


def test_the_holder_of_the_tax_id_contradicts_the_holder_of_the_name() -> None:
    known = Index([KnownCustomer("1", "Acme"), KnownCustomer("2", "Quixote", tax_id="12-3456789")])
    assert known.suggest(SoughtAccount("A-1", "Acme", tax_id="12-3456789")).decision == "review"


@pytest.mark.parametrize(
    ("customer", "reason"),
    [
        (KnownCustomer("1", "Acme", active=False), "inactive"),
        (KnownCustomer("1", "Acme", parent_id="9"), "sub_customer"),
        (KnownCustomer("1", "Acme", currency="EUR"), "other_currency"),
    ],
)
def test_a_customer_that_can_hardly_be_meant_is_reviewed(customer: KnownCustomer, reason: str) -> None:
    account = SoughtAccount("A-1", "Acme", currency="USD")
    alone = Index([customer]).suggest(account)
    assert (alone.decision, alone.best and alone.best.reasons) == ("review", ("same_name", reason))
    beside = Index([customer, KnownCustomer("2", "Acme Inc")]).suggest(account)
    assert (beside.decision, beside.best and beside.best.id) == ("link", "2")


def test_a_phone_number_is_found_however_it_is_written() -> None:
    known = Index(
        [KnownCustomer("1", "Acme", phone="+1 (415) 555-0132 ext. 7"), KnownCustomer("2", "Acme Inc")]
    )
    found = known.suggest(SoughtAccount("A-1", "Acme", phone="415.555.0132"))
    assert (found.decision, found.best and found.best.id) == ("link", "1")


def test_many_customers_of_one_name_are_no_burden() -> None:
    known = Index(KnownCustomer(f"{number:05}", "Cash customer") for number in range(2_000))
    found = known.suggest(sought("Cash Customer"))
    assert (found.decision, [each.id for each in found.nearest]) == ("review", ["00000", "00001", "00002"])


SCRIPT = """
import json, msgspec
from tests.worker.matching.companies import index, sought
names = [f"{a} {b} {c}" for a in ("Acme", "Emcor", "First") for b in ("Bank", "Group") for c in ("Inc", "UK", "II")]
known = index(*names)
print(json.dumps([msgspec.to_builtins(known.suggest(sought(name + " of"))) for name in names]))
"""


def test_answers_are_the_same_in_every_process() -> None:
    answers = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path.cwd())},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert json.loads(answers[0])
    assert len(set(answers)) == 1


def test_the_order_of_customers_does_not_matter() -> None:
    known = [
        KnownCustomer(str(number), name) for number, name in enumerate(("Acme 1", "Acme 2", "Acme 3", "Acme"))
    ]
    answers = {msgspec.json.encode(Index(order).suggest(sought("Acme 4"))) for order in permutations(known)}
    assert len(answers) == 1
