"""The integration log: a sentence for each event that finance and admins need to find out why something is missing."""

from collections.abc import Callable
from typing import Any, Literal

import sqlalchemy as sa

from events.contract import catalog
from events.contract.administration import LACKS
from events.contract.docusign import RECEPTION_PROBLEMS, params_of
from events.contract.gates import CUSTOMER_CHANGED, LOOK_UP_REFUSED, REFUSED_COMPANY, filled
from events.log.tables import Position, UtcInstant
from projections import in_step_entries, mapping_entries, rows, sync_entries
from projections.fold import Entries, Written
from projections.projection import Projection
from projections.seen import Happened

Level = Literal["info", "attention"]

VERSION = 2
table = rows.table(
    "integration_log",
    VERSION,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("position", Position, primary_key=True, autoincrement=False),
    sa.Column("at", UtcInstant),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("remedy", sa.Text),
    indexes={"about": ("about", "workspace", "position")},
)
integration_log = rows.live(table)


def _entry(kind: str, payload: Any) -> tuple[Level, str, str | None]:  # noqa: C901, PLR0911, PLR0912 - a sentence a type
    match kind:
        case catalog.CONTRACT_SENT:
            return "info", f"Contract {payload.contract_id} was sent.", None
        case catalog.CONTRACT_SIGNED:
            return "info", f"Contract {payload.contract_id} was signed.", None
        case catalog.CONTRACT_DECLINED:
            return "attention", f"Contract {payload.contract_id} was declined{_why(payload.reason)}.", None
        case catalog.CONTRACT_VOIDED:
            return "attention", f"Contract {payload.contract_id} was voided{_why(payload.reason)}.", None
        case catalog.DEAL_CLOSED_WON:
            return "info", "The deal is Closed Won.", None
        case catalog.DEAL_INVOICE_HELD:
            first, others = payload.gates[0], len(payload.gates) - 1
            more = f" (and {others} more unmet gates)" if others else ""
            return "attention", f"No invoice yet: {first.reason}{more}", first.remedy
        case catalog.INVOICE_REQUESTED:
            return "info", f"{payload.by} requested the invoice by hand.", None
        case catalog.INVOICE_COMMANDED:
            return (
                "info",
                _noted(f"Creating an invoice of {payload.net} {payload.currency} in QuickBooks.", payload),
                None,
            )
        case catalog.INVOICE_CREATED:
            return _invoice_created(payload)
        case catalog.CUSTOMER_REQUESTED:
            return "info", f"{payload.by} asked to create a customer for this account.", None
        case catalog.CUSTOMER_COMMANDED:
            return "info", _noted(f"Creating customer {payload.display_name} in QuickBooks.", payload), None
        case catalog.CUSTOMER_CREATED:
            return "info", f"Created QuickBooks customer {payload.customer_id}, {payload.display_name}.", None
        case catalog.ITEM_REQUESTED:
            return "info", f"{payload.by} asked to create an item for this product.", None
        case catalog.ITEM_COMMANDED:
            return "info", _noted(f"Creating item {payload.name} in QuickBooks.", payload), None
        case catalog.ITEM_CREATED:
            return "info", f"Created QuickBooks item {payload.item_id}, {payload.name}.", None
        case catalog.CUSTOMER_UPDATED:
            name = f", {payload.customer.display_name}" if payload.customer.display_name else ""
            return "info", f"Updated QuickBooks customer {payload.customer_id}{name}.", None
        case catalog.SETTINGS_CHANGED:
            changes = ", ".join(f"{key}={value}" for key, value in sorted(payload.changes.items()))
            return "info", f"{payload.by} set {changes}.", None
        case catalog.DEAD_LETTERS_DISCARDED:
            of = f" of reason {payload.reason}" if payload.reason else ""
            return (
                "info",
                f"{payload.by} discarded {payload.count} dead letters{of}{_why(payload.why)}.",
                None,
            )
        case catalog.ACCESS_CHANGED:
            return "info", _access_changed(payload), None
        case catalog.DOCUSIGN_RECEPTION_CHANGED:
            return _reception(payload)
        case catalog.CONNECTION_AUTHORIZED:
            return "info", _connected(payload), None
        case catalog.CONNECTION_AWAITED:
            return "info", _awaited(payload), None
        case catalog.CONNECTION_REFUSED:
            return (
                "attention",
                f"QuickBooks company {payload.realm} was not connected: {payload.reason}",
                "Start again with q2c connect.",
            )
        case catalog.CONNECTION_EXPIRED:
            return (
                "attention",
                f"QuickBooks no longer accepts the connection: {payload.reason}",
                "Connect again.",
            )
        case catalog.CONNECTION_DISCONNECTED:
            return "attention", _disconnected(payload), "To continue, connect again with q2c connect."
        case catalog.CONNECTION_ALARM_RAISED:
            return _alarm_raised(payload)
        case catalog.CONNECTION_ALARM_CLEARED:
            return "info", "The connection to QuickBooks no longer ends soon.", None
        case catalog.COMPANY_OBSERVED:
            return (
                "info",
                f"Read the QuickBooks company {payload.company_name} ({payload.home_currency}).",
                None,
            )
        case catalog.CUSTOMER_OBSERVED:
            name = f" {payload.display_name}" if payload.display_name else ""
            return _looked_up(payload, f"customer {payload.customer_id}{name}")
        case catalog.ITEM_OBSERVED:
            return _looked_up(payload, f"item {payload.item_id}{f' {payload.name}' if payload.name else ''}")
        case catalog.READING_FAILED:
            what = _spoken(payload.kind)
            return "attention", f"Failed to {what}; it is retried: {payload.message}", None
        case catalog.COMPANY_REFUSED:
            words = REFUSED_COMPANY[payload.gate]
            return "attention", words.reason_with({"message": payload.message}), words.remedy
        case catalog.COMPANY_SERVED:
            return "info", "QuickBooks accepts requests for the company again.", None
        case catalog.INVOICE_NAMED:
            return (
                "info",
                f"{payload.by} linked invoice {payload.invoice_id}, which carries the deal's mark.",
                None,
            )
        case catalog.COMMAND_REJECTED if payload.gate == CUSTOMER_CHANGED:
            return "info", "The customer was changed in QuickBooks meanwhile: it is read again.", None
        case catalog.COMMAND_REJECTED:
            return "attention", f"QuickBooks refused to {_spoken(payload.kind)}: {payload.message}", None
        case _:
            refused = payload.look_up_refused
            why = f" ({payload.message})" if refused else ""
            return (
                "attention",
                f"The answer to {_spoken(payload.kind)} was lost: it is looked up before it is sent again{why}.",
                LOOK_UP_REFUSED.remedy if refused and payload.kind == "create_invoice" else None,
            )


