"""What a person asked to create: whether it may be, which name QuickBooks takes, what it waits for."""

from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.customers.state import Account
from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.texts import Fitter


class CannotCreate(Exception):
    """What was asked for would not be created; the message says why, and what to do instead."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def may_be_created(subject: Account | Product, realm: str) -> bool:
    """Say whether no command answers what was asked for last; one to another company is not in the way."""
    attempt = subject.attempt
    if attempt is not None and attempt.is_open and attempt.realm == realm:
        return False
    return subject.is_unanswered


def company_waits_for(workspace: WorkspaceState) -> str | None:
    """Say what of the company anything is created after, if that is so."""
    if workspace.connection is None or workspace.expired:
        return "QuickBooks is connected (q2c connect)"
    return None if workspace.company is not None else "the QuickBooks company has been read"


def check_name(name: str | None, characters_max: int) -> None:
    """Look whether QuickBooks takes a name.

    Raises:
        CannotCreate: It does not.
    """
    if name is not None and Fitter().name("The name", name, characters_max, "") != name:
        raise CannotCreate(
            "name_invalid",
            f"A name in QuickBooks has at most {characters_max} characters, and no colon, tab, line break, double space"
            f" or space at an end: not {name!r}",
        )
