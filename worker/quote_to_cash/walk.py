"""Walk the gates of a deal's invoice, in order, over the state: pure, and the same for `explain`."""

from collections.abc import Iterator
from datetime import datetime

from events.crm import DealUpdated, Quote
from events.docusign import since_when
from events.gates import IN_PROGRESS
from events.quickbooks import CompanyObserved
from worker.quickbooks.errors import GATE_OF_COMPANY
from worker.quote_to_cash.billable import amount_gates, lines_gate, quantity_gate
from worker.quote_to_cash.gates import Gate, shown
from worker.quote_to_cash.invoicing import named, sales_tax
from worker.quote_to_cash.referred import billed_in, mapping_gates, reading_gates, refused_creation
from worker.quote_to_cash.settings import Settings
from worker.quote_to_cash.signed import Signed, signed_contract, signed_version
from worker.quote_to_cash.state import Contract, Deal, Effort, View, WorkspaceState
from worker.quote_to_cash.totals import Priced, price


def walk(view: View, deal_id: str) -> list[Gate]:
    """Return every gate that can be judged for the deal's invoice."""
    deal = view.deal(deal_id)
    workspace = view.workspace()
    settings = workspace.settings
    gates = won_gates(deal, workspace)
    if deal.latest is None:
        gates.append(Gate("quote_missing", met=False, case="deal_not_arrived"))
    else:
        gates += _allowed(deal, settings)
        priced = _priced(deal.latest)
        gates += _quoted(deal, deal.latest, priced)
        gates += _referred(view, deal.latest, priced, workspace)
        gates += _company(view, deal.latest, priced, workspace)
    gates += _connected(workspace)
    gates += _served(workspace)
    gates.append(_not_paused(workspace))
    if deal.latest is not None:
        gates += reading_gates(view, deal.latest)  # last: it passes by itself, the others rarely do
    return gates


def stands_at(view: View, deal_id: str) -> list[Gate]:
    """Return the gates that matter now: once commanded, only what became of the command."""
    own = progress(view, deal_id)
    if all(gate.met for gate in own):
        return [*walk(view, deal_id), *own]
    return [*_found_out(view, view.deal(deal_id)), *own]


def _found_out(view: View, deal: Deal) -> list[Gate]:
    """Return what is wrong by now with what a refused invoice refers to; it may be why it was refused."""
    if deal.latest is None or deal.effort is None or deal.effort.status != "rejected":
        return []
    gates = _referred(view, deal.latest, _priced(deal.latest), view.workspace())
    return [gate for gate in gates if not gate.met]


def _referred(
    view: View, latest: DealUpdated, priced: Priced | None, workspace: WorkspaceState
) -> Iterator[Gate]:
    realm = workspace.connection.realm if workspace.connection else None
    yield from mapping_gates(view, latest, workspace)
    yield quantity_gate(view, latest, priced, realm)


def _priced(latest: DealUpdated) -> Priced | None:
    return price(latest.quote, latest.currency) if latest.quote and latest.quote.lines else None


def progress(view: View, deal_id: str) -> list[Gate]:
    """Return the gates that our own command for the invoice stands at."""
    deal = view.deal(deal_id)
    effort = deal.effort
    if effort is None or deal.invoice is not None:
        return []
    detail = f": {effort.message}" if effort.message else ""
    if effort.status == "rejected":
        released = deal.orders > effort.asked
        return [Gate(effort.gate or "rejected_by_quickbooks", met=released, detail=detail)]
    workspace = view.workspace()
    sent = (
        _not_expired(workspace),
        _same_company(workspace, effort),
        *_served(workspace),
        _not_paused(workspace),
    )
    stopped = [gate for gate in sent if not gate.met]
    if effort.status == "commanded" and workspace.company is not None:
        stopped += [gate for gate in (_dated(workspace),) if not gate.met]
    if effort.status == "uncertain":
        case = "look_up_refused" if effort.look_up_refused else None
        detail = f" ({effort.message})" if effort.message else ""
        return [*stopped, Gate("outcome_uncertain", met=False, detail=detail, case=case)]
    return stopped or [Gate(IN_PROGRESS, met=False)]


