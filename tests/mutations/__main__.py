"""`python -m tests.mutations [NAME…]`: break rules and safeguards one by one; a table of what noticed each."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from tests.mutations import doors, invoice, once, parties, rules, side_by_side, told
from tests.mutations.harness import SEEDS, Unsound, Verdict, run
from tests.mutations.mutation import Mutation, OutOfDate

MUTATIONS: tuple[Mutation, ...] = tuple(
    mutation
    for room in (invoice, told, parties, rules, once, doors, side_by_side)
    for mutation in room.MUTATIONS
)


def main() -> int:
    """Run; 0 if each was noticed, 1 if not, 2 if it can't be said."""
    known = {mutation.name: mutation for mutation in MUTATIONS}
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="by default all")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many seeds where the tests see nothing")
    parser.add_argument("--processes", type=int, default=2, help="how many mutations at once")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"there is no mutation {unknown[0]}; there are {', '.join(known)}")
    chosen = [known[name] for name in asked.names] or list(MUTATIONS)
    verdicts = []
    try:
        for verdict in run(chosen, seeds=asked.seeds, processes=asked.processes):
            verdicts.append(verdict)
            print(f"{verdict.mutation.name}: {verdict.by} {verdict.evidence}", file=sys.stderr, flush=True)  # noqa: T201 - what it prints is its purpose
    except (OutOfDate, Unsound) as error:
        print(error, file=sys.stderr)  # noqa: T201 - as above
        return 2
    print("\n".join(table(verdicts)))  # noqa: T201 - as above
    return int(any(verdict.by == "nothing" for verdict in verdicts))


def table(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Write verdicts as a table in Markdown."""
    yield "| broken | what it would do | noticed by |"
    yield "|---|---|---|"
    for verdict in verdicts:
        mutation = verdict.mutation
        yield f"| `{mutation.name}` | {mutation.harm} | {noticed(verdict)} |"


def noticed(verdict: Verdict) -> str:
    """Say what noticed it."""
    evidence = verdict.evidence.replace("|", "\\|")
    if verdict.by == "test":
        return f"`{evidence.removeprefix('tests/')}`"
    return evidence if verdict.by == "seed" else "**nothing**"


if __name__ == "__main__":
    sys.exit(main())