def _connected(payload: Any) -> str:
    plan = f", {payload.plan}" if payload.plan else ""
    company = f"QuickBooks company {payload.realm}{plan}"
    said = [
        f"{payload.by or 'A person'} connected {payload.company} ({company})."
        if payload.company
        else f"Connected to {company}."
    ]
    if payload.instead_of:
        said.append(f"It replaces QuickBooks company {payload.instead_of}, whose tokens are revoked.")
    return " ".join((*said, *(f"{LACKS[limit]}." for limit in payload.lacks)))


def _disconnected(payload: Any) -> str:
    company = f"QuickBooks company {payload.realm}"
    named = f"{payload.company} ({company})" if payload.company else company
    return f"{payload.by} disconnected {named}{_why(payload.why)}. Nothing is read or written there, and deals wait."


def _alarm_raised(payload: Any) -> tuple[Level, str, str | None]:
    until = f"{payload.expires_at:%Y-%m-%d %H:%M} UTC"
    if payload.alarm == "hard_expires":
        return (
            "attention",
            f"Intuit ends the connection on {until}: a consent lasts five years at most.",
            "Ask an admin of the company to connect it again before, with q2c connect; every mapping is kept.",
        )
    return (
        "attention",
        f"The connection ends on {until}: its tokens could not be refreshed for a long time.",
        "Check that a worker with the role dispatch runs and reaches Intuit, or connect again with q2c connect.",
    )


def _awaited(payload: Any) -> str:
    return (
        f"QuickBooks has not answered yet for company {payload.realm}: the request is retried until"
        f" {payload.until:%Y-%m-%d %H:%M} UTC; then the connection is given up."
    )


def _invoice_created(payload: Any) -> tuple[Level, str, str | None]:
    number = f" {payload.doc_number}" if payload.doc_number else ""
    found = ", found by its mark after its answer was lost" if payload.adopted else ""
    message = f"Invoice{number} of {payload.total} {payload.currency} is in QuickBooks{found}."
    if payload.expected is None:
        return "info", message, None
    return (
        "attention",
        f"{message} Its total before tax is {payload.net}; the quote says {payload.expected}.",
        "Compare the invoice in QuickBooks with the quote.",
    )


