"""Run the decider alone on a state in memory: given some events, check the decisions about a further one."""

import itertools
from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Self

import msgspec
from msgspec.structs import replace

from events.contract import catalog
from events.contract.administration import (
    AccountMapped,
    ConnectionAuthorized,
    ConnectionDisconnected,
    ConnectionExpired,
    CustomerRequested,
    InvoiceRequested,
    ItemRequested,
    ProductMapped,
    SettingsChanged,
)
from events.contract.envelope import Event, own_event
from events.contract.matching import (
    MAPPING_SUGGESTED,
    PRODUCT_SUGGESTED,
    CandidateCustomer,
    CandidateItem,
    MappingSuggested,
    ProductSuggested,
    Verdict,
)
from events.contract.observed import ObjectMerged, SyncBegan, SyncCompleted
from events.contract.quickbooks import (
    CommandRejected,
    CommandUncertain,
    CompanyObserved,
    CustomerCreated,
    CustomerObserved,
    InvoiceCreated,
    ItemCreated,
    ItemObserved,
    Named,
)
from events.contract.reviewing import (
    ACCOUNT_IGNORED,
    ACCOUNT_UNIGNORED,
    MAPPING_REJECTED,
    PRODUCT_IGNORED,
    PRODUCT_REJECTED,
    PRODUCT_UNIGNORED,
    AccountIgnored,
    AccountUnignored,
    MappingRejected,
    ProductIgnored,
    ProductRejected,
    ProductUnignored,
)
from events.contract.unmatched import (
    ACCOUNT_UNMATCHED,
    CUSTOMER_UNMATCHED,
    PRODUCT_UNMATCHED,
    AccountUnmatched,
    CustomerUnmatched,
    ProductUnmatched,
)
from events.contract.values import Amount, Fact, Percent
from tests.events.samples import made
from worker.commands.kinds.all import KINDS
from worker.commands.table import NewCommand
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.deal.stage import stage_of
from worker.quote_to_cash.deal.state import WHOLE, Deal
from worker.quote_to_cash.deal.won import has_outcome
from worker.quote_to_cash.decide import WAITED_ON, decide
from worker.quote_to_cash.gates import Checked
from worker.quote_to_cash.inquiry import Inquiry
from worker.quote_to_cash.items.state import Product
from worker.quote_to_cash.view import State, T, stream_of
from worker.quote_to_cash.walk import unmet_gates

REALM = "1111"
OTHER_REALM = "2222"
NOW = datetime(2026, 5, 4, tzinfo=UTC)
COMPANY = CompanyObserved(
    realm=REALM,
    company_name="Acme Books",
    country="US",
    home_currency="USD",
    multicurrency=False,
    custom_transaction_numbers=False,
    time_zone="America/Los_Angeles",
    terms=(Named("3", "Net 30"), Named("4", "Net 60")),
    tax_codes=(),
    income_accounts=(Named("79", "Services"),),
)
_numbers = itertools.count(1)
_numbers_kept = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


class Memory:
    """The state of a workspace in memory; implements `View`."""

    def __init__(self) -> None:
        self.workspace_name = "acme"
        self._states: dict[str, State] = {}
        self._waits: dict[str, tuple[str, ...]] = defaultdict(tuple)

    def get(self, kind: type[T], key: str = "") -> T:
        state = self._states.get(stream_of(kind, key))
        return state if isinstance(state, kind) else kind()

    def deals(self) -> list[tuple[str, Deal]]:
        return [
            (stream.partition("/")[2], state)
            for stream, state in self._states.items()
            if isinstance(state, Deal)
        ]

    def products(self) -> list[tuple[str, Product]]:
        states = (key for key in self._states if key.startswith("product/"))
        return [(catalog.key_of(key), self.get(Product, catalog.key_of(key))) for key in states]

    def put(self, state: State, key: str = "") -> None:
        self._states[stream_of(type(state), key)] = state

    def waiting(self, key: str) -> list[str]:
        return sorted(stream for stream, keys in self._waits.items() if key in keys)

    def set_waits(self, stream: str, keys: tuple[str, ...]) -> None:
        self._waits[stream] = keys


