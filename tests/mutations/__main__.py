"""`python -m tests.mutations [NAME…]`: break rules and safeguards one by one; print the test or seed that noticed each."""

import argparse
import sys

from tests.mutations import report
from tests.mutations.harness import SEEDS, Unsound, Verdict, run
from tests.mutations.known import MUTATIONS
from tests.mutations.mutation import OutOfDate


def main() -> int:
    """Run; 0 if each was noticed, 1 if not, 2 if it can't be said."""
    known = {mutation.name: mutation for mutation in MUTATIONS}
    parser = argparse.ArgumentParser(prog="python -m tests.mutations", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="by default all")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many seeds where the tests see nothing")
    parser.add_argument("--processes", type=int, default=2, help="how many mutations at once")
    parser.add_argument("--write", action="store_true", help="put the table into docs/simulation.md")
    asked = parser.parse_args()
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"there is no mutation {unknown[0]}; there are {', '.join(known)}")
    if asked.write and asked.names:
        parser.error("the table in the documentation is of all mutations")
    verdicts: dict[str, Verdict] = {}
    try:
        for verdict in run(
            [known[name] for name in asked.names] or MUTATIONS, seeds=asked.seeds, processes=asked.processes
        ):
            verdicts[verdict.mutation.name] = verdict
            said = f"{verdict.mutation.name}: {verdict.by} {verdict.evidence}"
            print(said, file=sys.stderr, flush=True)  # noqa: T201 - what it prints is its purpose
    except (OutOfDate, Unsound) as error:
        print(error, file=sys.stderr)  # noqa: T201 - as above
        return 2
    if asked.write:
        report.write(verdicts)
    else:
        print("\n".join(report.table(verdicts)))  # noqa: T201 - as above
    return int(any(verdict.by == "nothing" for verdict in verdicts.values()))


if __name__ == "__main__":
    sys.exit(main())
