"""Each gate, by the decider alone: the events that make it unmet, its words, and the events that make it met."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Struct

from events.contract import catalog
from events.contract.administration import SyncDue
from events.contract.announcements import UnmetGate, unspoken
from events.contract.docusign import RECEPTION_PROBLEMS, DocusignReceptionChanged
from events.contract.gates import IN_PROGRESS, REFUSED_COMPANY, filled
from events.contract.quickbooks import (
    CommandKind,
    CommandRejected,
    CommandUncertain,
    CompanyRefused,
    CompanyServed,
    Holder,
    Named,
    ReadingFailed,
)
from tests import stories
from tests.worker.quote_to_cash.given import (
    NOW,
    OTHER_REALM,
    REALM,
    Decider,
    chosen,
    connected,
    customer_asked,
    customer_created,
    customer_seen,
    customer_unmatched,
    disconnected,
    expired,
    fact,
    first_sync,
    given,
    ignored,
    ignored_product,
    invoice_created,
    item_asked,
    item_created,
    item_seen,
    item_suggested,
    mapped,
    mapped_product,
    merged,
    observed,
    ordered,
    ready,
    referred,
    rejected_pair,
    suggested,
    unmatched,
    unmatched_product,
)
from worker.quickbooks.errors import GATE_OF_COMPANY
from worker.quote_to_cash.invoice.batch import BATCH_NOT_DUE
from worker.quote_to_cash.sentences import spoken
from worker.quote_to_cash.walk import BY_CODE, COMMANDED, GATES

Happened = Any
Then = Callable[[Decider], list[Happened]]
LATER = "2026-05-04T00:00:00Z"
CREATES = chosen(customer_sync="to_quickbooks", unmapped_account="create_on_invoice")
OFFERS = chosen(customer_sync="to_crm", unmapped_customer="create_in_crm")
NO_MATCH = suggested(verdict="none")
BROUGHT = stories.account(customer={"realm": REALM, "customer_id": "58"})


def quote(**fields: Any) -> dict[str, Any]:
    return {**stories.QUOTE, **fields}


def line(**fields: Any) -> dict[str, Any]:
    return {**stories.LINE, **fields}


def one_line(total: str, **fields: Any) -> dict[str, Any]:
    return quote(lines=[line(**fields)], total=total)


def signed(**fields: Any) -> list[Happened]:
    return stories.signed_deal(**fields)


def revised(**fields: Any) -> dict[str, Any]:
    return stories.deal(revision=2, time=LATER, **fields)


def of_last(decider: Decider, kind: str) -> dict[str, Any]:
    command = decider.commanded(kind)[-1]
    key = command.key
    return {
        "subject": key.subject,
        "kind": key.kind,
        "part": key.part,
        "generation": key.generation,
        "realm": command.realm,
        "request_id": command.request_id,
    }


def refuses(gate: str, message: str = "no", kind: str = "create_invoice", **fields: Any) -> Then:
    return lambda decider: [
        fact(
            catalog.COMMAND_REJECTED,
            CommandRejected(**of_last(decider, kind), gate=gate, message=message, **fields),
        )
    ]


def loses(message: str, *, look_up_refused: bool = False) -> Then:
    return lambda decider: [
        fact(
            catalog.COMMAND_UNCERTAIN,
            CommandUncertain(
                **of_last(decider, "create_invoice"), message=message, look_up_refused=look_up_refused
            ),
        )
    ]


def done(decider: Decider) -> list[Happened]:
    return [invoice_created(decider.commanded()[-1])]


def company_refused(gate: str) -> Happened:
    return fact(catalog.COMPANY_REFUSED, CompanyRefused(REALM, NOW, gate, "The company is closed."))


def company_served() -> Happened:
    return fact(catalog.COMPANY_SERVED, CompanyServed(REALM, NOW))


def reading_failed(kind: CommandKind, subject: str) -> Happened:
    return fact(catalog.READING_FAILED, ReadingFailed(REALM, kind, subject, "An answer was lost."))


def reception(reason: str | None) -> Happened:
    since = datetime.fromisoformat("2026-05-01T00:00:00+00:00")
    changed = (
        DocusignReceptionChanged("refusing", reason, since) if reason else DocusignReceptionChanged("good")
    )
    return fact(catalog.DOCUSIGN_RECEPTION_CHANGED, changed)


def elsewhere(**traits: Any) -> list[Happened]:
    """A British company, with a tax code."""
    return [
        *ready(),
        observed(country="GB", tax_codes=(Named("2", "20.0% S"),), time_zone="Europe/London", **traits),
    ]


def unmapped(*but: str) -> list[Happened]:
    """Everything except a mapping."""
    everything = [chosen(auto_invoice="true", cut_over="2026-01-01T00:00:00Z"), connected(), observed()]
    account, product = ([mapped()], [mapped_product()])
    return [*everything, *([] if "account" in but else account), *([] if "product" in but else product)]


def by_default() -> list[Happened]:
    """Everything except a mapping of the product, and a default item."""
    return [*ready(unmapped_product="default 6")[:4], customer_seen()]


def creating(**settings: str) -> list[Happened]:
    """Everything except a mapping of the product, and items are created."""
    more = {"unmapped_product": "create", "income_account": "Services"} | settings
    return [*ready(**more)[:4], customer_seen()]


HOLDER = Holder("Customer", "58", "Acme A-1", active=False)


class Case(Struct, frozen=True):
    """The events that make a gate unmet, its reason, and the events that make it met; none if no event here does."""

    gate: str
    given: list[Happened]
    reason: str
    opens: list[Happened] | Then | None = None
    then: Then | None = None
    reads: bool = True
    case: str | None = None


CASES_OF_GATES = [
    Case(
        "deal_closed_lost",
        [*ready(), *signed(stage="closed_lost")],
        "The deal is Closed Lost in the CRM.",
        [revised(stage="closed_won")],
    ),
    Case("not_won", [*ready(), stories.deal(stage="quote_draft")], "The deal is not won yet.", signed()),
    Case(
        "contract_not_signed",
        [*ready(), *signed()[:2]],
        "The contract is not signed yet.",
        signed()[2:],
    ),
    *(
        Case(
            "contract_not_signed",
            [*ready(), *signed()[:2], reception(reason)],
            "No signature has arrived: " + filled(trouble.sentence, {"since": "2026-05-01 00:00 UTC"}),
            signed()[2:],
            case=f"docusign_{reason}",
        )
        for reason, trouble in RECEPTION_PROBLEMS.items()
    ),
    Case(
        "contract_declined",
        [*ready(), *signed()[:2], stories.contract("declined", contract_id="C-D-1", reason="no")],
        "The contract was declined: no.",
        [stories.contract("signed", contract_id="C-2", at=LATER), revised(stage="closed_won")],
    ),
    Case(
        "contract_voided",
        [*ready(), *signed()[:2], stories.contract("voided", contract_id="C-D-1", reason="old")],
        "The contract was voided: old.",
        [stories.contract("signed", contract_id="C-2", at=LATER), revised(stage="closed_won")],
    ),
    Case(
        "deal_reopened",
        [*ready(), stories.deal(stage="closed_won", quote=None), revised()],
        "The deal was reopened after it was won (revision 2 is contract_sent).",
        [stories.deal(revision=3, stage="closed_won", time=LATER)],
    ),
    Case(
        "auto_invoice_off",
        [*ready(auto_invoice="false"), *signed()],
        "Automatic invoicing is switched off.",
        [ordered()],
    ),
    Case(
        "won_before_cut_over",
        [*ready(cut_over=LATER), *signed()],
        "The deal was won before the cut-over of 2026-05-04 00:00:00 UTC.",
        [ordered()],
    ),
    Case("quote_missing", [*ready(), *signed(quote=None)], "The deal has no quote.", [revised()]),
    Case(
        "quote_missing",
        [*ready(), *signed()[1:]],
        "The CRM has not sent the contract's deal yet.",
        signed()[:1],
        case="deal_not_arrived",
    ),
    Case(
        "quote_missing",
        [*ready(), *signed(stage="quote_draft")],
        "The deal is still a draft in the CRM, so the quote that was signed is not known.",
        [revised()],
        case="quote_not_shown",
    ),
    Case(
        "line_items_missing",
        [*ready(), *signed(quote=quote(lines=[], total="0"))],
        "The quote has no lines.",
    ),
    Case(
        "quote_differs_from_signed",
        [*ready(), stories.deal(), revised(quote=one_line("499.95", quantity="10")), *signed()[1:]],
        "The quote has changed since the contract was sent (sent as revision 1, now 2).",
        [stories.deal(revision=3, time=LATER)],
    ),
    Case(
        "quote_differs_from_signed",
        [
            *ready(),
            stories.deal(stage="quote_draft"),
            *signed()[1:],
            stories.deal(
                revision=2,
                stage="closed_won",
                time="2026-05-02T12:00:00Z",
                quote=one_line("499.95", quantity="10"),
            ),
        ],
        "It is not clear which quote was signed: the contract went out between revisions 1 and 2, which differ.",
        case="quote_changed_around",
    ),
    Case(
        "quote_total_differs",
        [*ready(), *signed(quote=quote(total="600.94"))],
        "The quote's lines do not add up to its total of 600.94 USD.",
    ),
    Case(
        "quote_total_differs",
        [*ready(), *signed(quote=one_line("100.005", quantity="1", unit_price="100.005"))],
        "The quote's total of 100.005 USD has fractions of a cent.",
        case="total_not_in_cents",
    ),
    Case(
        "quote_total_differs",
        [*ready(), *signed(currency="KWD", quote=one_line("100.005", quantity="1", unit_price="100.005"))],
        "The quote's total of 100.005 KWD has more than two decimals, and QuickBooks keeps no more.",
        case="total_beyond_cents",
    ),
    Case(
        "quote_total_differs",
        [*ready(), *signed(currency="JPY", quote=one_line("100.5", quantity="1", unit_price="100.5"))],
        "The quote's total of 100.5 JPY has decimals, and its currency has none.",
        case="total_not_whole",
    ),
    Case(
        "amount_too_large",
        [*ready(), *signed(quote=one_line("10000000000", quantity="1", unit_price="10000000000"))],
        "QuickBooks takes amounts below 10,000,000,000.00, and the quote has larger ones: Platform seat.",
    ),
    Case(
        "schedule_not_supported",
        [*ready(), *signed(billing_schedule=[{"entry": 1, "on": "signature", "percent": "100"}])],
        "The deal has a billing schedule, which is not invoiced automatically yet.",
        [revised()],
    ),
    Case(
        "tax_mode_not_supported",
        [*ready(), *signed(quote=quote(tax_mode="inclusive"))],
        "The quote's prices include tax, which is not invoiced automatically yet.",
    ),
    Case(
        "account_missing",
        [*unmapped("account"), *signed()],
        "The CRM has not sent the deal's account A-1 yet.",
        [mapped()],
    ),
    Case(
        "mapping_in_review",
        [*unmapped("account"), stories.account(), *signed(), suggested(twin="59")],
        "The account Acme A-1 (A-1) could be the QuickBooks customer Acme Inc (58), with a score of 87.5 %, of which Acme,"
        " Incorporated (59) is probably a duplicate.",
        [mapped()],
        case="duplicates",
    ),
    Case(
        "mapping_in_review",
        [*unmapped("account"), stories.account(), *signed(), suggested()],
        "The account Acme A-1 (A-1) could be the QuickBooks customer Acme Inc (58), with a score of 87.5 %.",
        [mapped()],
    ),
    Case(
        "account_not_mapped",
        [*unmapped("account"), stories.account(), *signed(), suggested(), ignored()],
        "The account Acme A-1 (A-1) has no QuickBooks customer, and ada said that it gets none.",
        [mapped()],
        case="ignored",
    ),
    Case(
        "account_not_mapped",
        [*unmapped("account"), stories.account(), *signed(), first_sync()],
        "The account Acme A-1 (A-1) has no QuickBooks customer; the company's customers are still being read for the first"
        " time.",
        [mapped()],
        case="being_read",
    ),
    Case(
        "account_not_mapped",
        [*unmapped("account"), mapped("A-2", "58"), BROUGHT, *signed()],
        "The CRM says that the account Acme A-1 (A-1) is the QuickBooks customer 58, which is the account A-2's.",
        [mapped()],
        case="customer_of_another_account",
    ),
    Case(
        "account_not_mapped",
        [*unmapped("account"), stories.account(), *signed()],
        "The account Acme A-1 (A-1) has no QuickBooks customer.",
        [mapped()],
    ),
    Case(
        "account_not_mapped",
        [*unmapped("account"), stories.account(), *signed(), customer_asked()],
        "The account Acme A-1 (A-1; creating it was refused: no) has no QuickBooks customer.",
        [mapped()],
        then=refuses("rejected_by_quickbooks", kind="create_customer"),
    ),
    Case(
        "account_not_mapped",
        [
            *unmapped("account"),
            stories.account(),
            stories.account("A-2"),
            mapped("A-2", "58"),
            *signed(),
            customer_asked(),
        ],
        "No customer was created for the account Acme A-1 (A-1): customer 58 (Acme A-1, inactive), mapped to account"
        " Acme A-2 (A-2), already has the name.",
        [mapped()],
        then=refuses("rejected_by_quickbooks", kind="create_customer", holder=HOLDER),
        case="name_of_customer",
    ),
    Case(
        "account_not_mapped",
        [*unmapped("account"), stories.account(), *signed(), customer_asked()],
        "No customer was created for the account Acme A-1 (A-1): vendor 9 (Acme A-1) already has the name, and in"
        " QuickBooks only one customer, vendor or employee can have it.",
        [mapped()],
        then=refuses(
            "rejected_by_quickbooks",
            kind="create_customer",
            holder=Holder("Vendor", "9", "Acme A-1", active=True),
        ),
        case="name_of_another_list",
    ),
    Case(
        "account_not_mapped",
        [*ready(), stories.account(), customer_seen(exists=False, reading=9), *signed()],
        "QuickBooks has no customer 7, which the account Acme A-1 (A-1) is mapped to.",
        [mapped(customer="8")],
        case="no_such_customer",
    ),
    Case(
        "account_not_mapped",
        [*ready(), stories.account(), *merged(survivor=None), *signed()],
        "The QuickBooks customer 7 of the account Acme A-1 (A-1) was merged into another one, and QuickBooks does not say"
        " into which.",
        [mapped(customer="8")],
        case="merged",
    ),
    Case(
        "account_not_mapped",
        [*ready(), stories.account(), stories.account("A-2"), mapped("A-2", "8"), *merged(), *signed()],
        "The QuickBooks customer 7 of the account Acme A-1 (A-1) was merged into Acme (8), which is the account"
        " Acme A-2 (A-2)'s.",
        [mapped(customer="8")],
        case="merged_into_another_accounts",
    ),
    Case(
        "account_not_mapped",
        [*ready(), stories.account(), rejected_pair(customer="8"), *merged(), *signed()],
        "The QuickBooks customer 7 of the account Acme A-1 (A-1) was merged into Acme (8), which a person rejected for"
        " this account.",
        [mapped(customer="8")],
        case="merged_into_rejected",
    ),
    Case(
        "customer_inactive",
        [*ready(), customer_seen(active=False, reading=9), *signed()],
        "The QuickBooks customer Acme (7) is inactive.",
        [customer_seen(reading=10)],
    ),
    Case(
        "product_not_mapped",
        [*ready(), *signed(quote=one_line("599.94", product_id="P-9", name="Beta"))],
        "No QuickBooks item is mapped to Beta (P-9).",
        [mapped_product("P-9")],
    ),
    Case(
        "product_not_mapped",
        [*unmapped("product"), *signed(), item_suggested()],
        "Platform seat (P-1) could be the QuickBooks item Seats (58), with a score of 87.5 %.",
        [mapped_product()],
        case="in_review",
    ),
    Case(
        "product_not_mapped",
        [*unmapped("product"), *signed(), item_suggested(), ignored_product()],
        "No QuickBooks item is mapped to Platform seat (P-1; ada said that it gets none).",
        [mapped_product()],
        case="ignored",
    ),
    Case(
        "product_not_mapped",
        [*unmapped("product"), *signed(), first_sync()],
        "No QuickBooks item is mapped to Platform seat (P-1); the company's items are still being read for the first time.",
        [mapped_product()],
        case="being_read",
    ),
    Case(
        "product_not_mapped",
        [
            *ready(income_account="Services"),
            *signed(quote=one_line("599.94", product_id="P-9", name="Beta")),
            item_asked("P-9"),
        ],
        "No QuickBooks item is mapped to Beta (P-9; creating it was refused: item 4 (Beta) already has the name).",
        [mapped_product("P-9")],
        then=refuses(
            "rejected_by_quickbooks", kind="create_item", holder=Holder("Item", "4", "Beta", active=True)
        ),
        case="name_of_item",
    ),
    Case(
        "product_not_mapped",
        [*ready(), item_seen(exists=False, reading=9), *signed()],
        "QuickBooks has no item 5 for Platform seat (P-1).",
        [mapped_product(item="6")],
        case="no_such_item",
    ),
    Case(
        "product_not_mapped",
        [*ready(), *merged("5", None, "Item"), *signed()],
        "QuickBooks has merged the item 5 for Platform seat (P-1) into another one, and does not say into which.",
        [mapped_product(item="6")],
        case="item_merged",
    ),
    Case(
        "product_not_mapped",
        [*ready(), item_seen(type="Category", reading=9), *signed()],
        "QuickBooks takes no category or bundle on an invoice line: Platform seat (5, Category) for Platform seat (P-1).",
        [mapped_product(item="6")],
        case="item_not_for_sale",
    ),
    Case(
        "product_not_mapped",
        [*by_default(), connected(OTHER_REALM), *signed()],
        "No QuickBooks item is mapped to Platform seat (P-1), and the default item was chosen in another company.",
        [chosen(unmapped_product="default 7")],
        case="default_item_elsewhere",
    ),
    Case(
        "product_not_mapped",
        [*by_default(), item_seen("6", exists=False, reading=9), *signed()],
        "QuickBooks has no item 6 for Platform seat (P-1), the default item of unmapped products.",
        [chosen(unmapped_product="default 7")],
        case="no_such_default_item",
    ),
    Case(
        "product_not_mapped",
        [*by_default(), item_seen("6", type="Group", reading=9), *signed()],
        "QuickBooks takes no category or bundle on an invoice line, but the default item is one: Platform seat (6, Group)"
        " for Platform seat (P-1).",
        [mapped_product()],
        case="default_item_not_for_sale",
    ),
    Case(
        "item_inactive",
        [*by_default(), item_seen("6", active=False, reading=9), *signed()],
        "The default item of unmapped products is inactive in QuickBooks: Platform seat (6, Service) for Platform seat"
        " (P-1).",
        [item_seen("6", reading=10)],
        case="default_item_inactive",
    ),
    Case(
        "item_being_created",
        [*creating(), *signed()],
        "A QuickBooks item is being created for Platform seat (P-1).",
        lambda decider: [item_created(decider.commanded("create_item")[-1])],
    ),
    Case(
        "item_being_created",
        [*creating(paused="true"), *signed()],
        "A QuickBooks item will be created for Platform seat (P-1) once the invoice waits for nothing else.",
        [mapped_product()],
        case="to_create",
    ),
    Case(
        "item_inactive",
        [*ready(), item_seen(active=False, reading=9), *signed()],
        "An item of the invoice is inactive in QuickBooks: Platform seat (5, Service) for Platform seat (P-1).",
        [item_seen(reading=10)],
    ),
    Case(
        "quantity_not_representable",
        [
            *ready(),
            item_seen(type="Inventory", reading=9),
            *signed(quote=one_line("0.33", quantity="99999999", unit_price="0.0000000033")),
        ],
        "A line with an inventory item needs a quantity and a unit price, and no unit price with up to seven decimals"
        " gives the exact amount of Platform seat (99999999 for 0.33 USD).",
        [item_seen(reading=10)],
    ),
    Case(
        "too_many_lines",
        [
            *ready(),
            *signed(
                quote=quote(
                    lines=[line(line_id=str(n), quantity="1", unit_price="1") for n in range(751)],
                    total="751",
                )
            ),
        ],
        "The invoice would have too many lines for QuickBooks: 751, and the limit is 750.",
    ),
    Case(
        "income_account_missing",
        [*ready(), *signed(quote=one_line("599.94", product_id="P-9", name="Beta")), item_asked("P-9")],
        "The item for P-9 can't be created without an income account.",
        [mapped_product("P-9")],
    ),
    Case(
        "term_not_found",
        [*ready(terms="Net 7"), *signed()],
        "The QuickBooks company has no payment terms 'Net 7'.",
        [chosen(terms="net 60")],
    ),
    Case(
        "tax_code_not_mapped",
        [*elsewhere(), *signed(quote=one_line("599.94", tax_code="standard"))],
        "The QuickBooks company has no tax code for standard.",
        [observed(country="GB", tax_codes=(Named("3", "Standard"),))],
    ),
    Case(
        "tax_code_not_mapped",
        [*elsewhere(), *signed()],
        "The quote has no tax code for Platform seat (P-1), and this QuickBooks company needs one on every line.",
        case="lines_without_tax_code",
    ),
    Case(
        "currency_not_enabled",
        [*ready(), mapped(currency="EUR"), customer_seen(currency="EUR", reading=9), *signed(currency="EUR")],
        "The QuickBooks company can't invoice in EUR: multicurrency is off.",
        [observed(multicurrency=True)],
    ),
    Case(
        "customer_currency_differs",
        [*ready(), observed(multicurrency=True), *signed(currency="EUR")],
        "The QuickBooks customer is billed in another currency: USD, and the deal is in EUR.",
        [mapped("A-1", "8", "EUR"), customer_seen("8", currency="EUR")],
    ),
    Case(
        "connection_missing",
        [chosen(auto_invoice="true", cut_over="2026-01-01T00:00:00Z"), mapped(), mapped_product(), *signed()],
        "QuickBooks is not connected.",
        [connected(), observed()],
    ),
    Case(
        "connection_missing",
        [*ready(), *signed(), disconnected()],
        "QuickBooks is not connected.",
        [connected()],
    ),
    Case(
        "connection_expired",
        [*ready(), expired(), *signed()],
        "QuickBooks no longer accepts the connection.",
        [connected()],
    ),
    Case(
        "other_company_connected",
        [*ready(), *signed(), connected(OTHER_REALM)],
        "The invoice was made for QuickBooks company 1111, but another company is connected now.",
        [connected(), observed()],
    ),
    Case(
        "company_not_read",
        [
            chosen(auto_invoice="true", cut_over="2026-01-01T00:00:00Z"),
            connected(),
            *referred(),
            reading_failed("read_company", "workspace"),
            *signed(),
        ],
        "The QuickBooks company has not been read yet: An answer was lost..",
        [observed()],
    ),
    Case(
        "mapping_not_read",
        [*unmapped(), *signed(), reading_failed("read_customer", f"customer/{REALM}/7"), item_seen()],
        "The invoice's customer or items could not be read from QuickBooks (customer 7: An answer was lost.).",
        [customer_seen()],
        reads=False,
    ),
    Case(
        "mapping_in_review",
        [*unmapped("account"), OFFERS, customer_unmatched(), stories.account(), *signed(), suggested()],
        "The account Acme A-1 (A-1) could be the QuickBooks customer Acme Inc (58), with a score of 87.5 %, which was"
        " offered to the CRM as a new account.",
        [mapped()],
        case="offered",
    ),
    Case(
        "customer_being_created",
        [*unmapped("account"), CREATES, stories.account(), *signed()],
        "The account Acme A-1 (A-1) is being compared with the company's customers; if none is like it, one will be"
        " created.",
        [mapped()],
        case="to_compare",
    ),
    Case(
        "customer_being_created",
        [*unmapped("account"), CREATES, stories.account(), *signed(), NO_MATCH],
        "A QuickBooks customer will be created for the account Acme A-1 (A-1) once the invoice waits for nothing else, and"
        " no customer is found that is like it.",
        [mapped()],
        case="to_create",
    ),
    Case(
        "customer_being_created",
        [*unmapped("account"), CREATES, stories.account(), *signed(), NO_MATCH, unmatched()],
        "A QuickBooks customer is being created for the account Acme A-1 (A-1).",
        [mapped()],
    ),
    Case(
        "mapping_being_read",
        [*unmapped(), *signed()],
        "Reading customer 7, item 5 from QuickBooks.",
        [customer_seen(), item_seen()],
        reads=False,
    ),
    Case(
        "mapping_being_read",
        [*creating(), *signed()],
        "Platform seat (P-1) will be compared with the company's items, once all are read.",
        [unmatched_product()],
        reads=False,
        case="to_be_compared",
    ),
    *(
        Case(
            gate,
            [*ready(), company_refused(gate), *signed()],
            f"{begins}: The company is closed..",
            [company_served()],
        )
        for gate, begins in {
            "subscription_lapsed": "The company's QuickBooks subscription has lapsed",
            "insufficient_rights": "QuickBooks refuses every request for lack of rights",
            "wrong_environment": "QuickBooks does not let this app use the company",
        }.items()
    ),
    Case(
        "time_zone_not_set",
        [*ready(), observed(time_zone=None, time_zone_reason="its address has no state"), *signed()],
        "The QuickBooks company's time zone is not known, so its invoices can't be dated:"
        " its address has no state.",
        [chosen(time_zone="America/Chicago")],
    ),
    Case(
        "paused",
        [*ready(paused="true"), *signed()],
        "Invoicing is paused for this workspace.",
        [chosen(paused="false")],
    ),
    Case(
        BATCH_NOT_DUE,
        [*ready(sync_frequency="daily 02:30"), *signed()],
        "The invoice is sent with the next batch (daily 02:30), at 2026-05-04 02:30 (America/Los_Angeles).",
        [fact(catalog.SYNC_DUE, SyncDue("daily 02:30", datetime(2026, 5, 4, 9, 30, tzinfo=UTC)))],
    ),
    *(
        Case(gate, [*ready(), *signed()], f"{begins}: no.", [ordered()], then=refuses(gate))
        for gate, begins in {
            "period_closed": "The books are closed for the invoice's date",
            "rejected_by_quickbooks": "QuickBooks refused the invoice",
            "doc_number_taken": "Another document in QuickBooks already has this invoice's number",
        }.items()
    ),
    Case(
        "quickbooks_fails_at_it",
        [*ready(), *signed()],
        "QuickBooks failed each time the invoice was sent: no; no invoice was created.",
        [ordered()],
        then=refuses("quickbooks_fails_at_it"),
    ),
    Case(
        "outcome_uncertain",
        [*ready(), *signed()],
        "The invoice was sent, but QuickBooks' answer was lost (no answer).",
        done,
        then=loses("no answer"),
    ),
    Case(
        "outcome_uncertain",
        [*ready(), *signed()],
        "The invoice may be in QuickBooks, but looking it up there failed (500).",
        done,
        then=loses("500", look_up_refused=True),
        case="look_up_refused",
    ),
    Case(IN_PROGRESS, [*ready(), *signed()], "The invoice is being created.", done),
]


def shut(case: Case) -> Decider:
    decider = Decider()
    decider.reads = decider.compares = case.reads
    decider.when(*case.given)
    return decider.when(*case.then(decider)) if case.then else decider


@pytest.mark.parametrize(
    "case", CASES_OF_GATES, ids=[f"{n}-{case.case or case.gate}" for n, case in enumerate(CASES_OF_GATES)]
)
def test_a_gate_shuts_says_why_and_opens(case: Case) -> None:
    decider = shut(case)
    found = {gate.code: gate for gate in decider.gates()}
    assert case.gate in found
    assert (found[case.gate].case, found[case.gate].reason) == (case.case, case.reason)
    assert found[case.gate].remedy
    held = found[case.gate].announced()
    assert spoken(unspoken(held)) == held
    if case.opens is not None:
        decider.when(*(case.opens(decider) if callable(case.opens) else case.opens))
        assert case.gate not in {gate.code for gate in decider.gates()} - {IN_PROGRESS}
    if case.gate == IN_PROGRESS:
        assert decider.gates() == []


def test_each_gate_and_each_case_is_on_this_page() -> None:
    assert {case.gate for case in CASES_OF_GATES} == BY_CODE.keys()
    cases = {case for gate in BY_CODE.values() for case in gate.cases}
    assert {case.case for case in CASES_OF_GATES if case.case} == cases


def test_no_code_is_that_of_two_gates_that_one_deal_meets() -> None:
    for gates in (GATES, COMMANDED):
        assert len({gate.code for gate in gates}) == len(gates)


def test_the_words_of_a_gate_name_no_command_line_and_leave_no_hole() -> None:
    for gate in BY_CODE.values():
        for words in (gate.words, *gate.cases.values()):
            assert words.reason
            assert words.remedy
            assert "q2c" not in words.reason + words.remedy
            params = dict.fromkeys(re.findall(r"{(\w+)}", words.reason), "value")
            for known in (params, {}):
                assert not set("{}[]") & set(filled(words.reason, known) + words.remedy)


def test_every_refusal_of_a_company_is_a_gate() -> None:
    assert REFUSED_COMPANY.keys() == set(GATE_OF_COMPANY.values())


def test_a_customer_that_was_created_opens_the_deals_that_wait_for_it() -> None:
    decider = given(*unmapped("account"), stories.account(), *signed(), customer_asked())
    assert decider.stands_at() == "account_not_mapped"
    decider.when(customer_created(decider.commanded("create_customer")[0]))
    assert len(decider.commanded()) == 1


def test_a_gate_of_another_version_does_not_break_the_list() -> None:
    held = spoken(UnmetGate("gone_since", "connect", params={"total": "5"}))
    assert (held.gate, held.action, held.params) == ("gone_since", "connect", {"total": "5"})
    assert "another version" in held.reason


def test_a_parameter_that_an_older_event_lacks_is_a_question_mark() -> None:
    assert spoken(UnmetGate("account_missing")).reason == "The CRM has not sent the deal's account ? yet."
    assert spoken(UnmetGate("contract_declined")).reason == "The contract was declined."