def _same_company(workspace: WorkspaceState, effort: Effort) -> Gate:
    """Look whether the company that a command is for is the one that is connected."""
    connection = workspace.connection
    same = connection is not None and connection.realm == effort.realm
    return Gate("other_company_connected", met=same, detail=effort.realm)


def is_won(deal: Deal, settings: Settings) -> bool:
    """A completed contract wins a deal; so does the CRM, unless a signature is required."""
    if signed_contract(deal) is not None:
        return True
    return deal.won_revision is not None and not settings.invoice_requires_signature


def won_since(deal: Deal) -> datetime | None:
    """Return when a deal was won first, by any of its contracts or by the CRM; nothing if neither says so."""
    signed = [contract.at for contract in deal.contracts.values() if contract.status == "signed"]
    return min([*signed, *([deal.won_at] if deal.won_at else [])], default=None)


def awaits_signature(deal: Deal, settings: Settings) -> bool:
    """Say whether DocuSign's next message may win the deal: a contract is out, as far as it or the CRM says."""
    if is_won(deal, settings) or (deal.latest is not None and deal.latest.stage == "closed_lost"):
        return False
    newest = _newest(deal)
    if newest is not None:
        return newest.status in {"sent", "delivered"}
    return deal.won_revision is not None or (deal.latest is not None and deal.latest.stage == "contract_sent")


def _newest(deal: Deal) -> Contract | None:
    return max(deal.contracts.values(), key=lambda c: (c.sent_at or c.at, c.contract_id), default=None)


def is_spoken_for(deal: Deal) -> bool:
    """Say whether a missing invoice needs a reason: somebody won, declined or voided something."""
    final = any(contract.status not in {"sent", "delivered"} for contract in deal.contracts.values())
    return final or deal.won_revision is not None


def won_gates(deal: Deal, workspace: WorkspaceState) -> list[Gate]:
    """Return the gates before a deal is won. A lost deal says so first: the rest no longer matters."""
    latest = deal.latest
    lost = latest is not None and latest.stage == "closed_lost"
    return [Gate("deal_closed_lost", met=not lost), *_signed(deal, workspace), _reopened(deal)]


def _signed(deal: Deal, workspace: WorkspaceState) -> Iterator[Gate]:
    won = is_won(deal, workspace.settings)
    newest = _newest(deal)
    unsigned = None
    if not won and (newest is not None or deal.won_revision is not None):
        codes = {"declined": "contract_declined", "voided": "contract_voided"}
        unsigned = codes.get(newest.status if newest else "", "contract_not_signed")
    reason = f": {newest.reason}" if newest and newest.reason else ""
    case, since = _missed(deal, workspace)
    yield Gate("not_won", met=won or unsigned is not None, detail=since, case=case)
    yield Gate("contract_not_signed", met=unsigned != "contract_not_signed", detail=since, case=case)
    for code in ("contract_declined", "contract_voided"):
        yield Gate(code, met=code != unsigned, detail=reason)


def _missed(deal: Deal, workspace: WorkspaceState) -> tuple[str | None, str]:
    """Say why a signature might have been missed, and since when; nothing if DocuSign's messages are taken."""
    trouble = workspace.docusign
    if trouble is None or not awaits_signature(deal, workspace.settings):
        return None, ""
    return f"docusign_{trouble.reason}", since_when(trouble)


def _reopened(deal: Deal) -> Gate:
    latest = deal.latest
    reopened = (
        latest is not None
        and deal.won_revision is not None
        and latest.revision > deal.won_revision
        and latest.stage not in {"closed_won", "closed_lost"}
    )
    detail = f" (revision {latest.revision} is {latest.stage})" if latest and reopened else ""
    return Gate("deal_reopened", met=not reopened, detail=detail)


def _allowed(deal: Deal, settings: Settings) -> Iterator[Gate]:
    by_hand = deal.orders > 0
    yield Gate("auto_invoice_off", met=settings.auto_invoice or by_hand)
    won_at = won_since(deal)
    early = settings.cut_over is not None and won_at is not None and won_at < settings.cut_over
    detail = f" of {settings.cut_over.isoformat()}" if settings.cut_over else ""
    yield Gate("won_before_cut_over", met=not early or by_hand, detail=detail)


