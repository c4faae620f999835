"""Control characters are shown as escapes, and are refused in identifiers."""

import json
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from events.contract import controls, identifiers
from events.contract.administration import InvoiceRequested
from events.errors import InvalidEvent

ANY = st.text(st.characters(exclude_categories=[]))
# Unicode's Bidi_Control, and its categories of invisible characters.
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
OBEYED = {
    character
    for character in map(chr, range(0x110000))
    if unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"}
}


def test_control_characters_are_controls_line_ends_surrogates_and_marks_of_direction() -> None:
    found = {character for character in map(chr, range(0x110000)) if controls.holds_any(character)}
    assert found == OBEYED | set(BIDI) | set(
        "\u206a\u206b\u206c\u206d\u206e\u206f"
    )  # the last have no effect any more


@given(text=ANY)
@example(text="\x1b[31m\u202e\x9b")
def test_control_characters_are_escaped_and_the_rest_stays(text: str) -> None:
    line, lines = controls.shown(text, lines=False), controls.shown(text)
    line.encode()
    assert not controls.holds_any(line)
    assert controls.shown(lines, lines=False) == line
    assert (lines.count("\n"), lines.count("\t")) == (text.count("\n"), text.count("\t"))
    if not controls.holds_any(text):
        assert line == text


def test_escapes_have_the_usual_form() -> None:
    assert controls.shown("a\x1b[31m\t\x9b\u202e\n") == r"a\x1b[31m" "\t" r"\x9b\u202e" "\n"
    assert controls.shown("\t\n", lines=False) == r"\t\n"


@given(text=st.text())
@example(text="\x7f\x85\u202e")
def test_escaped_json_is_equal(text: str) -> None:
    shown = controls.shown_in_json(json.dumps({text: [text]}, ensure_ascii=False))
    assert not controls.holds_any(shown)
    assert json.loads(shown) == {text: [text]}


@given(text=st.text(min_size=1, max_size=100), ascii_alone=st.booleans())
@example(text="D\u202e1", ascii_alone=False)
@example(text="D\x9b1", ascii_alone=True)
def test_no_identifier_holds_any_however_it_is_written(text: str, *, ascii_alone: bool) -> None:
    written = json.dumps({"deal_id": text}, ensure_ascii=ascii_alone).encode()
    said = InvoiceRequested(text, "ada")
    if not controls.holds_any(text):
        identifiers.check(said, written)
        return
    with pytest.raises(InvalidEvent) as refused:
        identifiers.check(said, written)
    assert (refused.value.reason, refused.value.field) == ("schema_invalid", "deal_id")


@pytest.mark.parametrize("character", [*BIDI, "\x85", "\x9b", "\u2028"])
def test_identifiers_from_before_can_still_be_written(character: str) -> None:
    """Our events may be about a deal with such an identifier from before it was refused."""
    said = InvoiceRequested(f"D{character}1", "ada")
    identifiers.check_own(said, json.dumps({"deal_id": said.deal_id}, ensure_ascii=False).encode())
