"""The sentences of the integration log about sync with QuickBooks."""

from typing import Any, Literal

from events.contract import catalog

Sentence = tuple[Literal["info", "attention"], str, str | None]

TOLD = frozenset(
    {
        catalog.SYNC_REQUESTED,
        catalog.SYNC_BEGAN,
        catalog.SYNC_COMPLETED,
        catalog.OBJECT_DELETED,
        catalog.OBJECT_VOIDED,
        catalog.OBJECT_MERGED,
        catalog.OBJECT_UNREADABLE,
    }
)
_BEGINNINGS = {
    "first": "The first sync with QuickBooks has begun",
    "full": "Everything in QuickBooks is being compared",
}
_MODES = {
    "first": "The first sync with QuickBooks is complete",
    "changes": "The changes in QuickBooks were read",
    "batch": "The changes in QuickBooks were read, as scheduled",
    "full": "Everything in QuickBooks was compared",
}


def sentence(kind: str, payload: Any) -> Sentence:
    """Return the sentence of an event of `TOLD`."""
    match kind:
        case catalog.SYNC_REQUESTED:
            what = "compare everything" if payload.full else "read the changes"
            return "info", f"{payload.by} asked to {what} in QuickBooks.", None
        case catalog.SYNC_BEGAN:
            return "info", f"{_BEGINNINGS[payload.mode]}: {_to_read(payload.counts)}.", None
        case catalog.SYNC_COMPLETED:
            return "info", f"{_MODES[payload.mode]}: {_counted(payload.counts)}.", None
        case catalog.OBJECT_UNREADABLE:
            return (
                "attention",
                f"{_named(payload)} could not be read: {payload.problem}. What was known of it before stays.",
                "Correct it in QuickBooks; if it is right there, report the value to support.",
            )
        case _:
            return "attention", f"{_named(payload)} {_end(kind, payload)} in QuickBooks.", None


def _end(kind: str, payload: Any) -> str:
    """Say what became of an object that is gone, or whose amounts are."""
    if kind != catalog.OBJECT_MERGED:
        return "was deleted" if kind == catalog.OBJECT_DELETED else "was voided"
    return f"was merged into {payload.survivor or 'another one'}"


def _named(payload: Any) -> str:
    return f"{_spoken(payload.entity).capitalize()} {payload.entity_id}"


def _spoken(entity: str) -> str:
    """Return QuickBooks' name of a kind of objects in words, such as `credit memo`."""
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in entity).strip()


def _to_read(counts: Any) -> str:
    listed = [f"{_spoken(each.entity)} {each.total}" for each in counts if each.total]
    return ", ".join(listed) or "there is nothing in it"


def _counted(counts: Any) -> str:
    read, changed = sum(each.read for each in counts), sum(each.changed for each in counts)
    whole = f"{read} objects read, {changed} of them new or changed"
    listed = [
        f"{_spoken(each.entity)} {each.read}" + (f" of {each.total}" if each.total is not None else "")
        for each in counts
        if each.read
    ]
    return f"{whole} ({', '.join(listed)})" if listed else whole
