"""Decide the consequences of an event, as pure functions of the view: facts to record and commands to send."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain

from msgspec import Struct, field

from events.contract import catalog
from events.contract.envelope import OWN_SOURCES, Event, derived_id, own_event
from events.contract.in_step import OfPair
from events.contract.reviewing import (
    MAPPING_BROUGHT,
    MAPPING_LINKED,
    MAPPING_MOVED,
    PRODUCT_LINKED,
    PRODUCT_MOVED,
)
from events.contract.values import Fact
from events.leases import CLOCK_SKEW_MAX
from worker.commands.identity import CommandKey
from worker.commands.table import NewCommand
from worker.quote_to_cash import keys
from worker.quote_to_cash import view as view_of
from worker.quote_to_cash.command import Command, Consequence, NamedInvoice, Withdrawal
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.evolve import evolve
from worker.quote_to_cash.families import FAMILIES
from worker.quote_to_cash.family import by_type
from worker.quote_to_cash.view import WORKSPACE, View

SOURCE = "urn:coeffection:quote-to-cash"
# Our own facts about a stream on which others wait, and that may be decided on account of an event of another stream.
WAITED_ON = frozenset({MAPPING_LINKED, MAPPING_BROUGHT, MAPPING_MOVED, PRODUCT_LINKED, PRODUCT_MOVED})
_OF_KIND = {
    kind: [family for family in FAMILIES if family.kind == kind] for kind in {f.kind for f in FAMILIES}
}
_FOLLOWS = by_type(family.follows for family in FAMILIES)
_NAMES = by_type(family.names for family in FAMILIES)
_CONSIDERED_ON = by_type(family.considered_on for family in FAMILIES)
_CHANGED_BY = by_type(family.changed_by for family in FAMILIES)
_ROUNDS = [
    {family.kind: family.reads[number] for family in FAMILIES if len(family.reads) > number}
    for number in range(max(len(family.reads) for family in FAMILIES))
]
_TYPE_OF = {event_type.payload: name for name, event_type in catalog.TYPES.items()}


class Decision(Struct):
    """The consequences of an event; its recorded facts are already folded into the view.

    `withdrawn` are keys of updates before whose generation none is sent. `named` are open commands whose invoice a person named, each with the invoice's ID in QuickBooks. `many_wait_on` are
    changed keys with too many waiting streams to reconsider them all in one transaction.
    """

    events: list[Event] = field(default_factory=list)
    commands: list[NewCommand] = field(default_factory=list)
    withdrawn: list[CommandKey] = field(default_factory=list)
    named: list[tuple[CommandKey, str]] = field(default_factory=list)
    many_wait_on: list[str] = field(default_factory=list)


def is_own(event: Event) -> bool:
    """Return whether the process manager itself recorded an event."""
    return event.source == SOURCE


def decide(view: View, event: Event) -> Decision:
    """Fold an event into the view, and return its consequences.

    An event of our own was folded when it was decided, and has none but for the streams that wait on it.
    """
    decision = Decision()
    if is_own(event):
        if event.type in WAITED_ON:
            affected, decision.many_wait_on = _affected(view, event, [event.stream])
            _consider(view, decision, event, affected)
        return decision
    before = view.get(WorkspaceState)
    evolve(view, event)
    for step in _followed(view, event):
        _take(view, decision, event, step)
    moved = [event.stream] if event.stream != WORKSPACE else keys.changed(before, view.get(WorkspaceState))
    affected, decision.many_wait_on = _affected(view, event, moved)
    _consider(view, decision, event, affected)
    return decision


def has_consequences(event: Event) -> bool:
    """Return whether there may be something to decide about an event."""
    return not is_own(event) or event.type in WAITED_ON


def reconsider(view: View, cause: Event, key: str, waiting: Sequence[str]) -> Decision:
    """Decide about streams that wait on `key`; `cause` is the event that changed it, and was decided before."""
    decision = Decision()
    _consider(view, decision, cause, waiting, via=key)
    return decision


def streams(event: Event) -> list[str]:
    """Return the streams whose state the decision about an event reads, as far as the event itself names them."""
    named = (names(event.payload) for names in _NAMES.get(event.type, ()))
    return [event.stream, *chain.from_iterable(named)]


def waited_on(event: Event) -> list[str]:
    """Return the keys whose waiting streams the decision about an event probably reconsiders."""
    return keys.likely_changed(event.payload) if event.stream == WORKSPACE else [event.stream]


def read_of(view: View, named: Sequence[str]) -> Iterator[set[str]]:
    """Yield, in rounds, the further streams that decisions about these streams read; the caller loads each round first."""
    found = set(named)
    parts = [stream.partition("/") for stream in found]
    for reading in _ROUNDS:
        more = {
            stream for kind, _, subject in parts if kind in reading for stream in reading[kind](view, subject)
        }
        yield more - found
        found |= more


def _consider(view: View, decision: Decision, cause: Event, subjects: Iterable[str], via: str = "") -> None:
    for stream in subjects:
        kind, _, subject = stream.partition("/")
        for family in _OF_KIND.get(kind, ()):
            consider = family.consider_after.get(cause.type, family.consider)
            for step in consider(view, subject):
                _take(view, decision, cause, step, via)


def _followed(view: View, event: Event) -> Iterator[Consequence]:
    for follows in _FOLLOWS.get(event.type, ()):
        yield from follows(view, event.payload)


def _affected(view: View, event: Event, moved: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the streams to consider after an event, and the keys on which too many streams wait.

    To consider are the event's own stream, the streams that it changes, and all streams that wait on one of them or on
    `moved`, the keys that the event changes in its own stream; streams that wait on one of the returned keys are left out.

    Deals come last: the sentences of their gates depend on the commands for their account and products.
    """
    own = [event.stream] if event.stream.partition("/")[0] in _OF_KIND else []
    considered = [name for names in _CONSIDERED_ON.get(event.type, ()) for name in names(event.payload)]
    changed = [name for changes in _CHANGED_BY.get(event.type, ()) for name in changes(view, event.payload)]
    waiting = {key: view.waiting(key) for key in (*moved, *changed)}
    many = [stream for stream, found in waiting.items() if len(found) > view_of.AT_ONCE]
    few = chain.from_iterable(found for stream, found in waiting.items() if stream not in many)
    everybody = dict.fromkeys([*own, *considered, *changed, *few])
    return sorted(everybody, key=lambda stream: stream.startswith("deal/")), many


