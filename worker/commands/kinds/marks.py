"""Recognise an object that we created by the mark in its note."""

from worker.commands.claimed import Claimed
from worker.commands.identity import marker, request_id

# How many later generations may have been sent before the store was restored from a backup, which lacks them.
GENERATIONS_AHEAD = 10


def is_own(command: Claimed, note: str) -> bool:
    """Return whether a note has the mark of this command."""
    return marker(command.request_id) in note


def is_of_another_generation(command: Claimed, note: str) -> bool:
    """Return whether a note has the mark of any generation of the very same key."""
    last = command.key.generation + GENERATIONS_AHEAD
    keys = (command.key.of(number) for number in range(1, last + 1))
    return any(marker(request_id(command.realm, key)) in note for key in keys)
