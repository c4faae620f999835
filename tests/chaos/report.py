"""The report of a run, as JSON and as a text."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

PROBLEMS_SHOWN_MAX = 10


class Report(Struct, frozen=True):
    """The result of a run.

    Attributes:
        good: Whether every check passed.
        seed: The seed that repeats the messages and faults, as far as the machine's timing allows.
        messages: `produced`, each once; `in_log` of them; `sent_again`; `poison` and `dead_letters`; `over_http`.
        redelivered: The least number of messages that were read from Kafka more than once.
        deals: `told`, `won`, `invoices`, `duplicates`.
        kills: SIGKILLs, by role or server.
        faults: The number of faults by kind.
        troubled: The affected connections, by proxy and kind.
        quickbooks: The faults inside QuickBooks, by kind.
        exits: The exits of processes, by cause and status.
        deaths: The processes that ended by themselves, with their last log lines.
        starts: The number of starts of processes.
        seconds: `pouring`, `settling`, `checking`, `all`.
        per_second: The average number of sent messages a second during the faults.
        problems: The findings, by check.
        directory: The directory of the processes' logs.
    """

    good: bool
    seed: int
    messages: Mapping[str, int]
    redelivered: int
    deals: Mapping[str, int]
    kills: Mapping[str, int]
    faults: Mapping[str, int]
    troubled: Mapping[str, int]
    quickbooks: Mapping[str, int]
    exits: Mapping[str, int]
    deaths: Sequence[str]
    starts: int
    seconds: Mapping[str, float]
    per_second: float
    problems: Mapping[str, Sequence[str]]
    directory: str


def text(report: Report) -> str:
    """Return the report as text."""
    return "\n".join(_lines(report))


def _lines(report: Report) -> Iterator[str]:
    messages, deals = report.messages, report.deals
    yield f"seed           {report.seed}"
    yield f"messages       {messages['in_log']:,} of {messages['produced']:,} in the log, each once"
    yield f"               {messages['sent_again']:,} sent again, {report.redelivered:,} or more delivered again"
    yield f"               {messages['over_http']:,} of them over HTTP"
    yield f"poison         {messages['dead_letters']:,} dead letters of {messages['poison']:,}"
    yield f"invoices       {deals['invoices']:,} of {deals['won']:,} deals won, duplicates {deals['duplicates']}"
    yield f"SIGKILL        {sum(report.kills.values())}: {_counts(report.kills)}"
    yield f"faults         {sum(report.faults.values())}: {_counts(report.faults)}"
    yield f"networks       {_counts(report.troubled)}"
    yield f"QuickBooks     {_counts(report.quickbooks)}"
    yield f"exits          {_counts(report.exits)}; {report.starts} starts"
    for death in report.deaths[:PROBLEMS_SHOWN_MAX]:
        yield f"               {death}"
    yield f"seconds        {', '.join(f'{name} {value:g}' for name, value in report.seconds.items())}"
    yield f"rate           {report.per_second:,.0f} messages a second while all this went wrong"
    for name, found in report.problems.items():
        yield f"{'✗' if found else '✓'} {name}"
        for problem in found[:PROBLEMS_SHOWN_MAX]:
            yield f"      {problem}"
        if len(found) > PROBLEMS_SHOWN_MAX:
            yield f"      and {len(found) - PROBLEMS_SHOWN_MAX} more"
    if not report.good:
        yield f"\nWrong. Again: python -m tests.chaos --seed {report.seed}. The logs are in {report.directory}"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or "none"
