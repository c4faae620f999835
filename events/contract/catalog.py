"""The catalog of event types: name, data, stream, direction and topic of each."""

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from events.contract import (
    administration,
    announcements,
    contracts,
    crm,
    docusign,
    in_step,
    json,
    matching,
    observed,
    quickbooks,
    reviewing,
    unmatched,
)
from events.contract.unmatched import ACCOUNT_CREATED_FROM_CUSTOMER as OFFERED
from events.contract.values import Fact
from events.errors import InvalidEvent, UnreadableEvent

PREFIX = "com.coeffection."
SYNC_CLOCK = "clock/sync"  # the stream of the instants at which a workspace's sync is due

DEALS = "crm.deals.v1"
ACCOUNTS = "crm.accounts.v1"
CONTRACTS = "docusign.contracts.v1"
CHANGES = "quickbooks.changes.v1"
DEAL_UPDATES = "crm.deal-updates.v1"
ACCOUNT_UPDATES = "crm.account-updates.v1"
REVENUE = "reporting.revenue.v1"


class EventType(Struct, frozen=True):
    """A type of event.

    `stream` returns the stream of a payload, such as `deal/D-17`: events of one stream keep their order everywhere.
    `direction` is `in` for events from producers, `out` for events to consumers, `own` for all others.
    `key` returns the key on the topic for a workspace and a payload; without it, the key follows from the stream.
    """

    name: str
    payload: type[Fact]
    stream: Callable[[Any], str]
    direction: Literal["in", "out", "own"] = "own"
    topic: str | None = None
    key: Callable[[str, Any], str] | None = None

    def subject(self, payload: Any) -> str:
        """Return the subject of a payload, which is its stream without the kind: `D-17`."""
        stream = self.stream(payload)
        return key_of(stream) or stream

    def partition_key(self, workspace: str, payload: Any) -> str:
        """Return the key on the topic: events of one key keep their order, and a compacted topic keeps the last one."""
        if self.key is not None:
            return self.key(workspace, payload)
        return f"{workspace}/{self.subject(payload)}"


def _always(stream: str) -> Callable[[Any], str]:
    return lambda _: stream


_workspace = _always("workspace")
_clock = _always("clock")
_sync_clock = _always(SYNC_CLOCK)
_dead_letters = _always("dead-letters")
_access = _always("access")
_docusign = _always("docusign")


def _deal(payload: Any) -> str:
    return f"deal/{payload.deal_id}"


def _account(payload: Any) -> str:
    return f"account/{payload.account_id}"


def _product(payload: Any) -> str:
    return f"product/{payload.product_id}"


def _entity(payload: Any) -> str:
    return f"quickbooks/{payload.realm}/{payload.entity}/{payload.entity_id}"


def _entity_key(workspace: str, payload: Any) -> str:
    return f"{workspace}/{payload.entity}/{payload.entity_id}"


def _invoice(payload: Any) -> str:
    return f"invoice/{payload.realm}/{payload.invoice_id}"


def _invoice_key(_: str, payload: Any) -> str:
    return f"{payload.realm}/{payload.invoice_id}"


def _customer(payload: Any) -> str:
    return customer_stream(payload.realm, payload.customer_id)


def _item(payload: Any) -> str:
    return item_stream(payload.realm, payload.item_id)


def _object(payload: Any) -> str:
    return object_stream(payload.realm, payload.entity, payload.entity_id)


def _observed(entity: str) -> Callable[[Any], str]:
    kind = KINDS[entity]
    name = f"{kind.replace('-', '_')}_id"
    return lambda payload: object_stream(payload.realm, entity, getattr(payload, name))


def _command(payload: Any) -> str:
    stream: str = payload.subject
    return stream


def key_of(stream: str) -> str:
    """Return a stream's name without the kind, such as `D-17` of `deal/D-17`."""
    return stream.partition("/")[2]


def customer_stream(realm: str, customer_id: str) -> str:
    """Return the stream of a QuickBooks customer; its ID is unique only within its company."""
    return f"customer/{realm}/{customer_id}"


