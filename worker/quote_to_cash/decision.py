"""What follows from an event, as it is put together: facts, which are folded at once, and commands."""

from msgspec import Struct, field

from events import catalog
from events.envelope import Event, derived_id, own_event
from events.values import Fact
from worker.commands.identity import CommandKey
from worker.commands.table import NewCommand
from worker.quote_to_cash.evolve import evolve
from worker.quote_to_cash.state import View

SOURCE = "urn:coeffection:quote-to-cash"


class Decision(Struct):
    """What follows from an event; each recorded fact has already been folded into the view.

    `named` are open commands whose invoice a person named, each with its id in QuickBooks.
    """

    events: list[Event] = field(default_factory=list)
    commands: list[NewCommand] = field(default_factory=list)
    named: list[tuple[CommandKey, str]] = field(default_factory=list)


def record(view: View, decision: Decision, cause: Event, event_type: str, fact: Fact) -> None:
    """Add a fact that follows from an event, and fold it."""
    stream = catalog.TYPES[event_type].stream(fact)
    event = own_event(
        event_type,
        fact,
        workspace=cause.workspace,
        source=SOURCE,
        time=cause.time,
        id=derived_id(cause, event_type, stream),
        cause=cause,
    )
    evolve(view, event)
    decision.events.append(event)
