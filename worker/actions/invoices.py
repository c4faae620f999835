"""A deal's invoice by hand: request it, or name the deal's invoice in QuickBooks if the look-up has no answer."""

from typing import Any

import sqlalchemy as sa

from events.contract import catalog
from events.contract.administration import InvoiceNamed, InvoiceRequested
from events.contract.envelope import Event
from events.log import log
from worker.actions.admin import ActionRefused, Admin
from worker.commands.entities import reference
from worker.commands.identity import CommandKey, marker, request_id
from worker.commands.kinds import create_invoice
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import Rejected
from worker.quote_to_cash.attempt import Attempt
from worker.quote_to_cash.deal.state import WHOLE, Deal
from worker.quote_to_cash.nearest import nearest, sentence
from worker.quote_to_cash.store import StateStore


class DealUnknown(ActionRefused):
    """No event has named the deal."""


async def request_invoice(admin: Admin, deal_id: str) -> int:
    """Request a deal's invoice.

    Raises:
        DealUnknown: No event has named the deal; requesting its invoice would create the deal.
        ActionRefused: The deal's invoice exists, or may exist: a request would change nothing.
    """

    def check(connection: sa.Connection, requested: Event) -> None:
        part = StateStore(connection, admin.workspace).get(Deal, deal_id).part(WHOLE)
        if part.invoice is not None:
            raise ActionRefused("invoice_exists", f"{deal_id} already has invoice {part.invoice.invoice_id}")
        if part.attempt is not None and part.attempt.status == "uncertain":
            raise ActionRefused(
                "outcome_uncertain",
                f"The invoice of {deal_id} was sent and may be in QuickBooks: it is created again only after QuickBooks"
                f" answers that it does not exist (q2c explain {deal_id}). If you find it in QuickBooks, name it"
                f" (q2c invoice {deal_id} --is ID)",
            )
        if not log.read(connection, after=0, limit=1, workspace=requested.workspace, stream=requested.stream):
            found = nearest(connection, requested.workspace, deal_id)
            raise DealUnknown("deal_unknown", f"No event has named a deal {deal_id!r}.{sentence(found)}")

    return await admin.say(catalog.INVOICE_REQUESTED, InvoiceRequested(deal_id, admin.by), check)


async def name_invoice(admin: Admin, client: QuickBooksClient, deal_id: str, invoice_id: str) -> int:
    """Link an invoice in QuickBooks to its deal; return the position of the event.

    The invoice is read first: it belongs to the deal only if its private note has the mark of the deal's command.

    Raises:
        ActionRefused: The outcome of the deal's command is known, or QuickBooks has no such invoice, or it does not
            belong to the deal.
        QuickBooksError: QuickBooks did not answer.
    """

    def attempt_of(connection: sa.Connection) -> Attempt | None:
        return StateStore(connection, admin.workspace).get(Deal, deal_id).part(WHOLE).attempt

    attempt = await admin.database.read(attempt_of)
    if attempt is None or not attempt.is_open:
        raise ActionRefused(
            "outcome_known",
            f"{deal_id!r} has no invoice whose outcome is unknown, so there is nothing to link (see q2c explain)",
            "deal",
        )
    invoice = await _read(client, attempt.realm, invoice_id)
    note = str(invoice.get("PrivateNote") or "")
    if not any(mark in note for mark in _marks(admin.workspace, deal_id, attempt)):
        raise ActionRefused(
            "not_the_deals_invoice",
            f"Invoice {invoice_id} (number {invoice.get('DocNumber') or 'none'}, customer"
            f" {reference(invoice, 'CustomerRef')}) does not carry the mark of {deal_id} in its private note",
            "invoice",
        )
    named = InvoiceNamed(deal_id, str(invoice["Id"]), admin.by)
    return await admin.say(catalog.INVOICE_NAMED, named)


async def _read(client: QuickBooksClient, realm: str, invoice_id: str) -> dict[str, Any]:
    try:
        return await client.read(realm, "Invoice", invoice_id)
    except Rejected as error:
        raise ActionRefused(
            "invoice_not_read",
            f"QuickBooks does not show an invoice {invoice_id!r}: {error.explanation}. Use the txnId in the invoice's address",
            "invoice",
        ) from error


def _marks(workspace: str, deal_id: str, attempt: Attempt) -> list[str]:
    kind, generations = create_invoice.KIND, range(1, attempt.generation + 1)
    keys = (CommandKey(workspace, kind.subject(deal_id), kind.name, 0, number) for number in generations)
    return [marker(request_id(attempt.realm, key)) for key in keys]