def item_stream(realm: str, item_id: str) -> str:
    """Return the stream of a QuickBooks item."""
    return f"item/{realm}/{item_id}"


def object_stream(realm: str, entity: str, entity_id: str) -> str:
    """Return the stream of an object in QuickBooks, such as `payment/4620816365/17`; `entity` is such as Payment."""
    kind = KINDS.get(entity)
    return f"{kind}/{realm}/{entity_id}" if kind else f"quickbooks/{realm}/{entity}/{entity_id}"


# The kinds of the streams of observed objects, by QuickBooks' names of their entities.
KINDS = {
    "Account": "ledger-account",
    "CreditMemo": "credit-memo",
    "Customer": "customer",
    "Employee": "employee",
    "Invoice": "invoice",
    "Item": "item",
    "Payment": "payment",
    "RefundReceipt": "refund-receipt",
    "SalesReceipt": "sales-receipt",
    "TaxCode": "tax-code",
    "TaxRate": "tax-rate",
    "Term": "term",
    "Vendor": "vendor",
}

DEAL_UPDATED = f"{PREFIX}deal.updated.v1"
ACCOUNT_UPDATED = f"{PREFIX}account.updated.v1"
CONTRACT_SENT = f"{PREFIX}contract.sent.v1"
CONTRACT_DELIVERED = f"{PREFIX}contract.delivered.v1"
CONTRACT_SIGNED = f"{PREFIX}contract.signed.v1"
CONTRACT_DECLINED = f"{PREFIX}contract.declined.v1"
CONTRACT_VOIDED = f"{PREFIX}contract.voided.v1"
QUICKBOOKS_CHANGED = f"{PREFIX}quickbooks.changed.v1"

SETTINGS_CHANGED = f"{PREFIX}settings.changed.v1"
ACCOUNT_MAPPED = f"{PREFIX}account.mapped.v1"
CUSTOMER_REQUESTED = f"{PREFIX}account.customer-requested.v1"
PRODUCT_MAPPED = f"{PREFIX}product.mapped.v1"
ITEM_REQUESTED = f"{PREFIX}product.item-requested.v1"
INVOICE_REQUESTED = f"{PREFIX}deal.invoice-requested.v1"
INVOICE_NAMED = f"{PREFIX}deal.invoice-named.v1"
CONNECTION_AUTHORIZED = f"{PREFIX}connection.authorized.v1"
CONNECTION_AWAITED = f"{PREFIX}connection.awaited.v1"
CONNECTION_REFUSED = f"{PREFIX}connection.refused.v1"
CONNECTION_EXPIRED = f"{PREFIX}connection.expired.v1"
CONNECTION_DISCONNECTED = f"{PREFIX}connection.disconnected.v1"
CONNECTION_ALARM_RAISED = f"{PREFIX}connection.alarm-raised.v1"
CONNECTION_ALARM_CLEARED = f"{PREFIX}connection.alarm-cleared.v1"
DAY_BEGAN = f"{PREFIX}clock.day-began.v1"
SYNC_DUE = f"{PREFIX}clock.sync-due.v1"
DEAD_LETTERS_DISCARDED = f"{PREFIX}dead-letters.discarded.v1"
ACCESS_CHANGED = f"{PREFIX}access.changed.v1"
DOCUSIGN_RECEPTION_CHANGED = f"{PREFIX}docusign.reception-changed.v1"

