"""What is answered to an action: nothing has followed from it yet, and the log says that it was asked for."""

from msgspec import Struct


class Accepted(Struct, frozen=True):
    """An action is recorded; what follows from it comes after.

    Attributes:
        position: Where the event that says so is in the log.
    """

    position: int