class Decider:
    """Decides one event after the other in the log's order, including its own.

    Readings of customers and items succeed, with active and saleable ones, unless `reads` is off. Where products without an
    item get one by the setting, they are compared, and none is like them, unless `compares` is off.
    """

    def __init__(self) -> None:
        self.view = Memory()
        self.events: list[Event] = []
        self.commands: list[NewCommand] = []
        self.reads = True
        self.compares = True

    def when(self, *happened: Event | dict[str, Any]) -> Self:
        """Decide events; a document is decoded as a door does."""
        coming = deque(made(item) if isinstance(item, dict) else item for item in happened)
        while coming:
            decision = decide(self.view, coming.popleft())
            self.events += decision.events
            self.commands += decision.commands
            assert all(is_of_its_kind(command) for command in decision.commands)
            for event in decision.events:
                again = decide(self.view, event)  # it is read back from the log
                assert event.type in WAITED_ON or (again.events, again.commands) == ([], [])
                self.events += again.events
                self.commands += again.commands
                decision.commands += again.commands
            self.assert_nothing_is_stale()
            if self.reads:
                coming.extendleft(answer for command in decision.commands for answer in read(command))
            if self.compares and not coming:
                coming.extend(self.compared())
        return self

    def compared(self) -> Iterator[Event]:
        """Yield the answer of the matcher for each product that it has still to compare."""
        workspace = self.view.get(WorkspaceState)
        if workspace.realm is None or workspace.settings.unmapped_product == "hold":
            return
        for product_id, product in self.view.products():
            if product.is_being_compared(workspace.realm) and product.compared is not None:
                yield unlike_all(product_id, product.compared.number, workspace.realm)
            elif product.name is not None and not product.is_compared(workspace.realm):
                yield unmatched_product(product_id, realm=workspace.realm, name=product.name, sku=product.sku)

    def assert_nothing_is_stale(self) -> None:
        """Check that every deal is recorded at its first unmet gate, and at no met one."""
        for deal_id, deal in self.view.deals():
            assert deal.stage == stage_of(deal, self.view.get(WorkspaceState).settings), deal_id
            recorded = [gate.gate for gate in deal.part(WHOLE).unmet]
            if not recorded or not has_outcome(deal) or deal.part(WHOLE).invoice is not None:
                continue
            unmet = [gate.code for gate in unmet_gates(Inquiry(self.view, deal_id))]
            assert unmet[:1] == recorded[:1], deal_id
            assert set(recorded) <= set(unmet), deal_id

    def commanded(self, kind: str = "create_invoice") -> list[NewCommand]:
        return [command for command in self.commands if command.key.kind == kind]

    def bodies(self, kind: str = "create_invoice") -> list[dict[str, Any]]:
        """Return the body to send, with numbers as decimals."""
        return [_numbers_kept.decode(command.body) for command in self.commanded(kind)]

    def gates(self, deal_id: str = "D-1") -> list[Checked]:
        """Return the gates that are unmet."""
        return unmet_gates(Inquiry(self.view, deal_id))

    def stands_at(self, deal_id: str = "D-1") -> str | None:
        """Return the first gate that is unmet."""
        return next((gate.code for gate in self.gates(deal_id)), None)

    def facts(self, event_type: str) -> list[Any]:
        """Return the recorded events of a type."""
        return [event.payload for event in self.events if event.type == event_type]


def is_of_its_kind(command: NewCommand) -> bool:
    """Return whether a command has the subject of its kind."""
    (stream,) = (kind.stream for kind in KINDS if kind.name == command.key.kind)
    return command.key.subject.partition("/")[0] == stream


def given(*happened: Event | dict[str, Any]) -> Decider:
    """Return a decider that has decided some events."""
    return Decider().when(*happened)


def fact(event_type: str, payload: Fact, at: datetime = NOW) -> Event:
    """Return one of our own events, with a unique ID."""
    number = f"{event_type}-{next(_numbers)}"
    return own_event(event_type, payload, workspace="acme", source="urn:coeffection:test", time=at, id=number)


def chosen(**settings: str) -> Event:
    return chosen_at(NOW, settings)


def chosen_at(at: datetime, settings: dict[str, str]) -> Event:
    return fact(catalog.SETTINGS_CHANGED, SettingsChanged(settings, "ada"), at)


def connected(realm: str = REALM) -> Event:
    return fact(catalog.CONNECTION_AUTHORIZED, ConnectionAuthorized(realm, NOW))


def expired(realm: str = REALM) -> Event:
    return fact(catalog.CONNECTION_EXPIRED, ConnectionExpired(realm, NOW, "revoked"))