COMPANY_OBSERVED = f"{PREFIX}company.observed.v1"
CUSTOMER_OBSERVED = f"{PREFIX}customer.observed.v1"
ITEM_OBSERVED = f"{PREFIX}item.observed.v1"
VENDOR_OBSERVED = f"{PREFIX}vendor.observed.v1"
EMPLOYEE_OBSERVED = f"{PREFIX}employee.observed.v1"
LEDGER_ACCOUNT_OBSERVED = f"{PREFIX}ledger-account.observed.v1"
TERM_OBSERVED = f"{PREFIX}term.observed.v1"
TAX_CODE_OBSERVED = f"{PREFIX}tax-code.observed.v1"
TAX_RATE_OBSERVED = f"{PREFIX}tax-rate.observed.v1"
INVOICE_OBSERVED = f"{PREFIX}invoice.observed.v1"
PAYMENT_OBSERVED = f"{PREFIX}payment.observed.v1"
CREDIT_MEMO_OBSERVED = f"{PREFIX}credit-memo.observed.v1"
SALES_RECEIPT_OBSERVED = f"{PREFIX}sales-receipt.observed.v1"
REFUND_RECEIPT_OBSERVED = f"{PREFIX}refund-receipt.observed.v1"
OBJECT_DELETED = f"{PREFIX}quickbooks.deleted.v1"
OBJECT_VOIDED = f"{PREFIX}quickbooks.voided.v1"
OBJECT_MERGED = f"{PREFIX}quickbooks.merged.v1"
OBJECT_UNREADABLE = f"{PREFIX}quickbooks.unreadable.v1"
SYNC_REQUESTED = f"{PREFIX}sync.requested.v1"
SYNC_BEGAN = f"{PREFIX}sync.began.v1"
SYNC_COMPLETED = f"{PREFIX}sync.completed.v1"
READING_FAILED = f"{PREFIX}reading.failed.v1"
INVOICE_CREATED = f"{PREFIX}invoice.created.v1"
CUSTOMER_CREATED = f"{PREFIX}customer.created.v1"
ITEM_CREATED = f"{PREFIX}item.created.v1"
CUSTOMER_UPDATED = f"{PREFIX}quickbooks.customer.updated.v1"
COMMAND_REJECTED = f"{PREFIX}command.rejected.v1"
COMMAND_UNCERTAIN = f"{PREFIX}command.uncertain.v1"
COMPANY_REFUSED = f"{PREFIX}company.refused.v1"
COMPANY_SERVED = f"{PREFIX}company.served.v1"

COMPANY_READ_COMMANDED = f"{PREFIX}company.read-commanded.v1"
READ_COMMANDED = f"{PREFIX}quickbooks.read-commanded.v1"
CUSTOMER_COMMANDED = f"{PREFIX}account.customer-commanded.v1"
ITEM_COMMANDED = f"{PREFIX}product.item-commanded.v1"
INVOICE_COMMANDED = f"{PREFIX}invoice.commanded.v1"
DEAL_STAGE_CHANGED = f"{PREFIX}deal.stage-changed.v1"
DEAL_GATES_CHANGED = f"{PREFIX}deal.gates-changed.v1"

DEAL_CLOSED_WON = f"{PREFIX}deal.closed-won.v1"
DEAL_INVOICED = f"{PREFIX}deal.invoiced.v1"
DEAL_INVOICE_HELD = f"{PREFIX}deal.invoice-held.v1"
CUSTOMER_LINKED = f"{PREFIX}account.customer-linked.v1"
INVOICE_STATE = f"{PREFIX}invoice.state.v1"

