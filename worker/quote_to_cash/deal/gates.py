"""The gates of a deal: it is won, it may be invoiced, and its quote is the one that was signed."""

from datetime import UTC

from events.contract.docusign import RECEPTION_PROBLEMS, params_of
from events.contract.gates import Words
from worker.quote_to_cash.deal.won import awaits_signature, is_won, newest_contract, won_since
from worker.quote_to_cash.gates import Gate, Unmet
from worker.quote_to_cash.inquiry import Inquiry, has_arrived, has_quote
from worker.quote_to_cash.view import DOCUSIGN


def _not_lost(inquiry: Inquiry) -> bool:
    latest = inquiry.deal.latest
    return latest is None or latest.stage != "closed_lost"


def _missed(inquiry: Inquiry) -> Unmet:
    """Return the cause of a missing signature: if DocuSign's messages are refused or missing, with this problem."""
    trouble = inquiry.workspace.docusign
    if trouble is None or not awaits_signature(inquiry.deal, inquiry.settings):
        return Unmet()
    return Unmet(params_of(trouble), f"docusign_{trouble.reason}")


def _won(inquiry: Inquiry) -> bool | Unmet:
    if inquiry.lacking is not None or is_won(inquiry.deal, inquiry.settings):
        return True
    return _missed(inquiry)


def _signed(inquiry: Inquiry) -> bool | Unmet:
    return _missed(inquiry) if inquiry.lacking == "contract_not_signed" else True


def _ended(code: str, inquiry: Inquiry) -> bool | Unmet:
    if inquiry.lacking != code:
        return True
    newest = newest_contract(inquiry.deal)
    return Unmet({"reason": newest.reason} if newest and newest.reason else {})


def _not_reopened(inquiry: Inquiry) -> bool | Unmet:
    latest, won_revision = inquiry.deal.latest, inquiry.deal.won_revision
    reopened = (
        latest is not None
        and won_revision is not None
        and latest.revision > won_revision
        and latest.stage not in {"closed_won", "closed_lost"}
    )
    if latest is None or not reopened:
        return True
    return Unmet({"revision": str(latest.revision), "stage": latest.stage})


def _by_hand(inquiry: Inquiry) -> bool:
    return inquiry.part.requests > 0


def _after_cut_over(inquiry: Inquiry) -> bool | Unmet:
    cut_over, won_at = inquiry.settings.cut_over, won_since(inquiry.deal)
    if cut_over is None or won_at is None or won_at >= cut_over or _by_hand(inquiry):
        return True
    return Unmet({"cut_over": f"{cut_over.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"})


def _quoted(inquiry: Inquiry) -> bool | Unmet:
    if inquiry.deal.latest is None:
        return Unmet(case="deal_not_arrived")
    if inquiry.deal.latest.quote is None:
        return False
    shown = inquiry.signed.doubt != "not_shown" or _by_hand(inquiry)
    return shown or Unmet(case="quote_not_shown")


def _same_quote(inquiry: Inquiry) -> bool | Unmet:
    """Compare the signed quote with the CRM's present one."""
    newest = inquiry.deal.versions[-1].last
    sent, other = inquiry.signed.version, inquiry.signed.other
    differs = sent is not None and sent.quote != newest.quote
    if sent is None or not differs:
        return True
    if other:
        revisions = {"before": str(sent.revision), "after": str(other.revision)}
        return Unmet(revisions, "quote_changed_around")
    return Unmet({"sent": str(sent.revision), "now": str(newest.revision)})


_DOCUSIGN = {
    f"docusign_{code}": Words(f"No signature has arrived: {trouble.sentence}", trouble.remedy, trouble.action)
    for code, trouble in RECEPTION_PROBLEMS.items()
}