def disconnected(realm: str = REALM) -> Event:
    return fact(catalog.CONNECTION_DISCONNECTED, ConnectionDisconnected(realm, NOW, "cli:ada"))


def observed(**changes: Any) -> Event:
    return fact(catalog.COMPANY_OBSERVED, replace(COMPANY, **changes))


def mapped(
    account: str = "A-1", customer: str = "7", currency: str | None = None, realm: str | None = None
) -> Event:
    return fact(catalog.ACCOUNT_MAPPED, AccountMapped(account, customer, "ada", currency, realm))


def mapped_product(product: str = "P-1", item: str = "5", realm: str | None = None) -> Event:
    return fact(catalog.PRODUCT_MAPPED, ProductMapped(product, item, "ada", realm))


def suggested(
    account: str = "A-1",
    customer: str = "58",
    verdict: Verdict = "review",
    realm: str = REALM,
    number: int = 1,
    twin: str | None = None,
) -> Event:
    """Return a suggestion of a customer for an account, perhaps with a duplicate of it."""
    best = CandidateCustomer(customer, "Acme Inc", Percent("87.5"), Amount("72.5"), ("similar_name",))
    fact_of = MappingSuggested(account, realm, number, verdict, 1, (best,), margin=Amount("72.5"))
    if twin is not None:
        other = CandidateCustomer(
            twin, "Acme, Incorporated", Percent("87.5"), Amount("72.5"), ("similar_name",)
        )
        fact_of = replace(fact_of, candidates=(best, other), runner_up=twin, duplicate=True)
    return fact(MAPPING_SUGGESTED, fact_of)


def unmatched(account: str = "A-1", number: int = 1, realm: str = REALM) -> Event:
    """Return the answer to a request to compare an account once more: no customer is like it."""
    return fact(ACCOUNT_UNMATCHED, AccountUnmatched(account, realm, number))


def customer_unmatched(customer: str = "58", realm: str = REALM, **changes: Any) -> Event:
    """Return the fact that no account is like a customer."""
    seen = CustomerObserved(realm, customer, display_name="Acme Inc", currency="USD", email="a@acme.example")
    return fact(CUSTOMER_UNMATCHED, CustomerUnmatched(realm, customer, replace(seen, **changes)))


def rejected_pair(account: str = "A-1", customer: str = "58", realm: str = REALM) -> Event:
    return fact(MAPPING_REJECTED, MappingRejected(account, realm, customer, "ada"))


def ignored(account: str = "A-1") -> Event:
    return fact(ACCOUNT_IGNORED, AccountIgnored(account, "ada"))


def unignored(account: str = "A-1") -> Event:
    return fact(ACCOUNT_UNIGNORED, AccountUnignored(account, "ada"))


def item_suggested(
    product: str = "P-1",
    item: str = "58",
    verdict: Verdict = "review",
    *,
    realm: str = REALM,
    number: int = 1,
    name: str = "Platform seat",
    sku: str | None = "SEAT",
) -> Event:
    """Return a suggestion of an item for a product."""
    best = CandidateItem(item, "Seats", Percent("87.5"), Amount("72.5"), ("similar_name",))
    fact_of = ProductSuggested(
        product, name, realm, number, verdict, 1, sku=sku, candidates=(best,), margin=Amount("72.5")
    )
    return fact(PRODUCT_SUGGESTED, fact_of)


def unmatched_product(product: str = "P-1", **changes: Any) -> Event:
    """Return the answer that no item is like a product."""
    return item_suggested(product, verdict="none", **changes)


def unlike_all(product: str = "P-1", number: int = 1, realm: str = REALM) -> Event:
    """Return the answer to a request to compare a product once more: no item is like it."""
    return fact(PRODUCT_UNMATCHED, ProductUnmatched(product, realm, number))


def rejected_item(product: str = "P-1", item: str = "58", realm: str = REALM) -> Event:
    return fact(PRODUCT_REJECTED, ProductRejected(product, realm, item, "ada"))


def ignored_product(product: str = "P-1") -> Event:
    return fact(PRODUCT_IGNORED, ProductIgnored(product, "ada"))


def unignored_product(product: str = "P-1") -> Event:
    return fact(PRODUCT_UNIGNORED, ProductUnignored(product, "ada"))


def first_sync(realm: str = REALM) -> Event:
    return fact(catalog.SYNC_BEGAN, SyncBegan(realm, "first", NOW))


def first_synced(realm: str = REALM) -> Event:
    return fact(catalog.SYNC_COMPLETED, SyncCompleted(realm, "first", NOW))