_ALL = (
    EventType(DEAL_UPDATED, crm.DealUpdated, _deal, "in", DEALS),
    EventType(ACCOUNT_UPDATED, crm.AccountUpdated, _account, "in", ACCOUNTS),
    *(
        EventType(name, contracts.ContractChanged, _deal, "in", CONTRACTS)
        for name in (
            CONTRACT_SENT,
            CONTRACT_DELIVERED,
            CONTRACT_SIGNED,
            CONTRACT_DECLINED,
            CONTRACT_VOIDED,
        )
    ),
    EventType(QUICKBOOKS_CHANGED, quickbooks.Changed, _entity, "in", CHANGES, _entity_key),
    EventType(SETTINGS_CHANGED, administration.SettingsChanged, _workspace),
    EventType(ACCOUNT_MAPPED, administration.AccountMapped, _account),
    EventType(CUSTOMER_REQUESTED, administration.CustomerRequested, _account),
    *(EventType(name, of, _account) for name, of in (reviewing.OF_ACCOUNTS | in_step.OF_PAIRS).items()),
    *(EventType(name, payload, _product) for name, payload in reviewing.OF_PRODUCTS.items()),
    EventType(matching.MAPPINGS_COMPARED, matching.MappingsCompared, _workspace),
    EventType(PRODUCT_MAPPED, administration.ProductMapped, _product),
    EventType(ITEM_REQUESTED, administration.ItemRequested, _product),
    EventType(INVOICE_REQUESTED, administration.InvoiceRequested, _deal),
    EventType(INVOICE_NAMED, administration.InvoiceNamed, _deal),
    EventType(CONNECTION_AUTHORIZED, administration.ConnectionAuthorized, _workspace),
    EventType(CONNECTION_AWAITED, administration.ConnectionAwaited, _workspace),
    EventType(CONNECTION_REFUSED, administration.ConnectionRefused, _workspace),
    EventType(CONNECTION_EXPIRED, administration.ConnectionExpired, _workspace),
    EventType(CONNECTION_DISCONNECTED, administration.ConnectionDisconnected, _workspace),
    EventType(CONNECTION_ALARM_RAISED, administration.ConnectionAlarmRaised, _workspace),
    EventType(CONNECTION_ALARM_CLEARED, administration.ConnectionAlarmCleared, _workspace),
    EventType(DAY_BEGAN, administration.DayBegan, _clock),
    EventType(SYNC_DUE, administration.SyncDue, _sync_clock),
    EventType(DEAD_LETTERS_DISCARDED, administration.DeadLettersDiscarded, _dead_letters),
    EventType(ACCESS_CHANGED, administration.AccessChanged, _access),
    EventType(DOCUSIGN_RECEPTION_CHANGED, docusign.DocusignReceptionChanged, _docusign),
    EventType(COMPANY_OBSERVED, quickbooks.CompanyObserved, _workspace),
    EventType(CUSTOMER_OBSERVED, quickbooks.CustomerObserved, _customer),
    EventType(ITEM_OBSERVED, quickbooks.ItemObserved, _item),
    *(
        EventType(name, payload, _observed(entity))
        for name, payload, entity in (
            (VENDOR_OBSERVED, observed.VendorObserved, "Vendor"),
            (EMPLOYEE_OBSERVED, observed.EmployeeObserved, "Employee"),
            (LEDGER_ACCOUNT_OBSERVED, observed.LedgerAccountObserved, "Account"),
            (TERM_OBSERVED, observed.TermObserved, "Term"),
            (TAX_CODE_OBSERVED, observed.TaxCodeObserved, "TaxCode"),
            (TAX_RATE_OBSERVED, observed.TaxRateObserved, "TaxRate"),
            (INVOICE_OBSERVED, observed.InvoiceObserved, "Invoice"),
            (PAYMENT_OBSERVED, observed.PaymentObserved, "Payment"),
            (CREDIT_MEMO_OBSERVED, observed.CreditMemoObserved, "CreditMemo"),
            (SALES_RECEIPT_OBSERVED, observed.SalesReceiptObserved, "SalesReceipt"),
            (REFUND_RECEIPT_OBSERVED, observed.RefundReceiptObserved, "RefundReceipt"),
        )
    ),
    EventType(OBJECT_DELETED, observed.ObjectDeleted, _object),
    EventType(OBJECT_VOIDED, observed.ObjectVoided, _object),
    EventType(OBJECT_MERGED, observed.ObjectMerged, _object),
    EventType(OBJECT_UNREADABLE, observed.ObjectUnreadable, _object),
    EventType(SYNC_REQUESTED, observed.SyncRequested, _workspace),
    EventType(SYNC_BEGAN, observed.SyncBegan, _workspace),
    EventType(SYNC_COMPLETED, observed.SyncCompleted, _workspace),
    EventType(READING_FAILED, quickbooks.ReadingFailed, _command),
    EventType(INVOICE_CREATED, quickbooks.InvoiceCreated, _deal),
    EventType(CUSTOMER_CREATED, quickbooks.CustomerCreated, _account),
    EventType(ITEM_CREATED, quickbooks.ItemCreated, _product),
    EventType(CUSTOMER_UPDATED, quickbooks.CustomerUpdated, _customer),
    EventType(COMMAND_REJECTED, quickbooks.CommandRejected, _command),
    EventType(COMMAND_UNCERTAIN, quickbooks.CommandUncertain, _command),
    EventType(COMPANY_REFUSED, quickbooks.CompanyRefused, _workspace),
    EventType(COMPANY_SERVED, quickbooks.CompanyServed, _workspace),
    EventType(COMPANY_READ_COMMANDED, announcements.CompanyReadCommanded, _workspace),
    EventType(READ_COMMANDED, announcements.ReadCommanded, _command),
    EventType(CUSTOMER_COMMANDED, announcements.CustomerCommanded, _account),
    EventType(ITEM_COMMANDED, announcements.ItemCommanded, _product),
    EventType(INVOICE_COMMANDED, announcements.InvoiceCommanded, _deal),
    EventType(DEAL_STAGE_CHANGED, announcements.DealStageChanged, _deal),
    EventType(DEAL_GATES_CHANGED, announcements.DealGatesChanged, _deal),
    EventType(DEAL_CLOSED_WON, announcements.DealClosedWon, _deal, "out", DEAL_UPDATES),
    EventType(DEAL_INVOICED, announcements.DealInvoiced, _deal, "out", DEAL_UPDATES),
    EventType(DEAL_INVOICE_HELD, announcements.DealInvoiceHeld, _deal, "out", DEAL_UPDATES),
    EventType(CUSTOMER_LINKED, announcements.CustomerLinked, _account, "out", ACCOUNT_UPDATES),
    EventType(unmatched.OFFERING_CHANGED, unmatched.OfferingChanged, _workspace),
    EventType(unmatched.CUSTOMER_UNMATCHED, unmatched.CustomerUnmatched, _customer),
    EventType(OFFERED, unmatched.AccountCreatedFromCustomer, _customer, "out", ACCOUNT_UPDATES),
    EventType(
        in_step.ACCOUNT_CUSTOMER_CHANGED, in_step.AccountCustomerChanged, _account, "out", ACCOUNT_UPDATES
    ),
    EventType(INVOICE_STATE, announcements.InvoiceState, _invoice, "out", REVENUE, _invoice_key),
)
TYPES = {event_type.name: event_type for event_type in _ALL}
TOPICS_IN = (DEALS, ACCOUNTS, CONTRACTS, CHANGES)
TOPICS_OUT = (DEAL_UPDATES, ACCOUNT_UPDATES, REVENUE)
COMPACTED = (REVENUE,)  # its consumers need only the last event of each key


