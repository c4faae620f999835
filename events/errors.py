"""The errors of `events`.

::

    EventError
    ├── InvalidEvent            a message can't become an event; it becomes a dead letter
    ├── CheckpointMoved         another runner advanced the subscription; our transaction rolls back
    ├── ContradictoryEvent      the log already has an event of our own with the same identity and other content
    ├── UnreadableEvent         the log has an event of a type or version that this code does not know
    ├── DatabaseUnavailable     the database did not answer in time; the caller should retry
    │   └── DatabaseDamaged     the database can't read its data; a person has to restore a backup
    └── DatabaseRefused         the database refuses the login, or does not exist; a person has to correct the settings

`UserError` and `OutsideError` are bases for errors of all packages; commands and HTTP answers treat each alike.
"""


class UserError(Exception):
    """The base of errors that a person can correct; the message has the problem and the remedy."""


class OutsideError(Exception):
    """The base of errors of services outside this process, which do not answer or refuse."""


class EventError(Exception):
    """The base of every error of `events`."""


class InvalidEvent(EventError):
    """A sender's message can't become an event.

    Attributes:
        reason: A stable code, such as `schema_invalid`.
        detail: One sentence for a person: the problem and its place.
        field: The path of the offending field, such as `quote.lines[0].quantity`, if there is one.
    """

    def __init__(self, reason: str, detail: str, field: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.field = field

    def without_traceback(self) -> "InvalidEvent":
        """Return a copy to store: a raised error keeps every frame of its traceback, with their variables, in memory."""
        return InvalidEvent(self.reason, self.detail, self.field)


class CheckpointMoved(EventError):
    """Another runner advanced this subscription's checkpoint; our transaction rolls back."""


class ContradictoryEvent(EventError):
    """The log already has an event of our own with this identity and other content: a defect of the code."""


class UnreadableEvent(EventError):
    """The log has an event of a type or version that this code does not know; upgrade the worker."""


class DatabaseUnavailable(EventError):
    """The database did not answer in time."""


class DatabaseDamaged(DatabaseUnavailable):
    """The database can't read its own data. Senders get the same answer as for an unavailable database, and retry."""


class DatabaseRefused(EventError):
    """The database refuses the login, or does not exist: a retry does not help."""