# A lost deal says so first: the rest no longer matters.
WON = (
    Gate(
        "deal_closed_lost",
        _not_lost,
        Words(
            "The deal is Closed Lost in the CRM.",
            "If it was won after all, move it to Closed Won in the CRM.",
            "correct_deal",
        ),
    ),
    Gate(
        "not_won",
        _won,
        Words("The deal is not won yet.", "Nothing to do: the invoice follows when the contract is signed."),
        depends_on=("deal", DOCUSIGN),
        cases=_DOCUSIGN,
    ),
    Gate(
        "contract_not_signed",
        _signed,
        Words(
            "The contract is not signed yet.",
            "Wait for the signature, or remind the signer in DocuSign.",
            "remind_signer",
        ),
        depends_on=("deal", DOCUSIGN),
        cases=_DOCUSIGN,
    ),
    Gate(
        "contract_declined",
        lambda inquiry: _ended("contract_declined", inquiry),
        Words(
            "The contract was declined[: {reason}].",
            "Send a new contract and have it signed.",
            "send_contract",
        ),
    ),
    Gate(
        "contract_voided",
        lambda inquiry: _ended("contract_voided", inquiry),
        Words(
            "The contract was voided[: {reason}].",
            "Send a new contract and have it signed.",
            "send_contract",
        ),
    ),
    Gate(
        "deal_reopened",
        _not_reopened,
        Words(
            "The deal was reopened after it was won (revision {revision} is {stage}).",
            "Move it back to Closed Won in the CRM.",
            "correct_deal",
        ),
    ),
)

ALLOWED = (
    Gate(
        "auto_invoice_off",
        lambda inquiry: inquiry.settings.auto_invoice or _by_hand(inquiry),
        Words(
            "Automatic invoicing is switched off.",
            "Switch it on, or create this invoice by hand.",
            "switch_on",
        ),
        depends_on=("workspace",),
        given=has_arrived,
    ),
    Gate(
        "won_before_cut_over",
        _after_cut_over,
        Words(
            "The deal was won before the cut-over of {cut_over}.",
            "If it has no invoice yet, create it by hand.",
            "request_invoice",
        ),
        depends_on=("deal", "workspace"),
        given=has_arrived,
    ),
)

QUOTE = (
    Gate(
        "quote_missing",
        _quoted,
        Words("The deal has no quote.", "Add a quote to the deal in the CRM.", "correct_deal"),
        cases={
            "deal_not_arrived": Words(
                "The CRM has not sent the contract's deal yet.",
                "Save the deal once in the CRM; if the CRM has no such deal, correct deal_id in DocuSign.",
                "correct_deal",
            ),
            "quote_not_shown": Words(
                "The deal is still a draft in the CRM, so the quote that was signed is not known.",
                "Move the deal to Contract Sent in the CRM, or invoice the draft's quote by hand.",
                "request_invoice",
            ),
        },
    ),
    Gate(
        "line_items_missing",
        lambda inquiry: bool(inquiry.quote.lines),
        Words(
            "The quote has no lines.",
            "Add the sold products to the quote in the CRM.",
            "correct_deal",
        ),
        given=has_quote,
    ),
    Gate(
        "quote_differs_from_signed",
        _same_quote,
        Words(
            "The quote has changed since the contract was sent (sent as revision {sent}, now {now}).",
            "Restore the signed quote in the CRM, or have the changed quote signed.",
            "correct_deal",
        ),
        given=has_quote,
        cases={
            "quote_changed_around": Words(
                "It is not clear which quote was signed: the contract went out between revisions {before} and {after}, which"
                " differ.",
                "Restore the signed quote in the CRM, or have the changed quote signed.",
                "correct_deal",
            ),
        },
    ),
)
KINDS_OF_DEAL = (
    Gate(
        "schedule_not_supported",
        lambda inquiry: not inquiry.latest.billing_schedule,
        Words(
            "The deal has a billing schedule, which is not invoiced automatically yet.",
            "Invoice its parts in QuickBooks by hand, or remove the schedule in the CRM.",
            "correct_deal",
        ),
        given=has_quote,
    ),
    Gate(
        "tax_mode_not_supported",
        lambda inquiry: inquiry.quote.tax_mode != "inclusive",
        Words(
            "The quote's prices include tax, which is not invoiced automatically yet.",
            "Quote prices before tax in the CRM, or invoice this deal in QuickBooks by hand.",
            "correct_deal",
        ),
        given=has_quote,
    ),
)
