"""The answer to an action: the log has recorded it, and its effects follow."""

from msgspec import Struct


class Accepted(Struct, frozen=True):
    """The action is recorded; its effects follow.

    Attributes:
        position: The position in the log of the event that records it.
    """

    position: int
