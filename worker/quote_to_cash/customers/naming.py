"""The names of accounts and customers in sentences, and the reasons of refused creations."""

from events.contract.quickbooks import Holder
from worker.quote_to_cash.attempt import Attempt
from worker.quote_to_cash.customers.holders import holders
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.texts import shown
from worker.quote_to_cash.view import View


def account_name(view: View, account_id: str, more: str = "") -> str:
    """Return an account's name in the CRM with its ID."""
    known_as = view.get(Account, account_id).latest
    return f"{shown(known_as.name)} ({account_id}{more})" if known_as else f"{account_id}{more}"


def holder_name(view: View, realm: str, holder: Holder) -> str:
    """Return the description of the object that has a name, with the accounts that are mapped to it."""
    told = f"{holder.entity.lower()} {holder.id} ({holder.name}{'' if holder.active else ', inactive'})"
    accounts = list(holders(view, "", holder.id, realm, None)) if holder.entity == "Customer" else []
    if not accounts:
        return told
    return f"{told}, mapped to account {', '.join(account_name(view, account) for account in accounts)},"


def refusal(view: View, attempt: Attempt | None) -> str:
    """Return why a requested object was not created, to be appended to a name; an empty text if it was not refused."""
    if attempt is not None and attempt.status == "rejected":
        holder = attempt.holder
        why = (
            f"{holder_name(view, attempt.realm, holder)} already has the name" if holder else attempt.message
        )
        return f"; creating it was refused: {why}"
    if attempt is not None and attempt.status == "uncertain":
        return f"; it is not known yet whether it was created: {attempt.message}"
    return ""
