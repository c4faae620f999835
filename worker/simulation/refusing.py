"""What QuickBooks refuses while a seed plays: reads that say nothing about writes, companies, writes that it did."""

from random import Random

from worker.sandbox.refusals import Operation, Refusal

READS: tuple[Operation, ...] = ("read", "query")
# Each is tried beside the others of its seed; those that are always refused are so for as long as faults last.
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
# QuickBooks says no to an invoice that it makes all the same, or a proxy in its place.
_OF_WRITES = (
    Refusal("6000", operations=("create",), entities=("Invoice",), rate=0.3, times=2),
    Refusal("6000", operations=("create",), entities=("Invoice",), rate=0.5, times=2, applied=True),
    Refusal("", 403, "html", operations=("create",), rate=0.5, times=3, applied=True),
    Refusal("", 413, "html", operations=("create",), rate=0.5, times=2),
)


def drawn(random: Random) -> tuple[Refusal, ...]:
    """Draw what is refused in a seed; in half of them nothing is."""
    if random.getrandbits(1):
        return ()
    chosen = random.sample(_OF_READS, random.randint(0, 2)) + random.sample(_OF_WRITES, random.randint(0, 2))
    return (*chosen, *random.sample(_OF_COMPANIES, random.randint(0, 1)))
