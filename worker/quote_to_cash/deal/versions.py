"""The history of a deal's quote: the CRM's snapshots in the order of their revisions.

The CRM may send thousands of snapshots of a deal whose quote stays the same. Consecutive snapshots with the same quote and
stage are stored as one, by the first and the last of them: for every instant, the current quote, its stage and its
successor are the same as if all snapshots were stored.
"""

from bisect import bisect
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from events.contract.crm import Stage


class Version(Struct, frozen=True):
    """The quote and stage of one snapshot, or of consecutive snapshots without a missing revision.

    Attributes:
        revision: The revision of the first snapshot.
        time: The time of the first snapshot; no later snapshot is older.
        quote: A key of `Deal.quotes`; None if the snapshot has no quote, and so leaves the quote unknown.
        until: The revision and time of the last snapshot, if there are several.
    """

    revision: int
    time: datetime
    stage: Stage
    quote: str | None
    until: tuple[int, datetime] | None = None

    @property
    def last(self) -> "Version":
        """The last snapshot alone."""
        if self.until is None:
            return self
        revision, time = self.until
        return replace(self, revision=revision, time=time, until=None)


def is_known(versions: Sequence[Version], revision: int) -> bool:
    """Return whether one of the snapshots has this revision."""
    place = bisect(versions, revision, key=_revision)
    return place > 0 and versions[place - 1].last.revision >= revision


def with_snapshot(versions: Sequence[Version], added: Version) -> tuple[Version, ...]:
    """Return the versions with a snapshot of a new revision added, in the order of revisions."""
    place = bisect(versions, added.revision, key=_revision)
    before, after = versions[:place], versions[place:]
    if before and _goes_on(before[-1], added):
        before, added = before[:-1], _joined(before[-1], added)
    if after and _goes_on(added, after[0]):
        added, after = _joined(added, after[0]), after[1:]
    return (*before, added, *after)


def one_by_one(versions: Sequence[Version]) -> list[Version]:
    """Return the first and the last snapshot of each version, with times that never decrease.

    A snapshot without a time of its own has the time of its arrival, which may be late.
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
