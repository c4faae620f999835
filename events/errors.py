"""The errors of this room.

::

    EventError
    ├── Unusable                what a sender gave cannot become an event; becomes a dead letter
    ├── CheckpointMoved         another runner advanced this subscription; ours rolls back
    ├── ContradictoryEvent      an event of our own is in the log already, saying something else
    ├── UnreadableEvent         the log holds a type or version that this code does not know
    ├── DatabaseUnavailable     the database did not answer in time; the sender should try again
    │   └── DatabaseDamaged     what it has stored can't be read; a person has to restore it
    └── DatabaseRefused         the database does not let us in, or does not exist; a person has to see to it
"""


class EventError(Exception):
    """Anything that goes wrong in the room of events."""


class Unusable(EventError):
    """What a sender gave cannot become an event.

    Attributes:
        reason: A stable code, such as `schema_invalid`.
        detail: One sentence for a person: what is wrong, and where.
        field: The path of the offending field, such as `quote.lines[0].quantity`, if there is one.
    """

    def __init__(self, reason: str, detail: str, field: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.field = field

    def bare(self) -> "Unusable":
        """Return the same to keep: an error that was raised keeps all frames it came through, and what they hold."""
        return Unusable(self.reason, self.detail, self.field)


class CheckpointMoved(EventError):
    """Another runner advanced this subscription's checkpoint; the work of this one is rolled back."""


class ContradictoryEvent(EventError):
    """An event of our own is in the log already with other content: a defect, never the data's fault."""


class UnreadableEvent(EventError):
    """The log holds an event whose type or version this code does not know; upgrade before going on."""


class DatabaseUnavailable(EventError):
    """The database did not answer in time."""


class DatabaseDamaged(DatabaseUnavailable):
    """What the database has stored can't be read. Senders are answered as if it were away: nothing of theirs is lost."""


class DatabaseRefused(EventError):
    """The database does not let us in, or there is none of that name: trying again does not help."""
