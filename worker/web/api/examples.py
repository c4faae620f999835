"""An example of every body of the API, for its description."""

from datetime import UTC, date, datetime

from msgspec import Struct

from events.contract.announcements import UnmetGate
from events.contract.in_step import BothValues
from worker.actions.bulk_reviews import AccountDecision, ProductDecision, Reviewed
from worker.actions.conflicts import Decided
from worker.actions.dead_letters import Discarded
from worker.actions.effects import Effects
from worker.actions.settings import CurrentSetting
from worker.connections.disconnecting import Disconnection
from worker.connections.standing import ConnectionStanding
from worker.docusign.reception import Count
from worker.docusign.watch import Reception
from worker.quote_to_cash.explain import ExplainedEvent, ExplainedGate, Explanation
from worker.quote_to_cash.sentences import spoken
from worker.sync.standing import EntityStanding, SyncStanding
from worker.web.api.accepted import Accepted
from worker.web.api.conflicts import (
    ConflictDecision,
    ConflictsDecision,
    DecidedConflicts,
    FieldDifference,
    FieldDifferences,
    FieldRetry,
)
from worker.web.api.connection import BegunConsent, ConsentWish
from worker.web.api.dead_letters import DeadLetter, DeadLetters, DiscardWish, Header, WholeDeadLetter
from worker.web.api.deals import Deals, DealSummary, InvoiceWish
from worker.web.api.docusign import KeyAdded, KeyGiven, Keys
from worker.web.api.invoices import Invoice, Invoices
from worker.web.api.judging import (
    DifferingDecision,
    DifferingDecisions,
    DifferingProduct,
    DifferingProducts,
    DuplicateCustomer,
    DuplicateCustomers,
)
from worker.web.api.log import Log, LogEntry
from worker.web.api.mappings import Mapping, Mappings, MappingWish, SuggestedMapping
from worker.web.api.product_reviews import ItemAcceptance, ItemRejection
from worker.web.api.reviews import (
    Acceptance,
    Ignoring,
    MappingDecisions,
    Rejection,
    ReviewedRows,
)
from worker.web.api.settings import PlannedChange, SettingsChange, SettingsList
from worker.web.api.sync import SyncWish
from worker.web.api.tokens import Tokens
from worker.web.doors.events import BatchStored, Stored
from worker.web.doors.feeds import CloudEvent, FeedPage
from worker.web.doors.quickbooks import ChangesStored
from worker.workspaces.api_tokens import Scope, Token
from worker.workspaces.docusign_keys import Key

