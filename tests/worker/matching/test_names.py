"""Reading names: what people write in many ways is folded, and legal forms are set aside."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from worker.matching.form_table import BEFORE, FORMS, WRITTEN, WRITTEN_APART
from worker.matching.legal_forms import agree
from worker.matching.names import normalised, read

WORDS = [
    "Acme",
    "the",
    "&",
    "Co.",
    "Corp",
    "Ltd",
    "Inc.",
    "LLC",
    "d/b/a",
    "A.",
    "S",
    "de",
    "C.V.",
    "/DE/",
    "(The)",
]
WORDS += [
    "common",
    "stock",
    "株式会社",
    "東京",
    "Газпром",
    "Müller",
    "GmbH",
    "N.A.",
    "new",
    "II",
    ",",
    "2",
    "pty",
    "(Delaware)",
    "and",
]
NAMES = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ACME CORP", "Acme Corporation"),
        ("Acme, Ltd.", "acme limited"),
        ("The Acme Company", "Acme Co. (The)"),
        ("Müller & Söhne GmbH", "Muller and Sohne GmbH"),
        ("McDonald's", "McDonald\u2019s"),
        ("U.S. Steel Corp.", "US Steel Corporation"),
        ("Becton, Dickinson & Co", "Becton Dickinson and Company"),
        ("Grupo Uno, S.A. de C.V.", "GRUPO UNO SA DE CV"),
        ("Alpha Sp. z o.o.", "Alpha Spółka z ograniczoną odpowiedzialnością"),
        ("Beta Pty. Ltd.", "Beta Proprietary Limited"),
        ("Gamma Pvt Ltd", "Gamma Private Limited"),
        ("Acme® Widgets™", "Acme Widgets"),
        ("Acme\x00\x1b Widgets", "Acme Widgets"),
        ("\uff21\uff23\uff2d\uff25 Inc", "ACME Inc."),
        ("Acme Corp. Common Stock", "Acme Corp"),
        ("Acme Corp /DE/", "Acme Corp. DE"),
        ("1st Bank, N.A.", "1st Bank National Association"),
        ("Smith Bros. Mfg. Co.", "Smith Brothers Manufacturing Company"),
        ("株式会社東京", "東京株式会社"),
        ("Acme S.\u00e0 r.l.", "Acme SARL"),
        ("S.C. Acme S.R.L.", "Societatea cu R\u0103spundere Limitat\u0103 Acme"),
        ("Müller & Söhne GmbH & Co. KG", "Müller und Söhne GmbH und Co KG"),
        ("Acme UG (haftungsbeschränkt)", "Acme UG"),
        ("JPMorgan Chase Bank, N.A.", "JPMorgan Chase Bank NA"),
        ("Acme Inc. (Class A)", "Acme Inc. Sponsored ADR"),
        ("U.S. Steel", "United States Steel"),
        ("International Labour Office", "International Labor Office"),
        ("State St Bank", "State Saint Bank"),
        ("Wall St", "Wall Street"),
        ("Acme Dept Stores (formerly Quixote)", "ACME Department Stores f/k/a Quixote"),
    ],
)
def test_spellings_of_one_name_are_read_alike(one: str, other: str) -> None:
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme Ltd", "Acme Inc"),
        ("Acme SA", "Acme AG"),
        ("Acme II", "Acme III"),
        ("Acme NA", "Acme N.A."),
        ("Acme Common", "Acme"),
        ("Acme Corp. American", "Acme Corp."),
        ("Acme NA", "Acme Bank NA"),
        ("Et Acme", "Acme"),
    ],
)
def test_other_names_are_not_read_alike(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)


def test_a_name_has_words_and_forms() -> None:
    [name] = read("Caledonia Mining Corp PLC")
    assert (name.words, name.forms) == (("caledonia", "mining"), ("plc", "corp"))


def test_a_trade_name_is_read_beside_the_name() -> None:
    [name, trade] = read("Smith Ventures LLC d/b/a Acme Plumbing")
    assert (name.words, name.is_trade) == (("smith", "ventures"), False)
    assert (trade.words, trade.is_trade) == (("acme", "plumbing"), True)
    [alone] = read("D/B/A Centerspace")
    assert (alone.words, alone.is_trade) == (("centerspace",), False)


@pytest.mark.parametrize("name", ["", "   ", "\x00", "...", "&", "\ud800"])
def test_a_text_without_letters_has_no_name(name: str) -> None:
    assert [spelling for spelling in read(name) if spelling.words] == []


@pytest.mark.parametrize("name", ["Ltd", "S.A. de C.V.", "Inc.", "株式会社"])
def test_a_legal_form_alone_has_no_words(name: str) -> None:
    [spelling] = read(name)
    assert spelling.words == ()
    assert spelling.forms


def test_only_the_first_500_characters_count() -> None:
    assert normalised("x" * 500 + "a") == normalised("x" * 500 + "b")


@settings(deadline=None)
@given(NAMES)
@example("the ltd")
@example("İstanbul A.Ş.")
def test_reading_is_idempotent(name: str) -> None:
    folded = normalised(name)
    assert normalised(folded) == folded


@pytest.mark.parametrize("form", FORMS)
def test_every_spelling_of_a_form_is_that_form(form: str) -> None:
    for spelling in (form, *FORMS[form]):
        [name] = read(f"Quixote {spelling}")
        assert (name.words, name.forms[0]) == (("quixote",), form)


@pytest.mark.parametrize("written", [*WRITTEN, *WRITTEN_APART])
def test_forms_in_other_scripts_are_set_aside(written: str) -> None:
    [behind] = read(f"«РОМАШКА» {written.upper()}")
    assert (behind.words, behind.native) == (("romashka",), "ромашка")
    assert behind.forms
    if behind.forms[0] in BEFORE:
        assert read(f"{written} Ромашка") == (behind,)


@pytest.mark.parametrize(
    ("some", "others", "expected"),
    [
        (("ltd",), ("ltd",), True),
        (("ltd",), (), True),
        (("ltd",), ("inc",), False),
        (("ltd", "co"), ("ltd",), True),
        (("ltd", "co"), ("co",), True),
        (("inc", "co"), ("ltd", "co"), False),
        (("plc",), ("ltd",), False),
        (("jsc",), ("ojsc",), True),
        (("ojsc",), ("cjsc",), False),
        (("jsc",), ("ltd",), False),
    ],
)
def test_legal_forms_agree(some: tuple[str, ...], others: tuple[str, ...], expected: bool) -> None:
    assert agree(some, others) is expected
    assert agree(others, some) is expected
