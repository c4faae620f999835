"""Other libraries that match names of companies: each returns the best name of a reference for each query.

To their advantage, all but cleanco get names as our reader folds them, without legal forms. A file has `reference`,
`queries`, and the same as written: `raw_reference`, `raw_queries`. The time of a call includes preparing the reference.
"""

import contextlib
import json
import logging
import warnings
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.peers.line import Answer, serve

Best = tuple[list[int], list[float]]
BLOCK = 3  # first letters that are the same
CANDIDATES = 1


def cleanco(names: dict[str, Sequence[str]]) -> Best:
    """Find names that are equal after cleanco's `basename`."""
    from cleanco import basename  # noqa: PLC0415 - a peer that is missing must not keep others from running

    holders: dict[str, list[int]] = defaultdict(list)
    for place, name in enumerate(names["raw_reference"]):
        holders[basename(name).casefold()].append(place)
    found = [holders.get(basename(name).casefold(), []) for name in names["raw_queries"]]
    return [each[0] if each else -1 for each in found], [float(len(each) == 1) for each in found]


def tfidf(names: dict[str, Sequence[str]]) -> Best:
    """Compare vectors of three-letter pieces, weighed by their rarity."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415 - as above
    from sparse_dot_topn import sp_matmul_topn  # noqa: PLC0415 - as above

    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3))
    reference = vectors.fit_transform(names["reference"])
    likeness = sp_matmul_topn(vectors.transform(names["queries"]), reference.T.tocsr(), top_n=CANDIDATES)
    best, scores = [], []
    for row in range(likeness.shape[0]):
        start, end = likeness.indptr[row : row + 2]
        best.append(int(likeness.indices[start]) if end > start else -1)
        scores.append(float(likeness.data[start]) if end > start else 0.0)
    return best, scores


def recordlinkage(names: dict[str, Sequence[str]]) -> Best:
    """Compare names with the same first letters by Jaro-Winkler."""
    import pandas as pd  # noqa: PLC0415 - as above
    import recordlinkage as rl  # noqa: PLC0415 - as above

    queries, reference = (
        pd.DataFrame({"name": list(names[key]), "block": [each[:BLOCK] for each in names[key]]})
        for key in ("queries", "reference")
    )
    indexer = rl.Index()
    indexer.block("block")
    pairs = indexer.index(queries, reference)
    comparing = rl.Compare()
    comparing.string("name", "name", method="jarowinkler", label="likeness")
    likeness = comparing.compute(pairs, queries, reference)["likeness"]
    return _best(len(names["queries"]), ((*pair, value) for pair, value in likeness.items()))


def splink(names: dict[str, Sequence[str]]) -> Best:
    """Train splink without labels, on DuckDB, and take its probability."""
    import pandas as pd  # noqa: PLC0415 - as above
    import splink.comparison_library as compare  # noqa: PLC0415 - as above
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on  # noqa: PLC0415 - as above

    database = DuckDBAPI()
    tables = [
        database.register(
            pd.DataFrame(
                {
                    "unique_id": range(len(names[key])),
                    "name": list(names[key]),
                    "block": [each[:BLOCK] for each in names[key]],
                    "source_dataset": key,
                }
            )
        )
        for key in ("queries", "reference")
    ]
    block = block_on("block")
    settings = SettingsCreator(
        link_type="link_only",
        comparisons=[compare.JaroWinklerAtThresholds("name", [0.98, 0.95, 0.92, 0.88, 0.8])],
        blocking_rules_to_generate_predictions=[block],
    )
    linker = Linker(tables, settings)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6)
    linker.training.estimate_parameters_using_expectation_maximisation(block)
    found = linker.inference.predict().as_pandas_dataframe()
    rows = zip(found["unique_id_l"], found["unique_id_r"], found["match_probability"], strict=True)
    return _best(len(names["queries"]), rows)


def _best(count: int, rows: Any) -> Best:
    best, scores = [-1] * count, [0.0] * count
    for query, candidate, value in rows:
        if value > scores[query]:
            best[query], scores[query] = int(candidate), float(value)
    return best, scores


def _timed(method: Callable[[dict[str, Sequence[str]]], Best]) -> Callable[..., Answer]:
    def call(file: str) -> Answer:
        names = json.loads(Path(file).read_text())
        started = perf_counter()
        with contextlib.redirect_stdout(None):
            best, scores = method(names)
        seconds = perf_counter() - started
        return {"best": best, "scores": [round(each, 5) for each in scores], "seconds": seconds}

    return call


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    serve({method.__name__: _timed(method) for method in (cleanco, tfidf, recordlinkage, splink)})