_AT = datetime(2026, 5, 5, 16, 30, 12, tzinfo=UTC)
_NEXT = "WyJ2M2tPcDBrMVFyMnoiLCJELTE3Il0"
_GATE = spoken(
    UnmetGate(
        "account_not_mapped",
        "map_account",
        params={"account": "Acme Inc. (A-9)"},
        about=("account/A-9",),
    )
)
_DEAL = DealSummary(
    deal="D-17",
    name="Acme renewal",
    account="A-9",
    account_name="Acme Inc.",
    revision=4,
    crm_stage="contract_sent",
    stage="closed_won",
    won=True,
    currency="USD",
    total="502.45",
    contract="4c1c7f0e-5b0d-4c43-9f0b-6f4a5d0b8c11",
    contract_status="signed",
    contract_at=_AT,
    sent_at=_AT,
    gate=_GATE.gate,
    reason=_GATE.reason,
    remedy=_GATE.remedy,
    gates=(_GATE,),
    customer=None,
    invoices=(),
    invoiced=None,
    balance=None,
    updated_at=_AT,
    position=42,
)
_INVOICE = Invoice(
    realm="4620816365",
    invoice_id="145",
    deal="D-17",
    part=0,
    generation=1,
    doc_number="1015",
    customer="58",
    currency="USD",
    net="502.45",
    tax="41.45",
    total="543.90",
    balance="543.90",
    status="outstanding",
    txn_date=date(2026, 5, 5),
    due_date=date(2026, 6, 4),
    position=57,
)
_MAPPING = Mapping(
    kind="account",
    id="A-9",
    name="Acme Inc.",
    revision=1,
    status="mapped",
    target="58",
    target_name=None,
    by="api:acme/2 for kim@coeffection.example",
    problem=None,
    position=51,
    state="mapped",
    suggestion=SuggestedMapping(
        verdict="link",
        customer="58",
        customer_name="Acme, Inc.",
        item=None,
        item_name=None,
        score="99.9",
        margin="42.5",
        reasons=["same_domain", "same_name"],
        runner_up="61",
        runner_up_name="Acme Labs",
        duplicate=False,
        nearest=[],
        matcher=1,
    ),
    decided_at=_AT,
)
_ENTRY = LogEntry(
    position=51,
    at=_AT,
    level="info",
    about="account/A-9",
    type="com.coeffection.account.mapped.v1",
    message="api:acme/2 for kim@coeffection.example mapped this account to customer 58.",
    remedy=None,
    by="api:acme/2 for kim@coeffection.example",
)
_LETTER = DeadLetter(
    number=3,
    origin="http",
    reason="schema_invalid",
    detail="Expected a decimal number written as a string at data.quote.total",
    remedy="Correct data.quote.total in the sending system, and send it again.",
    field="data.quote.total",
    deal="D-17",
    raw_bytes=29,
    kept=True,
    seen=1,
    first_seen_at=_AT,
    last_seen_at=_AT,
)
_KEY = Key(number=1, hint="…8Qg=", added_at=_AT, verified_at=_AT)
_TOKEN = Token(
    workspace="acme",
    number=2,
    label="Finance console",
    scopes=(Scope.READ, Scope.ACT),
    hint="…x7Kd",
    created_at=_AT,
    created_by="cli:ada",
    last_used_at=_AT,
    revoked_at=None,
    revoked_by=None,
)
_EXPLANATION = Explanation(
    deal="D-17",
    stage="closed_won",
    first_unmet=_GATE.gate,
    gates=(
        ExplainedGate("not_won", met=True, reason=None, remedy=None, event="01J8Z6T4"),
        ExplainedGate(
            _GATE.gate,
            met=False,
            reason=_GATE.reason,
            remedy=_GATE.remedy,
            event="01J8Z6T5",
            action=_GATE.action,
            about=_GATE.about,
        ),
    ),
    events=(
        ExplainedEvent(
            position=12,
            id="01J8Z6T5",
            type="com.coeffection.account.updated.v1",
            source="https://crm.coeffection.example",
            stream="account/A-9",
            time=_AT,
            data={"account_id": "A-9", "revision": 1, "name": "Acme Inc."},
        ),
    ),
    invoice=None,
    notes=(),
)
_SETTING = CurrentSetting(
    key="paused",
    value=True,
    chosen=True,
    reason=None,
    default=False,
    kind="flag",
    label="Paused",
    help="Make no new command to QuickBooks, and send none that is waiting.",
)
_RECEPTION = Reception(
    workspace="acme",
    state="good",
    reason=None,
    since=None,
    says="Messages from DocuSign are accepted.",
    remedy=None,
    action=None,
    keys=1,
    last_accepted_at=_AT,
    last_refused_at=None,
    last_refused_because=None,
    taken={"accepted": Count(12, _AT, _AT)},
    refused=(),
)
_CONNECTION = ConnectionStanding(
    realm="4620816365",
    company="Craig's Consulting",
    plan="QuickBooks Online Plus",
    connected_by="api:acme/2 for kim@coeffection.example",
    connected_at=_AT,
    state="connected",
    says="QuickBooks is connected.",
    remedy=None,
    refresh_expires_at=datetime(2026, 8, 14, 16, 30, 12, tzinfo=UTC),
    hard_expires_at=datetime(2031, 5, 4, 16, 30, 12, tzinfo=UTC),
    last_sync=_AT,
    next_sync=datetime(2026, 5, 5, 17, 30, tzinfo=UTC),
    reads_this_month=1234,
)
_EVENT = CloudEvent(
    specversion="1.0",
    id="0196a1d2-7c00-7000-8000-000000000001",
    source="urn:coeffection:quote-to-cash",
    type="com.coeffection.deal.closed-won.v1",
    time=_AT,
    workspace="acme",
    sequence="42",
    data={"deal_id": "D-17", "contract_id": "4c1c7f0e", "at": "2026-05-05T16:30:12Z"},
    datacontenttype="application/json",
    subject="D-17",
    partitionkey="acme/D-17",
)
_DIFFERENCE = FieldDifference(
    account="A-9",
    account_name="Acme Inc.",
    realm="4620816365",
    customer="58",
    customer_name="Acme",
    field="email",
    state="conflict",
    crm="sales@acme.example",
    quickbooks="books@acme.example",
    agreed=BothValues("billing@acme.example", "billing@acme.example"),
    since=_AT,
    message=None,
    remedy="Decide for the value of one side.",
)
_DIFFERING = DifferingDecision(
    "A-9", "Acme", "mapped", "person", "61", "Acme Labs", 42.0, "58", "Acme, Inc.", 99.9, ["same_name"], 2
)
_DIFFERING_PRODUCT = DifferingProduct(
    "P-1", "Seat", "mapped", "person", "20", "Training day", None, "19", "Seat", 99.9, ["same_name"], 2
)
_BODIES: tuple[Struct, ...] = (
    Deals([_DEAL], _NEXT),
    _EXPLANATION,
    InvoiceWish("145"),
    Accepted(61),
    Invoices([_INVOICE], None),
    Mappings([_MAPPING], None),
    MappingWish("58"),
    DuplicateCustomers([DuplicateCustomer("61", "Acme, Inc.", "58", "Acme Inc", 99.9, ["same_name"])], 1),
    DifferingDecisions([_DIFFERING], 1, 3),
    DifferingProducts([_DIFFERING_PRODUCT], 1, 3),
    Acceptance("58"),
    Rejection("58"),
    Ignoring("A test account"),
    ItemAcceptance("19"),
    ItemRejection("19"),
    MappingDecisions(
        [AccountDecision("A-9", "accept", "58"), AccountDecision("A-10", "ignore")],
        above=99,
        products=[ProductDecision("P-1", "accept", "19")],
    ),
    ReviewedRows(
        [
            Reviewed(account="A-9", decision="accept", done=True, position=61),
            Reviewed(
                account="A-10",
                decision="ignore",
                done=False,
                reason="account_mapped",
                detail="It is mapped to customer 61",
            ),
        ]
    ),
    FieldDifferences([_DIFFERENCE], None),
    ConflictDecision("crm"),
    FieldRetry(),
    ConflictsDecision("quickbooks", "email"),
    DecidedConflicts([Decided("A-9", "58", "email", done=True, position=61)]),
    Log([_ENTRY], None),
    DeadLetters([_LETTER], None),
    WholeDeadLetter(
        **{name: getattr(_LETTER, name) for name in DeadLetter.__struct_fields__},
        headers=[Header("content-type", "application/cloudevents+json")],
        raw='{"specversion":"1.0","id":"1"',
    ),
    DiscardWish(reason="schema_invalid", why="The CRM has sent them again"),
    Discarded(3, 62),
    SettingsList([_SETTING]),
    SettingsChange({"auto_invoice": "true"}, "We go live"),
    PlannedChange({"customer_sync": "both", "unmapped_account": "create_at_once"}),
    Effects(customers_created=12, customers_updated=3, accounts_offered=0, accounts_updated=2),
    _CONNECTION,
    ConsentWish(),
    BegunConsent("https://q2c.example/oauth/quickbooks/start?link=Yx3…"),
    Disconnection("4620816365", "Craig's Consulting", "revoked", "Its tokens are revoked at Intuit."),
    SyncWish(full=True),
    SyncStanding(
        realm="4620816365",
        state="running",
        mode="first",
        began_at=_AT,
        last_sync=None,
        next_sync=_AT,
        requested=False,
        webhooks="arriving",
        waiting=2,
        problem=None,
        entities=(EntityStanding("Customer", 1200, 1000, 1000, 1000, complete=False, problem=None),),
    ),
    _RECEPTION,
    Keys([_KEY], None),
    KeyGiven("bWFkZSBieSBEb2N1U2lnbiwgYW5kIG5vYm9keSBlbHNl="),
    KeyAdded(1, "…8Qg=", _AT, None, added=True),
    Tokens([_TOKEN], None),
    ChangesStored(appended=2, duplicate=1),
    Stored("appended", 42),
    BatchStored(dead=0, appended=2, duplicate=1, conflict=0),
    FeedPage("crm.deal-updates.v1", [_EVENT], 42),
)
EXAMPLES: dict[type[Struct], Struct] = {type(body): body for body in _BODIES}
