"""The state of a command to create an invoice, a customer or an item; generations follow until one succeeds."""

from collections.abc import Callable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from events.contract.quickbooks import (
    CommandRejected,
    CommandUncertain,
    CustomerCreated,
    Holder,
    InvoiceCreated,
    ItemCreated,
)

Outcome = CommandRejected | CommandUncertain
Created = InvoiceCreated | CustomerCreated | ItemCreated


class Attempt(Struct, frozen=True):
    """The state of a command, in one generation.

    `asked` is how many requests by a person it answers. With `look_up_refused`, its outcome is unknown and QuickBooks
    refuses the look-up.
    """

    generation: int
    status: Literal["commanded", "uncertain", "done", "rejected"]
    realm: str
    request_id: str
    asked: int
    gate: str | None = None
    message: str | None = None
    look_up_refused: bool = False
    holder: Holder | None = None

    @property
    def is_open(self) -> bool:
        """Whether the command has no outcome yet."""
        return self.status in {"commanded", "uncertain"}


def next_generation(attempt: Attempt | None) -> int:
    """Return the generation that follows an attempt."""
    return attempt.generation + 1 if attempt else 1


def with_end(attempts: tuple[Attempt, ...], outcome: Outcome, asked: int) -> tuple[Attempt, ...]:
    """Return the attempts of several generations after an outcome of one of them."""
    return tuple(ended(attempt, outcome, asked) or attempt for attempt in attempts)


def with_success(
    attempts: tuple[Attempt, ...], created: Created, asked: int, generation: int
) -> tuple[Attempt, ...]:
    """Return the attempts of several generations after one of them has succeeded."""
    if not attempts:
        return (succeeded(None, created, asked, generation),)
    return tuple(succeeded(attempt, created, asked) for attempt in attempts)


def ended(attempt: Attempt | None, outcome: Outcome, asked: int) -> Attempt | None:
    """Return an attempt after an outcome; None if the outcome belongs to another attempt, or this one has succeeded.

    A refusal answers all requests until then, however many.
    """

    def is_of(attempt: Attempt) -> bool:
        return attempt.request_id == outcome.request_id and attempt.status != "done"

    return _ENDS[type(outcome)](attempt, outcome, asked) if attempt is not None and is_of(attempt) else None


def succeeded(attempt: Attempt | None, created: Created, asked: int, generation: int = 1) -> Attempt:
    """Return an attempt after its success, which answers all requests until then, however many."""
    if attempt is None:
        return Attempt(generation, "done", created.realm, created.request_id, asked)
    if attempt.request_id != created.request_id:
        return attempt  # an earlier attempt succeeded, whose company was connected again
    return replace(attempt, status="done", asked=asked, gate=None, message=None, holder=None)


def _rejected(attempt: Attempt, rejected: CommandRejected, asked: int) -> Attempt:
    return replace(
        attempt,
        status="rejected",
        asked=asked,
        gate=rejected.gate,
        message=rejected.message,
        holder=rejected.holder,
    )


def _uncertain(attempt: Attempt, uncertain: CommandUncertain, _asked: int) -> Attempt:
    return replace(
        attempt,
        status="uncertain",
        message=uncertain.message,
        look_up_refused=uncertain.look_up_refused,
    )


_ENDS: dict[type[Outcome], Callable[..., Attempt]] = {
    CommandRejected: _rejected,
    CommandUncertain: _uncertain,
}
