"""Legal forms of companies, with their spellings, in the countries whose companies sell and buy most.

A spelling is written as `names` folds it: lower case, without accents, dots and apostrophes. Spellings of one form are
the same form; `ltd` and `inc` are two. Words that also distinguish companies, such as holdings, group or trust, are none.
"""

from collections.abc import Sequence

from worker.matching.words import FULL

# Form, and its spellings besides the form itself.
FORMS: dict[str, tuple[str, ...]] = {
    # English
    "inc": ("incorporated", "incorporation"),
    "corp": ("corporation", "corporacion", "corporacao"),
    "co": ("company", "compagnie", "compania", "companhia", "cia", "cie"),
    "ltd": ("limited", "ltee", "limitee"),
    "plc": ("public limited company",),
    "llc": ("limited liability company", "limited company", "lc"),
    "llp": ("limited liability partnership",),
    "lllp": ("limited liability limited partnership",),
    "lp": ("limited partnership",),
    "gp": ("general partnership",),
    "pc": ("professional corporation",),
    "pllc": ("professional limited liability company",),
    "ulc": ("unlimited liability company", "unlimited liability corporation"),
    "pbc": ("public benefit corporation",),
    "national association": (),
    "cic": ("community interest company",),
    "dac": ("designated activity company",),
    "clg": ("company limited by guarantee",),
    "pty": ("pty limited", "proprietary limited", "proprietary"),
    "pte": ("pte limited", "private limited", "pvt limited", "pvt", "p limited"),
    "bhd": ("berhad",),
    "sdn bhd": ("sdn berhad", "sendirian berhad"),
    "pcl": ("public company limited",),
    # German, Dutch
    "gmbh": ("gesellschaft mit beschrankter haftung", "gesmbh", "ges mbh", "mbh"),
    "ggmbh": (),
    "gmbh co kg": (),
    "ug": ("ug haftungsbeschrankt", "unternehmergesellschaft"),
    "ag": ("aktiengesellschaft",),
    "kg": ("kommanditgesellschaft",),
    "ohg": ("offene handelsgesellschaft",),
    "kgaa": ("ag co kgaa", "co kgaa", "kommanditgesellschaft auf aktien"),
    "ek": ("eingetragener kaufmann",),
    "ev": ("eingetragener verein",),
    "se": ("societas europaea",),
    "bv": ("besloten vennootschap",),
    "nv": ("naamloze vennootschap",),
    "vof": ("vennootschap onder firma",),
    "bvba": ("sprl",),
    "vzw": ("asbl",),
    # Romance languages
    "sa": ("societe anonyme", "sociedad anonima", "sociedade anonima", "societate pe actiuni"),
    "sas": ("societe par actions simplifiee", "sociedad por acciones simplificada"),
    "sasu": (),
    "sarl": ("societe a responsabilite limitee",),
    "eurl": (),
    "snc": ("societe en nom collectif", "societa in nome collettivo"),
    "sca": ("societe en commandite par actions",),
    "srl": ("societa a responsabilita limitata", "sociedad de responsabilidad limitada"),
    "srls": (),
    "spa": ("societa per azioni",),
    "sl": ("sociedad limitada", "slu", "sociedad limitada unipersonal"),
    "sa de cv": ("sociedad anonima de capital variable",),
    "sab de cv": ("sa b de cv",),
    "s de rl de cv": ("s de rl",),
    "sapi de cv": (),
    "ltda": ("limitada", "lda"),
    "eirl": ("eireli",),
    # Nordic and Baltic languages
    "ab": ("aktiebolag", "ab publ"),
    "as": ("aksjeselskap", "aktieselskab"),
    "asa": ("allmennaksjeselskap",),
    "aps": ("anpartsselskab",),
    "oy": ("osakeyhtio", "oy ab"),
    "oyj": ("julkinen osakeyhtio",),
    "ehf": ("einkahlutafelag",),
    "hf": ("hlutafelag",),
    "ou": ("osauhing",),
    "uab": ("uzdaroji akcine bendrove",),
    "sia": (),
    # Slavic languages, Hungarian, Turkish
    "sp zoo": ("spolka z ograniczona odpowiedzialnoscia", "spolka zoo", "sp z oo", "spzoo"),
    "spolka akcyjna": (),
    "sro": ("spol sro", "spolecnost s rucenim omezenym", "spolocnost s rucenim obmedzenym"),
    "akciova spolecnost": (),
    "kft": ("korlatolt felelossegu tarsasag",),
    "zrt": (),
    "nyrt": (),
    "doo": ("drustvo s ogranicenom odgovornoscu",),
    "ood": (),
    "eood": (),
    "ooo": ("obshchestvo s ogranichennoy otvetstvennostyu",),
    "oao": (),
    "zao": (),
    "pao": (),
    "tov": (),
    "as sirketi": ("anonim sirketi",),
    "limited sirketi": ("limited sti",),
    # Asia and the Middle East
    "kk": ("kabushiki kaisha", "kabushiki gaisha"),
    "yk": ("yugen kaisha",),
    "gk": ("godo kaisha",),
    "tbk": ("persero tbk",),
    "pt": (),
    "jsc": ("joint stock company",),
    "pjsc": ("public joint stock company",),
    "ojsc": ("open joint stock company",),
    "cjsc": ("closed joint stock company",),
    "fze": (),
    "fzco": ("fz co",),
    "fz llc": ("fzllc",),
    "wll": (),
    "saog": (),
    "sae": (),
}
# Forms that stand before the name in their countries.
BEFORE = frozenset(
    [
        "pt",
        "ooo",
        "oao",
        "zao",
        "pao",
        "tov",
        "uab",
        "sia",
        "kk",
        "yk",
        "gk",
        "jsc",
        "pjsc",
        "ojsc",
        "cjsc",
        "llc",
    ]  # the last, where Cyrillic is translated
)
# Forms in scripts that write no spaces, or in front of the name, as the spelling above that they mean.
WRITTEN: dict[str, str] = {
    "株式会社": "kk",
    "(株)": "kk",
    "有限会社": "yk",
    "合同会社": "gk",
    "股份有限公司": "company ltd",
    "有限责任公司": "llc",
    "有限公司": "ltd",
    "주식회사": "jusik hoesa",
    "(주)": "jusik hoesa",
}
FORMS["jusik hoesa"] = ()

