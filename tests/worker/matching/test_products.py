"""The index of items: by SKU, then by name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.matching.products import ItemIndex, KnownItem, SoughtProduct

ITEMS = (
    KnownItem("1", "Platform seat", sku="SEAT-1"),
    KnownItem("2", "Onboarding"),
    KnownItem("3", "Training day"),
)


def test_the_same_sku_is_suggested_whatever_the_name_is_and_links_if_the_name_is_the_same() -> None:
    other = ItemIndex(ITEMS).suggest(SoughtProduct("P-1", "Licence", "seat-1 "))
    assert (other.decision, other.best and other.best.id) == ("review", "1")
    same = ItemIndex(ITEMS).suggest(SoughtProduct("P-1", "Platform Seat", "seat-1 "))
    assert (same.decision, same.best and same.best.reasons) == ("link", ("same_sku", "same_name"))


def test_the_same_name_links() -> None:
    found = ItemIndex(ITEMS).suggest(SoughtProduct("P-1", "onboarding", "X"))
    assert (found.decision, found.best and found.best.reasons) == ("link", ("same_name",))


def test_another_sku_keeps_the_same_name_from_linking() -> None:
    found = ItemIndex(ITEMS).suggest(SoughtProduct("P-1", "Platform seat", "SEAT-2"))
    assert (found.decision, found.best and found.best.reasons) == ("review", ("same_name", "other_sku"))


def test_an_sku_and_a_name_of_two_items_go_to_review() -> None:
    found = ItemIndex(ITEMS).suggest(SoughtProduct("P-1", "Onboarding", "SEAT-1"))
    assert (found.decision, found.best and found.best.id) == ("review", "1")


@pytest.mark.parametrize("name", ["Licence", "Platform seat"])
def test_an_sku_of_two_items_goes_to_review(name: str) -> None:
    twice = ItemIndex((*ITEMS, KnownItem("4", "Seat", sku="SEAT-1")))
    found = twice.suggest(SoughtProduct("P-1", name, "SEAT-1"))
    assert (found.decision, found.best and found.best.id) == ("review", "1")
    assert found.best
    assert "shared_sku" in found.best.reasons


def test_an_sku_of_very_many_items_tells_nothing() -> None:
    many = ItemIndex(KnownItem(str(number), f"Part {number}", sku="N/A") for number in range(30))
    assert many.suggest(SoughtProduct("P-1", "Licence", "N/A")).decision == "none"
    found = many.suggest(SoughtProduct("P-1", "Part 7", "N/A"))
    assert (found.decision, found.best and found.best.reasons) == ("link", ("same_name",))


def test_an_item_is_found_by_its_name_with_and_without_its_categories() -> None:
    index = ItemIndex((KnownItem("1", "Seat", "Software:Seat"), KnownItem("2", "Seat", "Hardware:Seat")))
    for name in ("Software:Seat", "Software Seat", "software - seat"):
        found = index.suggest(SoughtProduct("P-1", name))
        assert (found.decision, found.best and found.best.id) == ("link", "1"), name
    assert index.suggest(SoughtProduct("P-1", "Seat")).decision == "review"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Sugar 1 KG", "Sugar 1"),
        ("Cable 1.5 m", "Cable 15 m"),
        ("Day 1/2", "Day 12"),
        ("C# course", "C++ course"),
        ("C++ course", "C course"),
        ("Pro+", "Pro"),
        ("Support AG", "Support SA"),
        ("Seats (formerly Licence)", "Licence"),
        ("Storage 10 GB", "Storage 100 GB"),
    ],
)
def test_names_that_differ_in_a_sign_a_number_or_a_unit_never_link(name: str, other: str) -> None:
    assert ItemIndex([KnownItem("1", other)]).suggest(SoughtProduct("P-1", name)).decision != "link"
    assert ItemIndex([KnownItem("1", name)]).suggest(SoughtProduct("P-1", other)).decision != "link"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("Pro+", "Pro Plus"),
        ("Storage 10GB", "Storage 10 GB"),
        ("Support & Maintenance", "Support and maintenance"),
        ("Müller-Kabel", "Mueller Kabel"),
    ],
)
def test_spellings_of_one_name_link(name: str, other: str) -> None:
    assert ItemIndex([KnownItem("1", other)]).suggest(SoughtProduct("P-1", name)).decision == "link"


def test_an_item_without_an_income_account_goes_to_review_and_says_so() -> None:
    bare = ItemIndex([KnownItem("1", "Platform seat", has_income_account=False)])
    found = bare.suggest(SoughtProduct("P-1", "Platform seat"))
    assert (found.decision, found.best and found.best.reasons) == (
        "review",
        ("same_name", "no_income_account"),
    )


def test_inactive_and_unknown_items() -> None:
    gone = ItemIndex([KnownItem("1", "Platform seat", sku="SEAT-1", active=False)])
    assert gone.suggest(SoughtProduct("P-1", "Platform seat", "SEAT-1")).decision == "review"
    assert gone.suggest(SoughtProduct("P-1", "Quixote")).decision == "none"
    with pytest.raises(ValueError, match="replace"):
        gone.add(KnownItem("1", "Other"))
    assert len(gone) == 1


def test_an_inactive_item_is_found_by_its_former_name_for_review() -> None:
    gone = ItemIndex([KnownItem("1", "Training day (deleted)", active=False)])
    found = gone.suggest(SoughtProduct("P-1", "Training day"))
    assert (found.decision, found.best and found.best.reasons) == ("review", ("same_name", "inactive"))


def test_a_learned_name_links() -> None:
    found = ItemIndex([KnownItem("1", "Seat", learned=("Licence",))]).suggest(SoughtProduct("P-1", "Licence"))
    assert (found.decision, found.best and found.best.reasons) == ("link", ("same_name", "learned_name"))


NAME = st.lists(st.sampled_from(("Seat", "Day", "Training", "Pro", "2")), max_size=3).map(" ".join)
ITEM = st.builds(
    KnownItem,
    id=st.sampled_from("12345"),
    name=NAME,
    sku=st.sampled_from([None, "S-1", "S-2"]),
    active=st.booleans(),
)


@settings(deadline=None)
@given(st.lists(ITEM, max_size=10), st.sets(st.sampled_from("12345")), NAME)
def test_an_index_that_changed_equals_one_made_at_once(
    items: list[KnownItem], gone: set[str], name: str
) -> None:
    changed = ItemIndex()
    for item in items:
        changed.replace(item)
    for item_id in gone:
        changed.remove(item_id)
    left = {each.id: each for each in items if each.id not in gone}
    made = ItemIndex(left[key] for key in sorted(left))
    product = SoughtProduct("P-1", name, "S-1")
    assert changed.suggest(product) == made.suggest(product)
