"""The Ids and the order of the lines of a transaction. A line that was there before keeps its Id."""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from worker.sandbox.schema.kinds import Fields


def with_subtotal(lines: Sequence[Fields], before: Fields | None, subtotal: Decimal) -> list[Fields]:
    """Return the lines of a form with their Ids, then the subtotal, then the discount; these two have none."""
    discounts = [_without_number(line) for line in lines if line["DetailType"] == "DiscountLineDetail"]
    others = [line for line in lines if line["DetailType"] != "DiscountLineDetail"]
    subtotal_line = {"Amount": subtotal, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
    return [*numbered(others, before), subtotal_line, *discounts]


def numbered(lines: Iterable[Fields], before: Fields | None) -> list[Fields]:
    """Return lines with their Ids and numbers, which the lines within a bundle continue."""
    ids, places = _Ids(before, first=1), iter(range(1, 1_000_000))
    return [_numbered(line, ids, places) for line in lines]


def identified(lines: Iterable[Fields], before: Fields | None, first: int = 1) -> list[Fields]:
    """Return lines with their Ids, without numbers."""
    ids = _Ids(before, first)
    return [{"CustomExtensions": [], **_without_number(line), "Id": ids.of(line)} for line in lines]


class _Ids:
    """The Ids of the lines of one transaction, given out one after the other."""

    def __init__(self, before: Fields | None, first: int) -> None:
        self._known = set(_known((before or {}).get("Line", ())))
        self._last = max((int(each) for each in self._known), default=first - 1)

    def of(self, line: Fields) -> str:
        """Return the Id of a line: its own if the transaction has it and no other line took it, else a new one."""
        identifier = line.get("Id")
        if identifier in self._known:
            self._known.discard(identifier)
            return str(identifier)
        self._last += 1
        return str(self._last)


def _known(lines: Iterable[Fields]) -> Iterator[str]:
    for line in lines:
        if "Id" in line:
            yield line["Id"]
        if "GroupLineDetail" in line:
            yield from _known(line["GroupLineDetail"].get("Line", ()))


def _numbered(line: Fields, ids: _Ids, places: Iterator[int]) -> Fields:
    found = {"CustomExtensions": [], **line, "Id": ids.of(line), "LineNum": next(places)}
    bundle = line.get("GroupLineDetail")
    if bundle is not None:
        inside = [_numbered(each, ids, places) for each in bundle["Line"]]
        found["GroupLineDetail"] = {**bundle, "Line": inside}
    return found


def _without_number(line: Fields) -> Fields:
    return {name: value for name, value in line.items() if name not in {"Id", "LineNum"}}
