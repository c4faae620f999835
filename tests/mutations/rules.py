"""Which deals are invoiced, by which contract and quote, and how often: the rules of deciding."""

from tests.mutations.mutation import Mutation

_WALK = "worker/quote_to_cash/walk.py"
_SIGNED = "worker/quote_to_cash/signed.py"
_EVOLVE = "worker/quote_to_cash/evolve.py"
_MAPPED = "worker/quote_to_cash/mapped.py"
_STATE = "worker/quote_to_cash/state.py"

MUTATIONS = (
    Mutation(
        "earlier_contract",
        _SIGNED,
        "return max(signed, key=lambda contract: (contract.at, contract.contract_id), default=None)",
        "return min(signed, key=lambda contract: (contract.at, contract.contract_id), default=None)",
        "Of two signed contracts the one that was replaced is invoiced.",
    ),
    Mutation(
        "edit_long_after_sending",
        _SIGNED,
        "WRITTEN_DOWN_WITHIN = timedelta(minutes=1)",
        "WRITTEN_DOWN_WITHIN = timedelta(days=1)",
        "A quote that somebody edited after the contract went out passes for the signed one.",
    ),
    Mutation(
        "draft_as_signed",
        _SIGNED,
        'if not place or shown[place - 1].stage == "quote_draft":',
        "if not place:",
        "A draft is invoiced as if it had been signed.",
    ),
    Mutation(
        "quote_changed_since",
        _WALK,
        "differs = sent is not None and sent.quote != newest.quote",
        "differs = False",
        "A quote that changed after the contract was sent is invoiced.",
    ),
    Mutation(
        "currency_changed_since",
        _EVOLVE,
        '"currency": currency}',
        '"currency": "-"}',
        "A deal that was signed in dollars is invoiced in euros.",
    ),
    Mutation(
        "signed_is_undone",
        _EVOLVE,
        '    if known.status == "signed":\n        return False\n',
        "",
        "A message that comes late takes a signature back, and the deal is never invoiced.",
    ),
    Mutation(
        "older_message_wins",
        _EVOLVE,
        "return (change.at, status) > (known.at, known.status)",
        "return True",
        "A declined contract is shown as voided, or the other way round, by whichever message came last.",
    ),
    Mutation(
        "closing_date_ignored",
        _EVOLVE,
        "won_at=snapshot.closed_at or event.time",
        "won_at=event.time",
        "A CRM that sends its history has all of it invoiced again.",
    ),
    Mutation(
        "edit_wins_anew",
        _EVOLVE,
        "snapshot.revision < deal.won_revision",
        "snapshot.revision > deal.won_revision",
        "Editing an old deal after the cut-over invoices it.",
    ),
    Mutation(
        "switched_on_again",
        _EVOLVE,
        "if switched_on and state.first_switched_on is None:",
        "if switched_on:",
        "What was won while automatic invoicing was off is never invoiced.",
    ),
    Mutation(
        "latest_winning_counts",
        _WALK,
        "return min([*signed, *([deal.won_at] if deal.won_at else [])], default=None)",
        "return max([*signed, *([deal.won_at] if deal.won_at else [])], default=None)",
        "A deal that was won before the cut-over and signed again after it is invoiced twice.",
    ),
    Mutation(
        "cut_over_ignored",
        _WALK,
        "met=not early or by_hand",
        "met=True",
        "A CRM that sends its history has all of it invoiced again.",
    ),
    Mutation(
        "lost_is_won",
        _WALK,
        'Gate("deal_closed_lost", met=not lost)',
        'Gate("deal_closed_lost")',
        "A lost deal whose contract was signed is invoiced.",
    ),
    Mutation(
        "reopened_is_won",
        _WALK,
        'return Gate("deal_reopened", met=not reopened, detail=detail)',
        'return Gate("deal_reopened")',
        "A deal that is being negotiated again is invoiced.",
    ),
    Mutation(
        "crms_word_is_enough",
        _WALK,
        "return deal.won_revision is not None and not settings.invoice_requires_signature",
        "return deal.won_revision is not None",
        "Deals are invoiced without the signature that the workspace asks for.",
    ),
    Mutation(
        "inclusive_as_exclusive",
        _WALK,
        'latest.quote.tax_mode != "inclusive"',
        "True",
        "Tax is put on prices that have it in them already.",
    ),
    Mutation(
        "schedule_at_once",
        _WALK,
        'yield Gate("schedule_not_supported", met=not latest.billing_schedule)',
        'yield Gate("schedule_not_supported")',
        "What was to be paid in parts is invoiced at once.",
    ),
    Mutation(
        "customers_currency",
        _WALK,
        "met=currency is None or currency == latest.currency",
        "met=True",
        "An invoice is sent in a currency that its customer is not billed in.",
    ),
    Mutation(
        "refusal_forgotten",
        _WALK,
        "released = deal.orders > effort.asked",
        "released = True",
        "What QuickBooks refused is sent again and again, as ever more commands.",
    ),
    Mutation(
        "refusal_of_another",
        _EVOLVE,
        'return effort.request_id == outcome.request_id and effort.status != "done"',
        'return effort.status != "done"',
        "The late refusal of an earlier try stops the present one, and a person orders a third.",
    ),
    Mutation(
        "orders_add_up",
        _EVOLVE,
        "asked=asked,\n            gate=rejected.gate,",
        "asked=effort.asked,\n            gate=rejected.gate,",
        "An order that was given while an invoice was on its way sends another after its refusal.",
    ),
    Mutation(
        "outcome_of_another",
        _MAPPED,
        "    if effort.request_id != created.request_id:\n        return effort  # of an earlier one, whose company was connected again\n",
        "",
        "What an earlier company answered late passes for the answer of the present one.",
    ),
    Mutation(
        "ids_of_another_company",
        _STATE,
        "links = [link for link in self.links if realm in (None, link.realm)]",
        "links = list(self.links)",
        "After another company was connected somebody else's customer is invoiced.",
    ),
    Mutation(
        "items_of_another_company",
        _STATE,
        "return self.item_id if realm in (None, self.item_realm) else None",
        "return self.item_id",
        "After another company was connected somebody else's item is invoiced.",
    ),
    Mutation(
        "older_account",
        _MAPPED,
        "if account.latest is None or snapshot.revision > account.latest.revision:",
        "if True:",
        "A customer is made of what an account was called long ago.",
    ),
    Mutation(
        "company_of_another",
        _EVOLVE,
        "            company=state.company if same_realm else None,\n",
        "",
        "Invoices to a newly connected company have the terms and taxes of the former one.",
    ),
)
