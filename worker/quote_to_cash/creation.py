"""Checks of a customer or item that a person requested: may it be created, is its name valid, what does it wait for."""

from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.texts import Fitter


class CannotCreate(Exception):
    """The requested object would not be created; the message has the reason and the remedy."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def may_be_created(subject: Account | Product, realm: str) -> bool:
    """Return whether the last request is still unanswered; an open command to another company does not count."""
    attempt = subject.attempt
    if attempt is not None and attempt.is_open and attempt.realm == realm:
        return False
    return subject.is_unanswered


def company_waits_for(workspace: WorkspaceState) -> str | None:
    """Return the state of the company that a creation waits for, as a clause; None if it waits for none."""
    if not workspace.is_connected:
        return "QuickBooks is connected (q2c connect)"
    return None if workspace.company is not None else "the QuickBooks company has been read"


def check_name(name: str | None, characters_max: int) -> None:
    """Check that a name is valid in QuickBooks.

    Raises:
        CannotCreate: The name is invalid.
    """
    if name is not None and Fitter().name("The name", name, characters_max, "") != name:
        raise CannotCreate(
            "name_invalid",
            f"A name in QuickBooks has at most {characters_max} characters, and no colon, tab, line break, double space"
            f" or space at an end: not {name!r}",
        )