def _take(view: View, decision: Decision, cause: Event, step: Consequence, via: str = "") -> None:
    if isinstance(step, Command):
        command = NewCommand(step.key, step.realm, step.request_id, step.body, _wished_since(step, cause))
        decision.commands.append(command)
    elif isinstance(step, Withdrawal):
        decision.withdrawn.append(step.key)
    elif isinstance(step, NamedInvoice):
        decision.named.append((step.key, step.invoice_id))
    else:
        decision.events.append(_recorded(view, cause, step, via))


def _wished_since(step: Command, cause: Event) -> datetime:
    """Return the earliest time at which a command may have been decided.

    If the command has a later time than the event of ours that caused it, our clock is behind. By such a clock, a command
    from before a restored backup seems to be new, so the greatest age is assumed.
    """
    is_ours = cause.source.startswith(OWN_SOURCES)
    if step.since is None or (is_ours and step.since > cause.time + CLOCK_SKEW_MAX):
        return cause.time - step.age
    return step.since


def _recorded(view: View, cause: Event, fact: Fact, via: str) -> Event:
    """Return the event of a fact that follows from `cause`, after folding it.

    Its ID includes `via`, the key of a queued change: the same cause may already have led to such an event.
    """
    event_type = _TYPE_OF[type(fact)]
    subject = catalog.TYPES[event_type].stream(fact)
    if isinstance(fact, OfPair):  # an account may have several customers
        subject = f"{subject}\n{fact.realm}/{fact.customer_id}"
    event = own_event(
        event_type,
        fact,
        workspace=cause.workspace,
        source=SOURCE,
        time=cause.time,
        id=derived_id(cause, event_type, f"{subject}\n{via}" if via else subject),
        cause=cause,
    )
    evolve(view, event)
    return event
