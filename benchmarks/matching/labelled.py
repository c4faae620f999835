"""Labelled names: pairs of names of one company, and a reference in which some of the companies are missing.

The directory with the labelled names has `sec_reference.csv` (cik, name), `sec_vs_listings_pairs.csv` (cik, sec_name,
other_name) and `sec_renames_2023_2025.csv` (cik, name_2023, name_2025). Its files are no part of this repository.
"""

import csv
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from worker.matching.names import Spelling, read

_STATE = re.compile(r"[/\\]\s*\w+\s*[/\\]?\s*$")
_WORD = re.compile(r"\w+")
_FORMS = "inc incorporated corp corporation co company ltd limited plc llc lp sa nv ag se"
_USUAL_FORMS = frozenset(_FORMS.split())
MISSING = 0.2  # of the companies with a pair: an answer has to be "no match" too


class Query(Struct, frozen=True):
    """A name that is looked up.

    Attributes:
        company: The company that it is of.
        name: The name.
        is_known: Whether the company is in the reference.
        is_hard: Whether the reference has the company under another name, even if both are folded plainly.
    """

    company: str
    name: str
    is_known: bool
    is_hard: bool


class Labelled(Struct, frozen=True):
    """Queries, and the names that they are looked up in, by company."""

    reference: dict[str, str]
    queries: tuple[Query, ...]


def load(directory: Path, seed: int) -> Labelled:
    """Read the labelled names; remove a fifth of the companies that have a pair, chosen by the seed.

    A name that two companies of the reference have is not looked up, since no answer would be right.
    """
    names = {row["cik"]: row["name"] for row in _rows(directory / "sec_reference.csv")}
    pairs = [(row["cik"], row["other_name"]) for row in _rows(directory / "sec_vs_listings_pairs.csv")]
    companies = sorted({company for company, _ in pairs})
    missing = set(random.Random(seed).sample(companies, round(MISSING * len(companies))))
    having: dict[str, set[str]] = defaultdict(set)
    for company, name in names.items():
        having[key(name)].add(company)
    queries = (
        Query(company, name, company not in missing, plain(name) != plain(names[company]))
        for company, name in pairs
        if len(having[key(name)]) <= 1
    )
    return Labelled({each: name for each, name in names.items() if each not in missing}, tuple(queries))


def renames(directory: Path) -> Iterator[tuple[str, str]]:
    """Yield the earlier and the later names of companies that changed their names."""
    for row in _rows(directory / "sec_renames_2023_2025.csv"):
        yield row["name_2023"], row["name_2025"]


def plain(name: str) -> str:
    """Fold a name as most programs do: case, punctuation, `and`, `the`, a state at the end, the usual legal forms.

    It is not our reader, so that a better reader does not make the hard queries harder.
    """
    folded = _STATE.sub("", name.casefold().replace("'", "").replace(".", ""))
    words = [word for word in _WORD.findall(folded) if word not in {"the", "and"}]
    while len(words) > 1 and words[-1] in _USUAL_FORMS:
        words.pop()
    return " ".join(words)


def key(name: str) -> str:
    """Return the key of a name's first spelling."""
    return first(name).key


def first(name: str) -> Spelling:
    """Return the first spelling of a name; an empty one for none."""
    return (*read(name), Spelling(()))[0]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
