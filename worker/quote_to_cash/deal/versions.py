"""What the CRM has shown of a deal's quote, one snapshot after the other.

A deal may be spoken of thousands of times while its quote stays the same. Snapshots in a row that show the
same are kept as one, by the first and the last of them: whatever instant one asks for, the quote that was in
force then, its stage, and what followed it are the same as if each had been kept.
"""

from bisect import bisect
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from events.contract.crm import Stage


class Version(Struct, frozen=True):
    """A snapshot of a deal as far as its quote matters, or several in a row, with no revision missing.

    Attributes:
        revision: That of the first.
        time: That of the first; none of those after it is older.
        quote: A key of `Deal.quotes`; none if the snapshot shows no quote, which says nothing about it.
        until: Revision and time of the last, if there are several.
    """

    revision: int
    time: datetime
    stage: Stage
    quote: str | None
    until: tuple[int, datetime] | None = None

    @property
    def last(self) -> "Version":
        """The last snapshot by itself."""
        if self.until is None:
            return self
        revision, time = self.until
        return replace(self, revision=revision, time=time, until=None)


def is_known(versions: Sequence[Version], revision: int) -> bool:
    """Whether one of the snapshots has this revision."""
    place = bisect(versions, revision, key=_revision)
    return place > 0 and versions[place - 1].last.revision >= revision


def with_snapshot(versions: Sequence[Version], added: Version) -> tuple[Version, ...]:
    """Add a snapshot whose revision is not known yet; they stay in the order of revisions."""
    place = bisect(versions, added.revision, key=_revision)
    before, after = versions[:place], versions[place:]
    if before and _goes_on(before[-1], added):
        before, added = before[:-1], _joined(before[-1], added)
    if after and _goes_on(added, after[0]):
        added, after = _joined(added, after[0]), after[1:]
    return (*before, added, *after)


def one_by_one(versions: Sequence[Version]) -> list[Version]:
    """Return the first and the last snapshot of each, dated no later than those that follow.

    A snapshot that brings no time has that of its arrival, which may be late.
    """
    ends = [end for version in versions for end in _ends(version)]
    for place in reversed(range(len(ends) - 1)):
        ends[place] = replace(ends[place], time=min(ends[place].time, ends[place + 1].time))
    return ends


def _revision(version: Version) -> int:
    return version.revision


def _goes_on(version: Version, following: Version) -> bool:
    shows_the_same = (version.stage, version.quote) == (following.stage, following.quote)
    return shows_the_same and version.last.revision + 1 == following.revision


def _joined(version: Version, following: Version) -> Version:
    last = following.last
    return replace(version, time=min(version.time, following.time), until=(last.revision, last.time))


def _ends(version: Version) -> tuple[Version, ...]:
    return (version,) if version.until is None else (replace(version, until=None), version.last)