def arriving(name: str) -> EventType:
    """Find the type of an event that a producer sends.

    Raises:
        InvalidEvent: With reason `type_unknown`, `version_unknown` or `type_not_accepted`.
    """
    found = TYPES.get(name)
    if found is None:
        stem = name.rpartition(".v")[0]
        versions = sorted(known for known in TYPES if known.rpartition(".v")[0] == stem)
        if stem and versions:
            raise InvalidEvent(
                "version_unknown", f"Unsupported version {name!r}; supported: {', '.join(versions)}", "type"
            )
        raise InvalidEvent("type_unknown", f"Unknown event type {name[:200]!r}", "type")
    if found.direction != "in":
        raise InvalidEvent(
            "type_not_accepted", f"Producers may not send {name!r}: the worker sends it", "type"
        )
    return found


def payload(name: str, data: str) -> Any:
    """Read the data of an event of the log.

    Raises:
        UnreadableEvent: This code does not know the type, or the data does not fit it.
    """
    found = TYPES.get(name)
    if found is None:
        raise UnreadableEvent(f"The log holds an event of type {name!r}, which this version does not know")
    try:
        return json.decode(data, found.payload)
    except InvalidEvent as error:
        raise UnreadableEvent(
            f"The log holds an event of type {name!r} that does not fit: {error}"
        ) from error
