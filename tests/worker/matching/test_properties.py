"""What holds for any names: how a name is written does not matter, and what tells companies apart never links."""

import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.worker.matching.companies import index, sought
from worker.matching.form_table import FORMS
from worker.matching.names import normalised
from worker.matching.suggestions import Requirement

ANY = Requirement(0.0, 0.0, 0.0)  # whatever links, links for its evidence
SMALL = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
ROMAN = ("", "ii", "iii", "iv", "", "vi", "vii", "viii", "ix", "", "xi", "xii")  # a single letter is a letter
ORDINALS = (
    ("1st", "first"),
    ("4th", "fourth"),
    ("12th", "twelfth"),
    ("20th", "twentieth"),
    ("21st", "twenty-first"),
)
# Words of which no two lists are the same letters in the same order.
WORDS = (
    "acme",
    "quixote",
    "kestrel",
    "north",
    "south",
    "uk",
    "us",
    "group",
    "holdings",
    "fund",
    "bank",
    "capital",
)
LISTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4)
FORM = st.sampled_from(list(FORMS))


def links(one: str, other: str) -> bool:
    return index(other).suggest(sought(one), ANY).decision == "link"


def ways(number: int) -> list[str]:
    """Return the ways to write a number."""
    found = [str(number)]
    if number <= len(SMALL):
        found += [each for each in (SMALL[number - 1], ROMAN[number - 1]) if each]
    if 20 < number < 30 and number - 20 <= 9:
        found.append(f"twenty-{SMALL[number - 21]}")
    return found


NUMBER = st.integers(1, 30) | st.integers(1, 3000)
NAMES_WITH_A_NUMBER = st.sampled_from(
    ("Acme Fund {}", "{} Acme", "Acme {} Holdings LLC", "Acme-{}", "Acme No. {}")
)


@settings(deadline=None)
@given(NAMES_WITH_A_NUMBER, NUMBER, NUMBER, st.data())
def test_a_number_is_the_same_in_any_way_and_another_number_never_links(
    name: str, one: int, other: int, data: st.DataObject
) -> None:
    ours, theirs = data.draw(st.sampled_from(ways(one))), data.draw(st.sampled_from(ways(other)))
    assert links(name.format(ours), name.format(theirs)) is (one == other)


@settings(deadline=None)
@given(st.lists(NUMBER, min_size=1, max_size=3), st.lists(NUMBER, min_size=1, max_size=3))
def test_numbers_side_by_side_are_not_one_number(some: list[int], others: list[int]) -> None:
    one, other = (f"Acme Trust {'-'.join(map(str, numbers))}" for numbers in (some, others))
    assert links(one, other) is (some == others)


@pytest.mark.parametrize("some", ORDINALS)
@pytest.mark.parametrize("others", ORDINALS)
def test_ordinals_are_the_same_in_digits_and_in_words(some: tuple[str, ...], others: tuple[str, ...]) -> None:
    for one in some:
        for other in others:
            assert links(f"{one} Acme Bank", f"{other} Acme Bank") is (some == others)


@settings(deadline=None)
@given(LISTS, LISTS)
def test_only_the_same_words_link(ours: list[str], theirs: list[str]) -> None:
    if links(" ".join(ours), " ".join(theirs)):
        assert sorted(ours) == sorted(theirs)
    assert links(" ".join(ours), " ".join(ours))


@settings(deadline=None)
@given(LISTS, LISTS, FORM, FORM)
def test_names_link_in_both_directions_or_in_none(
    ours: list[str], theirs: list[str], form: str, other_form: str
) -> None:
    one, other = " ".join((*ours, form)), " ".join((*theirs, other_form))
    assert links(one, other) is links(other, one)


@settings(deadline=None)
@given(FORM, st.data())
def test_every_spelling_of_a_legal_form_links_with_every_other(form: str, data: st.DataObject) -> None:
    spelling = st.sampled_from((form, *FORMS[form]))
    one, other = data.draw(spelling), data.draw(spelling)
    assert links(f"Acme Kestrel {one}", f"ACME KESTREL, {other.upper()}")
    assert links(f"Acme Kestrel {one}", "Acme Kestrel")


@settings(deadline=None)
@given(LISTS, FORM, FORM)
def test_another_legal_form_never_links_other_words(words: list[str], form: str, other_form: str) -> None:
    assume(form != other_form)
    assert not links(" ".join((*words, "quill", form)), " ".join((*words, other_form)))


def _fullwidth(name: str) -> str:
    return "".join(chr(ord(each) + 0xFEE0) if "!" <= each <= "~" else each for each in name)


@settings(deadline=None)
@given(LISTS, FORM, st.sampled_from((str.upper, str.title, _fullwidth)))
def test_case_width_blanks_and_quotes_never_matter(
    words: list[str], form: str, written: Callable[[str], str]
) -> None:
    name = " ".join((*words, form))
    assert normalised(written(name)) == normalised(name)
    assert normalised(f"  \u201c{name.replace(' ', chr(0xA0) + ' ')}\u201d\t") == normalised(name)
    assert normalised(f"The {name}") == normalised(name)


@settings(deadline=None)
@given(st.text(st.characters(categories=["L"]), min_size=1, max_size=12))
def test_composed_and_decomposed_letters_are_the_same(name: str) -> None:
    composed, decomposed = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    assert normalised(composed) == normalised(decomposed)
