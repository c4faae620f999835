"""Document numbers: one counter for invoices, credit memos and receipts, and the numbers that are taken."""

from collections import defaultdict

from worker.sandbox.schema.kinds import Fields

FIRST = 1001


class Numbers:
    """The document numbers of a company, by entity."""

    def __init__(self) -> None:
        self._taken: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        self._last: defaultdict[str, int] = defaultdict(lambda: FIRST - 1)

    def emptied(self) -> "Numbers":
        """Return the same counters without any number taken."""
        numbers = Numbers()
        numbers._last.update(self._last)
        return numbers

    def next(self, counter: str) -> str:
        """Return the next number of a counter; a number that somebody chose does not move it."""
        self._last[counter] += 1
        return str(self._last[counter])

    def holder(self, entity: str, number: str, identifier: str | None) -> str | None:
        """Return the Id of another transaction that has a number."""
        others = self._taken.get((entity, number), set()) - {identifier}
        return min(others, key=int) if others else None

    def move(self, entity: str, before: Fields | None, after: Fields | None) -> None:
        """Take the number of a changed transaction, and free its former one."""
        if before is not None and before.get("DocNumber"):
            self._taken[entity, before["DocNumber"]].discard(before["Id"])
        if after is not None and after.get("DocNumber"):
            self._taken[entity, after["DocNumber"]].add(after["Id"])
