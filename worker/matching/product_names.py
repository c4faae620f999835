"""Read the name of a product or an item: as the name of a company, but whatever tells two products apart counts.

`Sugar 1 KG` is not `Sugar 1`, although KG is a legal form; `Cable 1.5 m` is not `Cable 15 m`, `C#` is not `C++`.
"""

import re
import unicodedata
from functools import lru_cache

from msgspec.structs import replace

from worker.matching.names import NAME_CHARACTERS_MAX, REMEMBERED_MAX, Spelling
from worker.matching.register import worded

_SIGNS = (
    (re.compile(r"(?<=\w)\+(?=\+|\W|$)|(?<=\+)\+"), " plus "),
    (re.compile(r"(?<=[^\W\d])#"), " sharp "),
)
_NUMBER = re.compile(r"[0-9]+")


@lru_cache(maxsize=REMEMBERED_MAX)
def worded_product(text: str) -> tuple[Spelling, ...]:
    """Return the names in a text that have a word, in each way in which they are written."""
    told = unicodedata.normalize("NFKC", text[:NAME_CHARACTERS_MAX])
    for sign, word in _SIGNS:
        told = sign.sub(word, told)
    # Marked, so that numbers side by side are not one number.
    told = _NUMBER.sub(r" n\g<0>n ", told)
    return tuple(dict.fromkeys(_whole(name) for name in worded(told)))


def _whole(name: Spelling) -> Spelling:
    """Return a name with its legal forms and its place of registration as words."""
    places = name.place.split()
    return replace(name, words=(*name.words, *reversed(name.forms), *places), forms=(), place="")
