"""The state of a workspace itself: its settings, its connection, and its QuickBooks company."""

from datetime import datetime
from functools import cached_property
from typing import ClassVar

from msgspec import field

from events.contract.administration import ConnectionAuthorized
from events.contract.docusign import DocusignReceptionChanged
from events.contract.quickbooks import CompanyObserved, CompanyRefused, Named
from events.contract.unmatched import OfferingChanged
from worker.quote_to_cash.view import WORKSPACE, State
from worker.workspaces.kinds import HOLD, OFF, REAL_TIME, time_of_day
from worker.workspaces.settings import SYNCED, Settings, rule_of, settings_of

HOME_OF_SALES_TAX = "US"


class WorkspaceState(State, frozen=True, dict=True):
    """The state of a workspace: settings, connection and company.

    Attributes:
        chosen: The settings that a person chose, as stored text.
        default_item_realm: The company in which the default item of unmapped products was chosen; None if none was
            connected yet.
        instants: Defaults of settings that are the instant at which another setting was first switched on.
        connection: The last connection.
        authorizations: How many connections there were.
        expired: Whether the connection has expired.
        disconnected: Whether a person has disconnected the company.
        company: The company as it was last read.
        reads_wanted: How many readings of the company were requested.
        mapped_before: The streams of accounts and products that were mapped before any company was connected.
        being_read: The companies of which every customer is being read for the first time.
        reads_commanded: The number of the last commanded reading.
        read_problem: The error of the last reading, if it failed.
        refused: Set while QuickBooks refuses every request for the company.
        docusign: Set while DocuSign's messages are refused, incomplete or missing.
        offering: The last fact about whether customers are offered to the CRM.
        batches_since: The instant after which the next batch is due: that of the last batch, or when the present schedule
            of batches began to apply. None if the sync was always in real time.
    """

    kind: ClassVar[str] = WORKSPACE

    chosen: dict[str, str] = field(default_factory=dict)
    default_item_realm: str | None = None
    instants: dict[str, str] = field(default_factory=dict)
    connection: ConnectionAuthorized | None = None
    authorizations: int = 0
    expired: bool = False
    disconnected: bool = False
    company: CompanyObserved | None = None
    reads_wanted: int = 0
    mapped_before: tuple[str, ...] = ()
    being_read: tuple[str, ...] = ()

    reads_commanded: int = 0
    read_problem: str | None = None
    refused: CompanyRefused | None = None
    docusign: DocusignReceptionChanged | None = None
    batches_since: datetime | None = None
    offering: OfferingChanged | None = None

    @cached_property
    def settings(self) -> Settings:
        """The current settings: a person's choices over this workspace's defaults."""
        return settings_of(self.defaults, self.chosen)

    @property
    def defaults(self) -> dict[str, str]:
        """This workspace's own defaults; the default time zone follows from the company's address."""
        zone = self.company.time_zone if self.company else None
        return {**self.instants, "time_zone": zone} if zone else self.instants

    @property
    def reasons(self) -> dict[str, str]:
        """The source of each of this workspace's defaults, or why there is none, by setting."""
        reason = self.company.time_zone_reason if self.company else None
        return {"time_zone": reason} if reason else {}

    @property
    def schedule(self) -> tuple[str, str | None] | None:
        """The frequency of batches, and the time zone by which they are daily; None in real time."""
        frequency, zone = self.settings.sync_frequency, self.settings.time_zone
        return None if frequency == REAL_TIME else (frequency, zone if time_of_day(frequency) else None)

    @property
    def is_connected(self) -> bool:
        """Whether requests can be sent to the company."""
        return self.connection is not None and not self.expired and not self.disconnected

    @property
    def creates_customers(self) -> tuple[str, str | None]:
        """The rule that creates the customers of unmapped accounts now, and the company; `hold` while none can be created."""
        rule = self.settings.unmapped_account_rule
        can_create = self.is_connected and self.company is not None and self.realm not in self.being_read
        return (rule, self.realm) if can_create else (HOLD, None)

    @property
    def in_step(self) -> tuple[object, ...]:
        """All that says how accounts and customers are kept in step now; empty while they can't be."""
        settings = self.settings
        if not self.is_connected or settings.paused or settings.customer_sync == OFF:
            return (settings.customer_sync,)
        company = (self.company.terms, self.company.home_currency) if self.company else None
        return (settings.customer_sync, self.realm, company, *(rule_of(settings, name) for name in SYNCED))

    @property
    def realm(self) -> str | None:
        """The connected QuickBooks company, or the last one that was."""
        return self.connection.realm if self.connection else None


def sales_tax(company: CompanyObserved) -> bool:
    """Return whether the company marks lines as taxable or not (US), instead of giving each a tax code."""
    return company.country == HOME_OF_SALES_TAX


def named(choices: tuple[Named, ...], wanted: str) -> Named | None:
    """Find a term, tax code or account by its name, in any case, or by its ID."""
    folded = wanted.strip().casefold()
    by_name = (choice for choice in choices if choice.name.casefold() == folded)
    by_id = (choice for choice in choices if choice.id == wanted)
    return next(by_name, None) or next(by_id, None)


def income_account_of(workspace: WorkspaceState) -> str | None:
    """Return the ID of the income account of new items; None if none is chosen, or it does not exist."""
    wanted = workspace.settings.income_account
    if workspace.company is None or wanted is None:
        return None
    found = named(workspace.company.income_accounts, wanted)
    return found.id if found else None
