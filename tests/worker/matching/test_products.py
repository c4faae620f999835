"""The index of items: by SKU, then by name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.matching.products import ItemIndex, KnownItem, SoughtProduct

ITEMS = (
    KnownItem("1", "Platform seat", "SEAT-1"),
    KnownItem("2", "Onboarding"),
    KnownItem("3", "Training day"),
)


def test_the_same_sku_links_whatever_the_name_is() -> None:
    found = ItemIndex(ITEMS).suggest(SoughtProduct("P-1", "Licence", "seat-1 "))
    assert (found.decision, found.best and found.best.id) == ("link", "1")
    assert found.best
    assert "same_sku" in found.best.reasons


def test_the_same_name_links() -> None:
    found = ItemIndex(ITEMS).suggest(SoughtProduct("P-1", "onboarding", "X"))
    assert (found.decision, found.best and found.best.reasons) == ("link", ("same_name",))


def test_another_sku_keeps_the_same_name_from_linking() -> None:
    found = ItemIndex(ITEMS).suggest(SoughtProduct("P-1", "Platform seat", "SEAT-2"))
    assert (found.decision, found.best and found.best.reasons) == ("review", ("same_name", "other_sku"))


def test_an_sku_and_a_name_of_two_items_go_to_review() -> None:
    found = ItemIndex(ITEMS).suggest(SoughtProduct("P-1", "Onboarding", "SEAT-1"))
    assert (found.decision, found.best and found.best.id) == ("review", "1")


def test_an_sku_of_two_items_goes_to_review() -> None:
    twice = ItemIndex((*ITEMS, KnownItem("4", "Seat", "SEAT-1")))
    assert twice.suggest(SoughtProduct("P-1", "Licence", "SEAT-1")).decision == "review"


def test_inactive_and_unknown_items() -> None:
    gone = ItemIndex([KnownItem("1", "Platform seat", "SEAT-1", active=False)])
    assert gone.suggest(SoughtProduct("P-1", "Platform seat", "SEAT-1")).decision == "review"
    assert gone.suggest(SoughtProduct("P-1", "Quixote")).decision == "none"
    with pytest.raises(ValueError, match="replace"):
        gone.add(KnownItem("1", "Other"))
    assert len(gone) == 1


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