# Forms that stand in the middle of a longer one.
WEAK = frozenset({"co", "corp"})


def _full(spelling: str) -> tuple[str, ...]:
    return tuple(FULL.get(word, word) for word in spelling.split())


_SPELLINGS: dict[tuple[str, ...], str] = {
    _full(spelling): form for form, spellings in FORMS.items() for spelling in (form, *spellings)
}
_WORDS_MAX = max(len(spelling) for spelling in _SPELLINGS)
_LAST_WORDS = frozenset(spelling[-1] for spelling in _SPELLINGS)
_FIRST_WORDS = frozenset(spelling[0] for spelling, form in _SPELLINGS.items() if form in BEFORE)


def without_forms(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the words of a name without its legal forms, and the forms, the last one first.

    A name that consists of legal forms alone has no other words.
    """
    rest, forms = _stripped(words)
    for _ in forms[1:]:  # two forms may be written as one: `Pty. Ltd. Ltd.` is `Pty. Ltd.`
        rest, forms = _stripped((*rest, *(word for form in reversed(forms) for word in _full(form))))
    return rest, forms


def _stripped(words: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    rest, forms = tuple(words), []
    while rest and rest[-1] in _LAST_WORDS and (found := _at_end(rest)):
        length, form = found
        rest = rest[:-length]
        forms.append(form)
    while rest and rest[0] in _FIRST_WORDS and (before := _at_start(rest)):
        length, form = before
        rest = rest[length:]
        forms.append(form)
    return rest, tuple(forms)


def _at_end(words: tuple[str, ...]) -> tuple[int, str] | None:
    for length in range(min(_WORDS_MAX, len(words)), 0, -1):
        form = _SPELLINGS.get(words[-length:])
        if form is not None:
            return length, form
    return None


def _at_start(words: tuple[str, ...]) -> tuple[int, str] | None:
    """Return the form at the start of a name, with its number of words; other abbreviations begin names, as in `LC Waikiki`."""
    for length in range(min(_WORDS_MAX, len(words)), 0, -1):
        form = _SPELLINGS.get(words[:length])
        if form in BEFORE and (length > 1 or words[0] == form):
            return length, form
    return None


def agree(some: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Return whether two names may be of one company by their legal forms: they have the same, or one name has none.

    `Co.` and `Corp.` beside another form say little, and are often left out: `Acme Co. Ltd.` is `Acme Ltd.`, and may be
    `Acme Co.`
    """
    first, second = _telling(some), _telling(others)
    if first == second or not first or not second:
        return True
    return (first <= WEAK or second <= WEAK) and (first <= set(others) or second <= set(some))


def _telling(forms: tuple[str, ...]) -> set[str]:
    return set(forms) - WEAK or set(forms)
