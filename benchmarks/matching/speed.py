"""Speed of the matcher: one look-up among 100,000 customers, and 10,000 accounts with 10,000 customers.

Names are made. The limit looks up names as our reader folds them in a dictionary. Beside one look-up, the peer compares the
name with each by rapidfuzz's `ratio`; beside all, it is TF-IDF of 3-grams, whose multiplication of sparse matrices compares
all names at once. Ours has the same names with their candidates, reasons and margins.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter

from rapidfuzz import fuzz, process

from benchmarks.matching import labelled, methods, synthetic
from benchmarks.measure import Benchmark, Contenders, Figure, Goal, Measured, percentile
from worker.matching.index import Index, KnownCustomer, SoughtAccount
from worker.matching.names import read

CUSTOMERS = 100_000
LOOKUPS = 500
PEER_LOOKUPS = 20
ALL = 10_000


@asynccontextmanager
async def _lookups(_directory: Path) -> AsyncIterator[Contenders]:
    data = synthetic.made(1, CUSTOMERS)
    index = Index(KnownCustomer(company, name) for company, name in data.reference.items())
    keys = {labelled.key(name): company for company, name in data.reference.items()}
    folded = {company: labelled.key(name) for company, name in data.reference.items()}
    names = cycle([query.name for query in data.queries])

    async def ours() -> Measured:
        return _timed(lambda name: index.suggest(SoughtAccount("", name)), list(islice(names, LOOKUPS)))

    async def limit() -> Measured:
        return _timed(lambda name: keys.get(labelled.key(name)), list(islice(names, LOOKUPS)))

    async def ratio() -> Measured:
        return _timed(
            lambda name: process.extractOne(labelled.key(name), folded, scorer=fuzz.ratio),
            list(islice(names, PEER_LOOKUPS)),
        )

    yield Contenders(ours=ours, limit=limit, peer=ratio)


def _timed(look_up: Callable[[str], object], names: list[str]) -> Measured:
    read.cache_clear()
    taken = []
    for name in names:
        started = perf_counter()
        look_up(name)
        taken.append(1000 * (perf_counter() - started))
    return {"mean": sum(taken) / len(taken), "p99": percentile(taken, 99)}


@asynccontextmanager
async def _all(directory: Path) -> AsyncIterator[Contenders]:
    data = synthetic.made(1, ALL)

    async def ours() -> Measured:
        return {"seconds": (await methods.ours(data)).seconds}

    async def limit() -> Measured:
        read.cache_clear()
        return {"seconds": (await methods.exact(data)).seconds}

    async with methods.libraries(directory) as libraries:

        async def tfidf() -> Measured:
            return {"seconds": (await libraries["tfidf"](data)).seconds}

        yield Contenders(ours=ours, limit=limit, peer=tfidf)


LOOKUP = Benchmark(
    name="match-lookup",
    figures=(
        Figure(
            "mean",
            "An account matched with 100,000 customers",
            "ms",
            (Goal("none", 2.0, 1.0, at_most=True), Goal("limit", None), Goal("peer", None)),
        ),
        Figure("p99", "An account matched with 100,000 customers, p99", "ms"),
    ),
    open=_lookups,
    limit="exact, in a dictionary",
    peer="rapidfuzz's ratio with each",
    rounds=5,
)
MATCH_ALL = Benchmark(
    name="match-all",
    figures=(
        Figure(
            "seconds",
            "10,000 accounts matched with 10,000 customers",
            "s",
            (Goal("none", 5.0, 2.0, at_most=True), Goal("limit", None), Goal("peer", None)),
        ),
    ),
    open=_all,
    limit="exact, in a dictionary",
    peer="TF-IDF of 3-grams",
    rounds=5,
)