def customer_seen(customer: str = "7", realm: str = REALM, **changes: Any) -> Event:
    seen = CustomerObserved(realm, customer, display_name="Acme", currency="USD", reading=1)
    return fact(catalog.CUSTOMER_OBSERVED, replace(seen, **changes))


def merged(gone: str = "7", survivor: str | None = "8", entity: str = "Customer") -> list[Event]:
    """Return the events of a merge, as sync records them."""
    object_merged = fact(catalog.OBJECT_MERGED, ObjectMerged(REALM, entity, gone, survivor))
    if entity == "Customer":
        return [object_merged, customer_seen(gone, exists=False, reading=0)]
    return [object_merged, item_seen(gone, exists=False, reading=0)]


def item_seen(item: str = "5", realm: str = REALM, **changes: Any) -> Event:
    seen = ItemObserved(realm, item, name="Platform seat", type="Service", reading=1)
    return fact(catalog.ITEM_OBSERVED, replace(seen, **changes))


def read(command: NewCommand) -> Iterator[Event]:
    """Answer a reading of a customer or an item."""
    realm, _, object_id = catalog.key_of(command.key.subject).partition("/")
    if command.key.kind == "read_customer":
        yield customer_seen(object_id, realm, reading=command.key.generation)
    elif command.key.kind == "read_item":
        yield item_seen(object_id, realm, reading=command.key.generation)


def customer_asked(account: str = "A-1", instead_of: str | None = None) -> Event:
    return fact(catalog.CUSTOMER_REQUESTED, CustomerRequested(account, "ada", instead_of=instead_of))


def item_asked(product: str = "P-1") -> Event:
    return fact(catalog.ITEM_REQUESTED, ItemRequested(product, "ada"))


def ordered(deal: str = "D-1") -> Event:
    return fact(catalog.INVOICE_REQUESTED, InvoiceRequested(deal, "ada"))


def ready(**settings: str) -> list[Event]:
    """Return the events that a signed deal of `stories` needs to be invoiced."""
    wanted = {"auto_invoice": "true", "cut_over": "2026-01-01T00:00:00Z"} | settings
    return [chosen(**wanted), connected(), observed(), *referred()]


def referred(customer: str = "7", item: str = "5", realm: str = REALM) -> list[Event]:
    """Map the account and the product, and read the customer and the item."""
    seen = customer_seen(customer, realm), item_seen(item, realm)
    return [mapped("A-1", customer), mapped_product("P-1", item), *seen]


def invoice_created(command: NewCommand, **changes: Any) -> Event:
    body = _numbers_kept.decode(command.body)
    created = InvoiceCreated(
        deal_id=catalog.key_of(command.key.subject),
        part=command.key.part,
        generation=command.key.generation,
        realm=command.realm,
        request_id=command.request_id,
        invoice_id="130",
        customer_id=body["CustomerRef"]["value"],
        currency="USD",
        net=Amount("599.94"),
        tax=Amount("48.00"),
        total=Amount("647.94"),
        balance=Amount("647.94"),
        txn_date=NOW.date(),
    )
    return fact(catalog.INVOICE_CREATED, replace(created, **changes))


def customer_created(command: NewCommand, customer: str = "58", currency: str | None = "USD") -> Event:
    created = CustomerCreated(
        catalog.key_of(command.key.subject), command.realm, command.request_id, customer, "Acme", currency
    )
    return fact(catalog.CUSTOMER_CREATED, created)


def item_created(command: NewCommand, item: str = "19") -> Event:
    product_id = catalog.key_of(command.key.subject)
    created = ItemCreated(product_id, command.realm, command.request_id, item, "Platform seat")
    return fact(catalog.ITEM_CREATED, created)


def rejected(command: NewCommand, gate: str = "rejected_by_quickbooks", message: str = "no") -> Event:
    return fact(catalog.COMMAND_REJECTED, CommandRejected(**_of(command), gate=gate, message=message))


def uncertain(command: NewCommand, message: str = "no answer") -> Event:
    return fact(catalog.COMMAND_UNCERTAIN, CommandUncertain(**_of(command), message=message))


def _of(command: NewCommand) -> dict[str, Any]:
    key = command.key
    return {
        "subject": key.subject,
        "kind": key.kind,
        "part": key.part,
        "generation": key.generation,
        "realm": command.realm,
        "request_id": command.request_id,
    }
