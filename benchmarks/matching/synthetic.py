"""Made names of companies, so that the benchmark runs from this repository alone.

Of the queries, seven tenths are names of the reference as people write them: with typing errors, abbreviations, another
spelling of the legal form or none, dropped or swapped words, or a trade name. The others are near misses: another word,
number, country or letter in a name of the reference.
"""

from collections.abc import Callable
from random import Random

from benchmarks.matching import labelled
from benchmarks.matching.labelled import Labelled, Query

MATCHES = 0.7
_STARTS = "al ar bel bra cal cor dal den el fal fer gal gre har hol in jor kel kin lan lor mar mer nor ol par quin ros sal"
_ENDS = "ba bert by da dale den do fax ford ia ington ix lan ley lo ma man mere more na nik on ora ris ster ta ton via wick"
_TRADES = (
    "Accounting Advertising Architects Bakery Builders Capital Catering Cleaning Consulting Dental Design Electric Energy "
    "Engineering Farms Financial Foods Furniture Health Holdings Industries Insurance International Landscaping Legal "
    "Logistics Manufacturing Media Medical Partners Pharmaceuticals Plumbing Printing Properties Roofing Security Services "
    "Software Solutions Staffing Studios Supply Systems Technologies Therapeutics Trading Transport Ventures"
)
_KINDS = "Group Holdings Partners Services Solutions Systems"
_PLACES = "US UK Canada Germany East West North South"
_FORMS = ("Inc.", "LLC", "Corp.", "Ltd", "GmbH", "Co.", "LP", "S.A.", "")
_SPELT = {
    "Inc.": "Incorporated",
    "LLC": "L.L.C.",
    "Corp.": "Corporation",
    "Ltd": "Limited",
    "GmbH": "Gesellschaft mit beschränkter Haftung",
    "Co.": "Company",
    "LP": "Limited Partnership",
    "S.A.": "SA",
}
_SHORT = {
    "International": "Intl",
    "Manufacturing": "Mfg",
    "Services": "Svcs",
    "Technologies": "Tech",
    "Holdings": "Hldgs",
}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"

Words = list[str]


def made(seed: int, size: int) -> Labelled:
    """Make a reference of some size, and as many queries."""
    random = Random(seed)
    names: dict[str, str] = {}
    keys: dict[str, str] = {}
    while len(names) < size:
        name = _name(random)
        if labelled.key(name) not in keys:  # no two companies have one name
            keys[labelled.key(name)] = name
            names[str(len(names))] = name
    queries: list[Query] = []
    while len(queries) < size:
        company = str(random.randrange(size))
        is_match = random.random() < MATCHES
        name = _changed(random, names[company], _VARIANTS if is_match else _NEAR_MISSES)
        taken = keys.get(labelled.key(name))
        if taken in (None, names[company]) and (is_match or taken is None):
            is_hard = is_match and labelled.plain(name) != labelled.plain(names[company])
            queries.append(Query(company if is_match else "", name, is_match, is_hard))
    return Labelled(names, tuple(queries))


def _name(random: Random) -> str:
    words = [_coined(random)]
    if random.random() < 0.4:  # noqa: PLR2004 - the shares of kinds of names
        words.append(_coined(random))
    words += random.sample(_TRADES.split(), random.choice((1, 1, 2)))
    if random.random() < 0.1:  # noqa: PLR2004 - as above
        words.append(random.choice(("II", "III", "2", "7", *_PLACES.split())))
    return " ".join([*words, random.choice(_FORMS)]).strip()


def _coined(random: Random) -> str:
    return (random.choice(_STARTS.split()) + random.choice(_ENDS.split())).capitalize()


def _changed(random: Random, name: str, changes: tuple[Callable[[Random, Words, str], str], ...]) -> str:
    *words, last = name.split()
    form = last if last in _FORMS else ""
    return random.choice(changes)(random, words if form else [*words, last], form)


def _as_it_is(_random: Random, words: Words, form: str) -> str:
    return " ".join([*words, form]).strip().upper()


def _spelt(_random: Random, words: Words, form: str) -> str:
    return " ".join([*words, _SPELT.get(form, form)]).strip()


def _without_form(_random: Random, words: Words, _form: str) -> str:
    return " ".join(words)


def _mistyped(random: Random, words: Words, form: str) -> str:
    text = " ".join(words)
    place = random.randrange(1, len(text))
    wrong = random.choice(("", random.choice(_LETTERS), text[place] * 2))
    return f"{text[:place]}{wrong}{text[place + 1 :]} {form}".strip()


def _shortened(_random: Random, words: Words, form: str) -> str:
    return " ".join([*(_SHORT.get(word, word) for word in words), form]).strip()


def _dropped(_random: Random, words: Words, form: str) -> str:
    return " ".join([*(words[:-1] or words), form]).strip()


def _swapped(_random: Random, words: Words, form: str) -> str:
    return " ".join([*words[1:], words[0], form]).strip()


def _trading(random: Random, words: Words, form: str) -> str:
    return f"{_coined(random)} {random.choice(_KINDS.split())} LLC d/b/a {' '.join(words)} {form}".strip()


def _other_word(random: Random, words: Words, form: str) -> str:
    other = [*words]
    other[random.randrange(len(other))] = random.choice((_coined(random), random.choice(_TRADES.split())))
    return " ".join([*other, form]).strip()


def _other_number(random: Random, words: Words, form: str) -> str:
    return " ".join([*words, random.choice(("3", "IV", "V", "12")), form]).strip()


def _other_place(random: Random, words: Words, form: str) -> str:
    return " ".join([*words, random.choice(_PLACES.split()), form]).strip()


def _other_letter(random: Random, words: Words, form: str) -> str:
    first = words[0]
    place = random.randrange(1, len(first))
    return " ".join([first[:place] + random.choice(_LETTERS) + first[place + 1 :], *words[1:], form]).strip()


_VARIANTS = (_as_it_is, _spelt, _without_form, _mistyped, _shortened, _dropped, _swapped, _trading)
_NEAR_MISSES = (_other_word, _other_number, _other_place, _other_letter)
