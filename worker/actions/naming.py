"""A person says which invoice in QuickBooks is a deal's, where QuickBooks does not let it be looked up."""

from typing import Any

from worker.actions.administration import ActionRefused, Administration
from worker.commands.identity import CommandKey, marker, request_id
from worker.commands.outcomes import reference
from worker.quickbooks.client import QuickBooksClient
from worker.quickbooks.errors import Rejected
from worker.quote_to_cash.attempt import Attempt
from worker.quote_to_cash.deal.state import Deal
from worker.quote_to_cash.store import StateStore


async def name_invoice(
    administration: Administration, client: QuickBooksClient, deal_id: str, invoice_id: str
) -> int:
    """Have a deal's invoice be the one that a person named; return the position of the event that says so.

    The invoice is read first: it is the deal's only if it carries its mark, whatever a person says.

    Raises:
        ActionRefused: The outcome of the deal's invoice is known, or the invoice is not there or not the deal's.
        QuickBooksError: QuickBooks did not answer.
    """

    def attempt_of(connection: Any) -> Attempt | None:
        return StateStore(connection, administration.workspace).get(Deal, deal_id).attempt

    attempt = await administration.database.read(attempt_of)
    if attempt is None or not attempt.is_open:
        raise ActionRefused(
            "outcome_known",
            f"{deal_id!r} has no invoice whose outcome is unknown, so there is nothing to link (see q2c explain)",
            "deal",
        )
    try:
        invoice = await client.read(attempt.realm, "Invoice", invoice_id)
    except Rejected as error:
        raise ActionRefused(
            "invoice_not_read",
            f"QuickBooks does not show an invoice {invoice_id!r}: {error.explanation}. Use the txnId in the invoice's address",
            "invoice",
        ) from error
    note = str(invoice.get("PrivateNote") or "")
    if not any(mark in note for mark in _marks(administration.workspace, deal_id, attempt)):
        raise ActionRefused(
            "not_the_deals_invoice",
            f"Invoice {invoice_id} (number {invoice.get('DocNumber') or 'none'}, customer"
            f" {reference(invoice, 'CustomerRef')}) does not carry the mark of {deal_id} in its private note",
            "invoice",
        )
    return await administration.name_invoice(deal_id, str(invoice["Id"]))


def _marks(workspace: str, deal_id: str, attempt: Attempt) -> list[str]:
    generations = range(1, attempt.generation + 1)
    keys = (CommandKey(workspace, deal_id, "create_invoice", 0, generation) for generation in generations)
    return [marker(request_id(attempt.realm, key)) for key in keys]
