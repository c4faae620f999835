"""Write the table of mutations, with the test or seed that noticed each, into the documentation."""

from collections.abc import Iterator, Mapping

from tests.mutations.harness import Verdict
from tests.mutations.known import ROOMS
from tests.mutations.mutation import ROOT

DOCUMENT = ROOT / "docs" / "simulation.md"
BEGINS, ENDS = "<!-- mutations: written by python -m tests.mutations --write -->", "<!-- end of mutations -->"


def table(verdicts: Mapping[str, Verdict]) -> Iterator[str]:
    """Write verdicts, by the names of their mutations, room by room."""
    yield "| mutation | harm | noticed by |"
    yield "|---|---|---|"
    for room, mutations in ROOMS.items():
        if found := [verdicts[mutation.name] for mutation in mutations if mutation.name in verdicts]:
            yield f"| **{room}** | | |"
        for verdict in found:
            yield f"| `{verdict.mutation.name}` | {verdict.mutation.harm} | {_noticed(verdict)} |"


def write(verdicts: Mapping[str, Verdict]) -> None:
    """Put the table into the documentation, in the place of the one before."""
    before, _, rest = DOCUMENT.read_text().partition(BEGINS)
    after = rest.partition(ENDS)[2]
    DOCUMENT.write_text("\n".join([before + BEGINS, "", *table(verdicts), "", ENDS + after]))


def _noticed(verdict: Verdict) -> str:
    """Return the name of the golden case, the file of the test, or the first seed that noticed a mutation."""
    if verdict.by == "nothing":
        return "**nothing**"
    if verdict.by == "seed":
        return verdict.evidence.partition(":")[0]
    if "::" not in verdict.evidence:
        return "tests that hang"
    path, _, test = verdict.evidence.partition("::")
    case = test.partition("[")[2].removesuffix("]")
    golden = path.startswith("tests/golden/") and case
    return f"golden body `{case}`" if golden else f"`{path.removeprefix('tests/').removesuffix('.py')}`"
