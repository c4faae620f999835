"""What holds for a whole workspace: what it chose, and the QuickBooks company behind it."""

from functools import cached_property
from typing import ClassVar

from msgspec import field

from events.contract.administration import ConnectionAuthorized
from events.contract.docusign import DocusignReceptionChanged
from events.contract.quickbooks import CompanyObserved, CompanyRefused, Named
from worker.quote_to_cash.view import WORKSPACE, State
from worker.workspaces.settings import Settings, settings_of

HOME_OF_SALES_TAX = "US"


class WorkspaceState(State, frozen=True, dict=True):
    """What holds for a whole workspace: settings, the connection, the company behind it.

    `refused` is set while QuickBooks refuses whatever is asked of the company, `docusign` while DocuSign's messages are
    not taken, or none come. `mapped_before` are the streams of what was mapped before any company was connected.
    `instants` are defaults of settings: when another setting was first switched on.
    """

    kind: ClassVar[str] = WORKSPACE

    chosen: dict[str, str] = field(default_factory=dict)
    instants: dict[str, str] = field(default_factory=dict)
    connection: ConnectionAuthorized | None = None
    authorizations: int = 0
    expired: bool = False
    company: CompanyObserved | None = None
    reads_wanted: int = 0
    mapped_before: tuple[str, ...] = ()

    reads_commanded: int = 0
    read_problem: str | None = None
    refused: CompanyRefused | None = None
    docusign: DocusignReceptionChanged | None = None

    @cached_property
    def settings(self) -> Settings:
        """The settings that hold: those that a person chose, and the defaults of this workspace."""
        return settings_of(self.defaults, self.chosen)

    @property
    def defaults(self) -> dict[str, str]:
        """The defaults that are this workspace's own; the time zone is the one that the company's address gives."""
        zone = self.company.time_zone if self.company else None
        return {**self.instants, "time_zone": zone} if zone else self.instants

    @property
    def reasons(self) -> dict[str, str]:
        """Where a default of this workspace is from, or why there is none, by setting."""
        reason = self.company.time_zone_reason if self.company else None
        return {"time_zone": reason} if reason else {}

    @property
    def realm(self) -> str | None:
        """The QuickBooks company that is connected, or was last."""
        return self.connection.realm if self.connection else None


def sales_tax(company: CompanyObserved) -> bool:
    """Say whether the company's lines are taxable or not (US), rather than of a tax code each."""
    return company.country == HOME_OF_SALES_TAX


def named(choices: tuple[Named, ...], wanted: str) -> Named | None:
    """Find a term, tax code or account by its name, whatever the case, or by its id."""
    folded = wanted.strip().casefold()
    by_name = (choice for choice in choices if choice.name.casefold() == folded)
    by_id = (choice for choice in choices if choice.id == wanted)
    return next(by_name, None) or next(by_id, None)


def income_account_of(workspace: WorkspaceState) -> str | None:
    """Return the id of the account that new items earn into, if it is chosen and exists."""
    wanted = workspace.settings.income_account
    if workspace.company is None or wanted is None:
        return None
    found = named(workspace.company.income_accounts, wanted)
    return found.id if found else None
