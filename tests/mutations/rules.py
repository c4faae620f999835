"""Mutations of the rules of deciding: which deals are invoiced, by which contract and quote, and how often."""

from tests.mutations.mutation import Mutation

_ATTEMPT = "worker/quote_to_cash/attempt.py"
_COMPANY_FOLDS = "worker/quote_to_cash/company/folds.py"
_CUSTOMERS_FOLDS = "worker/quote_to_cash/customers/folds.py"
_CUSTOMERS_GATES = "worker/quote_to_cash/customers/gates.py"
_CUSTOMERS_STATE = "worker/quote_to_cash/customers/state.py"
_DEAL_FOLDS = "worker/quote_to_cash/deal/folds.py"
_DEAL_GATES = "worker/quote_to_cash/deal/gates.py"
_DEAL_SIGNED = "worker/quote_to_cash/deal/signed.py"
_DEAL_WON = "worker/quote_to_cash/deal/won.py"
_INVOICE_GATES = "worker/quote_to_cash/invoice/gates.py"
_ITEMS_STATE = "worker/quote_to_cash/items/state.py"

MUTATIONS = (
    Mutation(
        "earlier_contract",
        _DEAL_SIGNED,
        "return max(signed, key=lambda contract: (contract.at, contract.contract_id), default=None)",
        "return min(signed, key=lambda contract: (contract.at, contract.contract_id), default=None)",
        "Of two signed contracts, the replaced one is invoiced.",
    ),
    Mutation(
        "edit_long_after_sending",
        _DEAL_SIGNED,
        "WRITTEN_DOWN_WITHIN = timedelta(minutes=1)",
        "WRITTEN_DOWN_WITHIN = timedelta(days=1)",
        "A quote that was edited after the contract was sent is taken for the signed one.",
    ),
    Mutation(
        "draft_as_signed",
        _DEAL_SIGNED,
        'if not place or shown[place - 1].stage == "quote_draft":',
        "if not place:",
        "A draft is invoiced as if it had been signed.",
    ),
    Mutation(
        "quote_changed_since",
        _DEAL_GATES,
        "differs = sent is not None and sent.quote != newest.quote",
        "differs = False",
        "A quote that changed after the contract was sent is invoiced.",
    ),
    Mutation(
        "currency_changed_since",
        _DEAL_FOLDS,
        '"currency": currency}',
        '"currency": "-"}',
        "A deal that was signed in dollars is invoiced in euros.",
    ),
    Mutation(
        "signed_is_undone",
        _DEAL_FOLDS,
        '    if known.status == "signed":\n        return False\n',
        "",
        "A late message undoes a signature, and the deal is never invoiced.",
    ),
    Mutation(
        "older_message_wins",
        _DEAL_FOLDS,
        "return (change.at, status) > (known.at, known.status)",
        "return True",
        "A declined contract is shown as voided, or a voided one as declined, depending on the last message.",
    ),
    Mutation(
        "closing_date_ignored",
        _DEAL_FOLDS,
        "won_at=snapshot.closed_at or at",
        "won_at=at",
        "A CRM that sends its history gets all of it invoiced again.",
    ),
    Mutation(
        "edit_wins_anew",
        _DEAL_FOLDS,
        "snapshot.revision < deal.won_revision",
        "snapshot.revision > deal.won_revision",
        "Editing an old deal after the cut-over invoices it.",
    ),
    Mutation(
        "switched_on_again",
        _COMPANY_FOLDS,
        "getattr(state.settings, setting.name) and dated not in state.instants:",
        "getattr(state.settings, setting.name):",
        "Deals won while automatic invoicing was off are never invoiced.",
    ),
    Mutation(
        "latest_winning_counts",
        _DEAL_WON,
        "return min([*signed, *([deal.won_at] if deal.won_at else [])], default=None)",
        "return max([*signed, *([deal.won_at] if deal.won_at else [])], default=None)",
        "A deal that was won before the cut-over and signed again after it is invoiced twice.",
    ),
    Mutation(
        "cut_over_ignored",
        _DEAL_GATES,
        "if cut_over is None or won_at is None or won_at >= cut_over or _by_hand(inquiry):",
        "if cut_over is None or True:",
        "A CRM that sends its history gets all of it invoiced again.",
    ),
    Mutation(
        "lost_is_won",
        _DEAL_GATES,
        'return latest is None or latest.stage != "closed_lost"',
        "return True",
        "A lost deal whose contract was signed is invoiced.",
    ),
    Mutation(
        "reopened_is_won",
        _DEAL_GATES,
        'return Unmet({"revision": str(latest.revision), "stage": latest.stage})',
        "return True",
        "A deal that is being negotiated again is invoiced.",
    ),
    Mutation(
        "crms_word_is_enough",
        _DEAL_WON,
        "return deal.won_revision is not None and not settings.invoice_requires_signature",
        "return deal.won_revision is not None",
        "Deals are invoiced without the signature that the workspace requires.",
    ),
    Mutation(
        "inclusive_as_exclusive",
        _DEAL_GATES,
        'inquiry.quote.tax_mode != "inclusive"',
        "True",
        "Tax is added to prices that include it.",
    ),
    Mutation(
        "schedule_at_once",
        _DEAL_GATES,
        "lambda inquiry: not inquiry.latest.billing_schedule",
        "lambda _: True",
        "A total that is to be paid in parts is invoiced at once.",
    ),
    Mutation(
        "customers_currency",
        _CUSTOMERS_GATES,
        "if currency is None or currency == latest.currency:",
        "if currency is not None:",
        "An invoice is sent in a currency that its customer is not billed in.",
    ),
    Mutation(
        "refusal_forgotten",
        _INVOICE_GATES,
        "released = inquiry.part.requests > attempt.asked",
        "released = True",
        "A rejected invoice is commanded and sent again and again.",
    ),
    Mutation(
        "refusal_of_another",
        _ATTEMPT,
        'return attempt.request_id == outcome.request_id and attempt.status != "done"',
        'return attempt.status != "done"',
        "The late rejection of an earlier attempt stops the current one, and a person requests a third.",
    ),
    Mutation(
        "orders_add_up",
        _ATTEMPT,
        "asked=asked,\n        gate=rejected.gate,",
        "asked=attempt.asked,\n        gate=rejected.gate,",
        "A request made while an invoice was under way sends another one after its rejection.",
    ),
    Mutation(
        "outcome_of_another",
        _ATTEMPT,
        "    if attempt.request_id != created.request_id:\n        return attempt  # an earlier attempt succeeded, whose company was connected again\n",
        "",
        "A late outcome from an earlier company is taken for the current company's.",
    ),
    Mutation(
        "ids_of_another_company",
        _CUSTOMERS_STATE,
        "return self._present(link for link in self.links if realm in (None, link.realm))",
        "return self._present(self.links)",
        "After another company is connected, another customer is invoiced.",
    ),
    Mutation(
        "items_of_another_company",
        _ITEMS_STATE,
        "if self.item_id is not None and realm in (None, self.item_realm):",
        "if self.item_id is not None:",
        "After another company is connected, another item is invoiced.",
    ),
    Mutation(
        "older_account",
        _CUSTOMERS_FOLDS,
        "if account.latest is None or snapshot.revision > account.latest.revision:",
        "if True:",
        "A customer is created with an account's former name.",
    ),
    Mutation(
        "company_of_another",
        _COMPANY_FOLDS,
        "        company=state.company if same_realm else None,\n",
        "",
        "Invoices to a newly connected company have the terms and taxes of the former company.",
    ),
)
