"""Names that look alike and are not one company's, and names that are: the verdicts that must hold."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.worker.matching.companies import index, sought
from worker.matching import MATCHER_VERSION
from worker.matching.calibration import compared
from worker.matching.names import read
from worker.matching.suggestions import Requirement

NEVER = [
    ("Emcor", "EMCORE CORP"),
    ("Regeneron Pharmaceuticals", "REGENEREX PHARMA, INC."),
    ("CytomX Therapeutics", "CytoMed Therapeutics Ltd"),
    ("Enliven Therapeutics", "Enlivex Therapeutics Ltd."),
    ("Acurx Pharmaceuticals", "ACURA PHARMACEUTICALS, INC"),
    # A number, a country, a letter, one word.
    ("Acme Holdings 2", "Acme Holdings 1"),
    ("Acme Fund II", "Acme Fund III"),
    ("Acme US", "Acme UK"),
    ("Acme", "Acme UK"),
    ("Acme A", "Acme B"),
    ("Acmes Widget Works", "Acme Widget Works"),
    ("Acme East Trading", "Acme West Trading"),
    ("Northwind Traders", "Northwind Trading"),
    ("Freedom Holding Corp.", "Freedom Holdings, Inc."),
    # One name contains the other.
    ("Uber", "Uber Technologies, Inc"),
    ("CrowdStrike", "CrowdStrike Holdings, Inc."),
    ("Enpro Industries, Inc", "Enpro Inc."),
    ("Blackstone Mortgage Trust", "Blackstone Inc."),
    # Renamed.
    ("Zoom Video Communications, Inc.", "Zoom Communications, Inc."),
    ("Spirit Airlines, Inc.", "Spirit Aviation Holdings, Inc."),
    # Another legal form, or none but a legal form.
    ("Acme Ltd", "Acme Inc."),
    ("Lazard Ltd", "Lazard, Inc."),
    ("Ltd", "Ltd."),
    ("Capital First", "First Capital"),
    ("Joe's Pizza", "Jo's Pizza"),
    ("LC Waikiki", "Waikiki"),
    ("Capital One", "One Capital"),
    # Forms are these only with dots, or in their own letters.
    ("Acme PA", "Acme"),
    ("Uncle Ike", "Uncle"),
    ("Cul de Sac", "Cul de"),
    ("OAO Severstal", "ZAO Severstal"),
    # Names that sound alike in another script, and those of different letters.
    ("Gazprom", "Газпром"),
    ("東京商事", "冬京商事"),
    ("Smith LLC d/b/a Acme Plumbing", "Acme Plumbing"),
]
ALWAYS = [
    ("Acme Corporation", "Acme Corp"),
    ("TechStart Inc", "TechStart Inc."),
    ("The Acme Company", "ACME CO"),
    ("SiriusXM Holdings Inc.", "SIRIUS XM HOLDINGS INC."),
    ("Charles Schwab Corporation", "SCHWAB CHARLES CORP"),
    ("株式会社東京商事", "東京商事"),
    ("Société Générale", "SOCIETE GENERALE SA"),
    ("Müller Feinmechanik GmbH", "Mueller Feinmechanik"),
    ("Müller Feinmechanik GmbH", "MULLER FEINMECHANIK GMBH"),
    ("Ko\u0308ln Immobilien AG", "Koeln Immobilien AG"),
    ("Sørensen Møbler", "Soerensen Moebler"),
    ("JSC Tactical Missiles Corp.", "Tactical Missiles Corporation Joint Stock Company"),
    ("Open Joint Stock Company Severstal", "Severstal OJSC"),
    ("Limited Liability Company Iskusstvo Krasoty", "Iskusstvo Krasoty LLC"),
    ("1st Valley Bakery", "First Valley Bakery"),
    ("Acme (Pty) Ltd", "Acme Proprietary Limited"),
    ("Acme L.L.C", "Acme LLC"),
    ("PAO Severstal", "Severstal Joint Stock Company"),
    ("Horton D R Inc /DE/", "D. R. Horton, Inc."),
    ("Twelve Seas Corp. III/Cayman", "Twelve Seas Corporation III"),
]


@pytest.mark.parametrize(("account", "customer"), NEVER)
def test_another_company_is_never_linked(account: str, customer: str) -> None:
    assert index(customer).suggest(sought(account), Requirement(0.0, 0.0, 0.0)).decision != "link"
    assert index(account).suggest(sought(customer), Requirement(0.0, 0.0, 0.0)).decision != "link"


@pytest.mark.parametrize(("account", "customer"), ALWAYS)
def test_the_same_company_is_linked(account: str, customer: str) -> None:
    found = index(customer, "Quixote Mills", "Harper & Lowe").suggest(sought(account))
    assert (found.decision, found.best and found.best.name) == ("link", customer)
    assert found.best
    assert found.best.score >= 95


def test_unrelated_customers_are_no_match() -> None:
    found = index("Acme Corp", "TechStart Inc.", "Quixote Mills", "Harper Solutions").suggest(
        sought("Global Solutions")
    )
    assert (found.decision, found.best) == ("none", None)
    assert len(found.nearest) <= 3


def test_a_legal_form_that_differs_goes_to_review() -> None:
    found = index("Acme Inc.").suggest(sought("Acme Ltd"))
    assert (found.decision, found.best and found.best.reasons) == ("review", ("same_name_other_form",))


def test_the_same_legal_form_wins_over_another() -> None:
    found = index("Acme Inc.", "Acme Ltd").suggest(sought("Acme Limited"))
    assert (found.decision, found.best and found.best.name) == ("link", "Acme Ltd")


def test_two_customers_with_the_name_go_to_review() -> None:
    found = index("Acme Inc.", "Acme, Incorporated").suggest(sought("Acme Inc"))
    assert (found.decision, found.margin) == ("review", 0.0)
    assert index("Acme Inc.", "Acme Ltd").suggest(sought("Acme")).decision == "review"


WORDS = (
    "acme",
    "quixote",
    "holdings",
    "group",
    "ii",
    "2",
    "uk",
    "emcor",
    "emcore",
    "inc",
    "ltd",
    "d/b/a",
    "東京",
)
NAMES = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join) | st.text(max_size=20)


@settings(deadline=None)
@given(NAMES, NAMES)
def test_scores_are_symmetric_and_in_percent(one: str, other: str) -> None:
    for first in read(one):
        for second in read(other):
            if first.words and second.words:
                assert compared(first, second) == compared(second, first)
                assert 0 <= compared(first, second).score <= 100


@settings(deadline=None)
@given(st.text(max_size=700), st.text(max_size=700))
@example("x" * 700, "x" * 700)
@example("\ud800\x00", "\u202e")
@example("ab cd " * 120, "cd ab " * 120)
def test_any_text_gets_an_answer(account: str, customer: str) -> None:
    found = index(customer).suggest(sought(account))
    assert found.decision in ("link", "review", "none")
    assert (found.best is None) is (found.decision == "none")
    assert [each.score for each in index(account).suggest(sought(account)).nearest] in ([], [99.9])


# If a score changes, stored suggestions need to name another matcher: raise MATCHER_VERSION, then change the scores here.
SCORES = {
    ("Acme Corporation", "Acme Corp"): 99.9,
    ("Acme Ltd", "Acme Inc."): 95.5,
    ("Charles Schwab", "SCHWAB CHARLES CORP"): 96.2,
    ("Uber", "Uber Technologies, Inc"): 51.4,
    ("Enliven Therapeutics", "Enlivex Therapeutics Ltd."): 13.5,
    ("Global Solutions", "Global Industries"): 0.7,
    ("Acme Fund II", "Acme Fund III"): 7.5,
}


@pytest.mark.parametrize(("account", "customer"), SCORES)
def test_scores_belong_to_the_version(account: str, customer: str) -> None:
    [found] = index(customer).suggest(sought(account)).nearest
    assert (MATCHER_VERSION, found.score) == (4, SCORES[account, customer])
