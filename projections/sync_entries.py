"""The sentences of the integration log about sync with QuickBooks."""

from typing import Any, Literal

from events.contract import catalog

Sentence = tuple[Literal["info", "attention"], str, str | None]

TOLD = frozenset(
    {
        catalog.SYNC_REQUESTED,
        catalog.SYNC_COMPLETED,
        catalog.OBJECT_DELETED,
        catalog.OBJECT_VOIDED,
        catalog.OBJECT_MERGED,
        catalog.OBJECT_UNREADABLE,
    }
)
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
        case catalog.SYNC_COMPLETED:
            return "info", f"{_MODES[payload.mode]}: {_counted(payload.counts)}.", None
        case catalog.OBJECT_DELETED:
            return "attention", f"{_named(payload)} was deleted in QuickBooks.", None
        case catalog.OBJECT_VOIDED:
            return "attention", f"{_named(payload)} was voided in QuickBooks.", None
        case catalog.OBJECT_MERGED:
            into = f" into {payload.survivor}" if payload.survivor else " into another one"
            return "attention", f"{_named(payload)} was merged{into} in QuickBooks.", None
        case _:
            return (
                "attention",
                f"{_named(payload)} could not be read: {payload.problem}. What was known of it before stays.",
                "Correct it in QuickBooks; if it is right there, report the value to support.",
            )


def _named(payload: Any) -> str:
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in payload.entity)
    return f"{words.strip().capitalize()} {payload.entity_id}"


def _counted(counts: Any) -> str:
    read, changed = sum(each.read for each in counts), sum(each.changed for each in counts)
    return f"{read} objects read, {changed} of them new or changed"