def _quoted(deal: Deal, latest: DealUpdated, priced: Priced | None) -> Iterator[Gate]:
    if latest.quote is None:
        yield Gate("quote_missing", met=False)
        return
    signed = signed_version(deal)
    shown = signed.doubt != "not_shown" or deal.orders > 0
    yield Gate("quote_missing", met=shown, case=None if shown else "quote_not_shown")
    yield Gate("line_items_missing", met=bool(latest.quote.lines))
    yield _same_quote(deal, signed)
    yield from amount_gates(latest.quote, priced, latest.currency)
    yield Gate("schedule_not_supported", met=not latest.billing_schedule)
    yield Gate("tax_mode_not_supported", met=latest.quote.tax_mode != "inclusive")


def _same_quote(deal: Deal, signed: Signed) -> Gate:
    """Compare what was signed with what the CRM shows now."""
    newest = deal.versions[-1].last
    sent, other = signed.version, signed.other
    differs = sent is not None and sent.quote != newest.quote
    if sent and other and differs:
        detail = (
            f": the contract went out between revisions {sent.revision} and {other.revision}, which differ"
        )
        return Gate("quote_differs_from_signed", met=False, detail=detail, case="quote_changed_around")
    detail = f" (sent as revision {sent.revision}, now {newest.revision})" if sent and differs else ""
    return Gate("quote_differs_from_signed", met=not differs, detail=detail)


def _company(
    view: View, latest: DealUpdated, priced: Priced | None, workspace: WorkspaceState
) -> Iterator[Gate]:
    company, settings = workspace.company, workspace.settings
    if company is None:
        return
    term_found = not settings.terms or named(company.terms, settings.terms) is not None
    yield Gate("term_not_found", met=term_found, detail=repr(settings.terms))
    if latest.quote is not None:
        yield _tax_codes(latest.quote, company)
        yield lines_gate(latest.quote, priced, company)
    enabled = company.multicurrency or latest.currency == company.home_currency
    yield Gate("currency_not_enabled", met=enabled, detail=latest.currency)
    currency = billed_in(view, latest, company.realm)
    yield Gate(
        "customer_currency_differs",
        met=currency is None or currency == latest.currency,
        detail=f": {currency}, and the deal is in {latest.currency}{refused_creation(view, latest)}",
    )


def _tax_codes(quote: Quote, company: CompanyObserved) -> Gate:
    if sales_tax(company) or quote.tax_mode == "none":
        return Gate("tax_code_not_mapped")
    wanted = {line.tax_code for line in quote.lines if line.tax_code}
    unknown = sorted(code for code in wanted if named(company.tax_codes, code) is None)
    bare = [f"{shown(line.name)} ({line.product_id})" for line in quote.lines if not line.tax_code]
    return Gate(
        "tax_code_not_mapped",
        met=not unknown and not bare,
        detail=", ".join(unknown or bare),
        case="lines_without_tax_code" if bare and not unknown else None,
    )


def _connected(workspace: WorkspaceState) -> Iterator[Gate]:
    connected = workspace.connection is not None
    yield Gate("connection_missing", met=connected)
    yield _not_expired(workspace)
    if connected:
        problem = f": {workspace.read_problem}" if workspace.read_problem else ""
        yield Gate("company_not_read", met=workspace.company is not None, detail=problem)
    if workspace.company is not None:
        yield _dated(workspace)


def _not_expired(workspace: WorkspaceState) -> Gate:
    return Gate("connection_expired", met=not workspace.expired)


def _served(workspace: WorkspaceState) -> Iterator[Gate]:
    """Look whether QuickBooks refuses whatever is asked of the company."""
    refused = workspace.refused
    for code in GATE_OF_COMPANY.values():
        shut = refused is not None and refused.gate == code
        yield Gate(code, met=not shut, detail=f": {refused.message}" if refused else "")


def _dated(workspace: WorkspaceState) -> Gate:
    """Look whether it is known what day it is where the company is, which its invoices are dated by."""
    reason = workspace.company.time_zone_reason if workspace.company else ""
    detail = f": {reason}" if reason else ""
    return Gate("time_zone_not_set", met=workspace.time_zone is not None, detail=detail)


def _not_paused(workspace: WorkspaceState) -> Gate:
    return Gate("paused", met=not workspace.settings.paused)
