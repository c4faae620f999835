"""QuickBooks' refusals in a seed: refused reads, refused companies, and refused writes that it applied all the same."""

from random import Random

from worker.sandbox.failing.asked import Operation
from worker.sandbox.failing.refusals import Refusal

READS: tuple[Operation, ...] = ("read", "query")
# Each is combined with the others of its seed; a permanent refusal lasts as long as the faults.
_OF_READS = (
    Refusal("4002", operations=READS, entities=("Invoice",)),
    Refusal("4002", operations=("query",), entities=("Invoice",), containing="SELECT *"),
    Refusal("4001", operations=("query",), entities=("Invoice",), containing=" >= "),
    Refusal("4002", 200, operations=READS, rate=0.5),
    Refusal("4000", form="xml", operations=READS, rate=0.5),
    Refusal("", 403, "html", operations=READS, rate=0.5),
    Refusal("4000", operations=("query",), entities=("Customer", "Item"), rate=0.5),
)
_OF_COMPANIES = (
    Refusal("6190", 200, rate=0.03),
    Refusal("3100", 403, "lower_case", rate=0.03),
    Refusal("120", 403, rate=0.03),
)
# QuickBooks, or a proxy, refuses an invoice that is created all the same.
_OF_WRITES = (
    Refusal("6000", operations=("create",), entities=("Invoice",), rate=0.3, times=2),
    Refusal("6000", operations=("create",), entities=("Invoice",), rate=0.5, times=2, applied=True),
    Refusal("", 403, "html", operations=("create",), rate=0.5, times=3, applied=True),
    Refusal("", 413, "html", operations=("create",), rate=0.5, times=2),
)


def drawn(random: Random) -> tuple[Refusal, ...]:
    """Draw the refusals of a seed; half of the seeds have none."""
    if random.getrandbits(1):
        return ()
    chosen = random.sample(_OF_READS, random.randint(0, 2)) + random.sample(_OF_WRITES, random.randint(0, 2))
    return (*chosen, *random.sample(_OF_COMPANIES, random.randint(0, 1)))