def _looked_up(seen: Any, name: str) -> tuple[Level, str, str | None]:
    if not seen.exists:
        return "attention", f"QuickBooks has no {name}.", "Map to an existing one."
    if not seen.active:
        return (
            "attention",
            f"QuickBooks {name} is inactive.",
            "Activate it in QuickBooks, or map to another one.",
        )
    return "info", f"Read QuickBooks {name.removesuffix('.')}.", None


def _noted(sentence: str, payload: Any) -> str:
    """Append the notes about data that QuickBooks does not get, or gets changed."""
    return " ".join((sentence, *payload.notes))


def _access_changed(payload: Any) -> str:
    which = f"{payload.number} ({payload.hint})"
    done = {
        "token_added": f"added API token {which}",
        "token_revoked": f"revoked API token {which}",
        "docusign_key_added": f"added DocuSign's key {which}",
        "docusign_key_removed": f"removed DocuSign's key {which}",
        "docusign_refusals_seen": "marked DocuSign's refused messages as sent again",
    }
    return f"{payload.by} {done[payload.change]}."


def _reception(payload: Any) -> tuple[Level, str, str | None]:
    trouble = RECEPTION_PROBLEMS.get(payload.reason or "")
    if trouble is None:
        return "info", "Messages from DocuSign are accepted again.", None
    said = filled(trouble.sentence, params_of(payload))
    return "attention", said[0].upper() + said[1:], trouble.remedy


def _why(reason: str | None) -> str:
    return f": {reason}" if reason else ""


def _spoken(kind: str) -> str:
    return kind.replace("_", " the ", 1)


def _row(event: Happened) -> Written | None:
    if event.type in _READ and not event.payload.reading:
        return None  # sync observes every customer and item
    said = _SENTENCES.get(event.type, _entry)(event.type, event.payload)
    return (
        None
        if said is None
        else (event.workspace, event.position, event.time, said[0], event.stream, *said[1:])
    )


_SENTENCES: dict[str, Callable[[str, Any], tuple[Level, str, str | None] | None]] = {
    **dict.fromkeys(mapping_entries.TOLD, mapping_entries.sentence),
    **dict.fromkeys(in_step_entries.TOLD, in_step_entries.sentence),
    **dict.fromkeys(sync_entries.TOLD, sync_entries.sentence),
}
_READ = frozenset({catalog.CUSTOMER_OBSERVED, catalog.ITEM_OBSERVED})
_TOLD = frozenset(
    {
        *_SENTENCES,
        catalog.CONTRACT_SENT,
        catalog.CONTRACT_SIGNED,
        catalog.CONTRACT_DECLINED,
        catalog.CONTRACT_VOIDED,
        catalog.DEAL_CLOSED_WON,
        catalog.DEAL_INVOICE_HELD,
        catalog.INVOICE_REQUESTED,
        catalog.INVOICE_COMMANDED,
        catalog.INVOICE_CREATED,
        catalog.CUSTOMER_REQUESTED,
        catalog.CUSTOMER_COMMANDED,
        catalog.CUSTOMER_CREATED,
        catalog.ITEM_REQUESTED,
        catalog.ITEM_COMMANDED,
        catalog.ITEM_CREATED,
        catalog.CUSTOMER_UPDATED,
        catalog.SETTINGS_CHANGED,
        catalog.DEAD_LETTERS_DISCARDED,
        catalog.ACCESS_CHANGED,
        catalog.DOCUSIGN_RECEPTION_CHANGED,
        catalog.CONNECTION_AUTHORIZED,
        catalog.CONNECTION_AWAITED,
        catalog.CONNECTION_REFUSED,
        catalog.CONNECTION_EXPIRED,
        catalog.CONNECTION_DISCONNECTED,
        catalog.CONNECTION_ALARM_RAISED,
        catalog.CONNECTION_ALARM_CLEARED,
        catalog.COMPANY_OBSERVED,
        catalog.CUSTOMER_OBSERVED,
        catalog.ITEM_OBSERVED,
        catalog.READING_FAILED,
        catalog.COMPANY_REFUSED,
        catalog.COMPANY_SERVED,
        catalog.INVOICE_NAMED,
        catalog.COMMAND_REJECTED,
        catalog.COMMAND_UNCERTAIN,
    }
)

INTEGRATION_LOG = Projection("integration_log", VERSION, (Entries(table, _TOLD, _row),))
