"""The methods beside each other: ours, an exact look-up, and other libraries; each answers all queries."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter

from msgspec import Struct
from rapidfuzz import fuzz, process

from benchmarks import peer
from benchmarks.matching import fit, labelled
from benchmarks.matching.labelled import Labelled
from benchmarks.matching.quality import Answer
from benchmarks.measure import NotHere
from worker.matching.index import Index, KnownCustomer, SoughtAccount
from worker.matching.names import read

REQUIREMENTS = Path(__file__).parent / "peers.txt"
ENVIRONMENT = peer.CACHE / "matching"
LIBRARIES = ("cleanco", "tfidf", "recordlinkage", "splink")
TITLES = {
    "ours": "ours",
    "exact": "exact, as our reader folds names",
    "wratio": "rapidfuzz WRatio",
    "cleanco": "exact after cleanco",
    "tfidf": "TF-IDF of 3-grams",
    "recordlinkage": "recordlinkage, Jaro-Winkler",
    "splink": "splink",
}


class Run(Struct, frozen=True):
    """The answers of a method, and the seconds that they took with preparing the reference."""

    answers: list[Answer]
    seconds: float


Method = Callable[[Labelled], Awaitable[Run]]


async def ours(data: Labelled) -> Run:
    """Return the matcher's answers, as shipped."""
    read.cache_clear()
    started = perf_counter()
    index = Index(KnownCustomer(company, name) for company, name in data.reference.items())
    found = [index.suggest(SoughtAccount("", query.name)) for query in data.queries]
    seconds = perf_counter() - started
    answers = []
    for query, suggestion in zip(data.queries, found, strict=True):
        best = suggestion.nearest[0] if suggestion.nearest else None
        is_right = best is not None and best.id == query.company
        score = best.score / 100 if best else 0.0
        is_linked = suggestion.decision == "link"
        answers.append(Answer(score, is_right, query.is_known, query.is_hard, is_linked))
    return Run(answers, seconds)


def cross_validated(data: Labelled) -> list[Answer]:
    """Return the matcher's answers, each scored by a model that has not seen its company."""
    return fit.cross_validated(fit.pairs(data))


async def exact(data: Labelled) -> Run:
    """Look names up by their keys: the limit of speed."""
    started = perf_counter()
    holders: dict[str, list[str]] = {}
    for company, name in data.reference.items():
        holders.setdefault(labelled.key(name), []).append(company)
    found = [holders.get(labelled.key(query.name), []) for query in data.queries]
    seconds = perf_counter() - started
    return _run(
        data, [each[0] if each else "" for each in found], [float(len(each) == 1) for each in found], seconds
    )


async def wratio(data: Labelled) -> Run:
    """Compare each query with each name by rapidfuzz's WRatio."""
    reference = {company: _folded(name) for company, name in data.reference.items()}
    queries = [_folded(query.name) for query in data.queries]
    started = perf_counter()
    found = [process.extractOne(query, reference, scorer=fuzz.WRatio) for query in queries]
    seconds = perf_counter() - started
    return _run(data, [each[2] for each in found], [each[1] / 100 for each in found], seconds)


@asynccontextmanager
async def libraries(directory: Path) -> AsyncIterator[dict[str, Method]]:
    """Yield the methods of other libraries, in an environment of their own.

    Raises:
        NotHere: The environment could not be created.
    """
    async with peer.running("company_names", REQUIREMENTS, ENVIRONMENT) as running:

        def method(name: str) -> Method:
            async def run(data: Labelled) -> Run:
                file = _written(data, directory)
                try:
                    answer = await running.call(name, file=str(file))
                except peer.PeerFailed as error:
                    raise NotHere(f"{TITLES[name]}: {str(error).strip().splitlines()[-1]}") from error
                companies = list(data.reference)
                best = [companies[place] if place >= 0 else "" for place in answer["best"]]
                return _run(data, best, answer["scores"], answer["seconds"])

            return run

        yield {name: method(name) for name in LIBRARIES}


def _written(data: Labelled, directory: Path) -> Path:
    """Write names for other libraries into a file."""
    file = directory / "names.json"
    raw = {"reference": list(data.reference.values()), "queries": [query.name for query in data.queries]}
    names = {key: [_folded(name) for name in values] for key, values in raw.items()}
    file.write_text(json.dumps(names | {f"raw_{key}": values for key, values in raw.items()}))
    return file


def _run(data: Labelled, best: Sequence[str], scores: Sequence[float], seconds: float) -> Run:
    answers = [
        Answer(score, company == query.company != "", query.is_known, query.is_hard)
        for query, company, score in zip(data.queries, best, scores, strict=True)
    ]
    return Run(answers, seconds)


def _folded(name: str) -> str:
    return " ".join(labelled.first(name).words)
