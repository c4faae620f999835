"""Numbers in names: in digits, in words or in Roman numerals they are one word, as `Fund 2`, `Fund Two` and `Fund II`.

Numbers up to nineteen are read as words, since people also write them into words (`CapitalOne`); greater ones as digits.
"""

from collections.abc import Sequence

_SMALL = """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen"""
_SMALL_ORDINALS = """first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
    fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"""
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ROMAN = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix"
_ENDS = {1: "st", 2: "nd", 3: "rd"}


def _ordinal(number: int) -> str:
    end = "th" if 10 < number % 100 < 20 else _ENDS.get(number % 10, "th")  # noqa: PLR2004 - eleventh to nineteenth
    return f"{number}{end}"


_WORDS = dict(enumerate(_SMALL.split(), 1))
_ORDINALS = dict(enumerate(_SMALL_ORDINALS.split(), 1))
_DECADES = {word: 10 * tens for tens, word in enumerate(_TENS.split(), 2)}
_UNITS = {word: number for number, word in _WORDS.items() if number < 10}  # noqa: PLR2004 - a digit
_UNIT_ORDINALS = {word: number for number, word in _ORDINALS.items() if number < 10}  # noqa: PLR2004 - a digit
_NUMERALS = dict(enumerate(_ROMAN.split(), 1))
# A single letter is rather a letter.
_ONE_WORD = {str(number): word for number, word in _WORDS.items()} | {
    numeral: _WORDS[number] for number, numeral in _NUMERALS.items() if len(numeral) > 1
}
_ONE_WORD |= {_ordinal(number): word for number, word in _ORDINALS.items()}
_ONE_WORD |= {word: str(number) for word, number in _DECADES.items()}
_ONE_WORD |= {f"{word[:-1]}ieth": _ordinal(number) for word, number in _DECADES.items()}
_LETTERS = {numeral: _WORDS[number] for number, numeral in _NUMERALS.items() if len(numeral) == 1}
NUMBERS = frozenset((*_WORDS.values(), *_ORDINALS.values()))


def read_numbers(words: list[str]) -> list[str]:
    """Return words with each number as one word: `forty four` is `44`, `twenty first` is `21st`."""
    if _ONE_WORD.keys().isdisjoint(words):
        return words
    found: list[str] = []
    tens = 0
    for word in words:
        if tens and word in _UNITS:
            found[-1] = str(tens + _UNITS[word])
        elif tens and word in _UNIT_ORDINALS:
            found[-1] = _ordinal(tens + _UNIT_ORDINALS[word])
        else:
            found.append(_ONE_WORD.get(word, word))
        tens = _DECADES.get(word, 0)
    return found


def numbers(words: Sequence[str]) -> tuple[str, ...]:
    """Return the numbers among words that were read, in their order; here a single letter may be a Roman numeral."""
    return tuple(_LETTERS.get(word, word) for word in words if _is_number(word))


def _is_number(word: str) -> bool:
    return word in NUMBERS or word in _LETTERS or not word.isalpha()
