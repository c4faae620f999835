"""Every benchmark, in the order of the table."""

from benchmarks import (
    append,
    budget,
    commands,
    decode,
    fairness,
    full_path,
    growth,
    ingest,
    lonely,
    quickbooks,
    rebuild,
    replay,
    signed,
    waiting,
)
from benchmarks.measure import Benchmark

BENCHMARKS: tuple[Benchmark, ...] = (
    decode.DECODE,
    append.SQLITE,
    append.POSTGRES,
    full_path.SQLITE,
    full_path.POSTGRES,
    lonely.SQLITE,
    lonely.POSTGRES,
    ingest.INGEST,
    replay.REPLAY,
    signed.EMBEDDED,
    signed.KAFKA,
    fairness.SQLITE,
    fairness.POSTGRES,
    growth.SQLITE,
    growth.POSTGRES,
    waiting.SQLITE,
    waiting.POSTGRES,
    rebuild.SQLITE,
    rebuild.POSTGRES,
    commands.COMMANDS_AT_ONCE,
    quickbooks.CALL,
    budget.BUDGET,
)
