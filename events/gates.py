"""The words of every gate that an invoice can stand at: its code, one reason, one remedy.

The order is the order in which `explain` walks them. A gate that can be shut for a cause with a remedy of
its own has words for that case too.
"""

from collections.abc import Iterable
from typing import NamedTuple

from events.docusign import TROUBLES


class GateText(NamedTuple):
    """What a person reads; `{detail}` is filled where the gate knows more."""

    reason: str
    remedy: str


IN_PROGRESS = "in_progress"
BEING_READ = "mapping_being_read"
_PASSING = frozenset({IN_PROGRESS, BEING_READ})  # they open by themselves, or another one says why not
GATES: dict[str, GateText] = {
    "deal_closed_lost": GateText(
        "The deal is Closed Lost in the CRM.", "If it was won after all, move it to Closed Won in the CRM."
    ),
    "not_won": GateText(
        "The deal is not won yet.", "Nothing to do: the invoice follows when the contract is signed."
    ),
    "contract_not_signed": GateText(
        "The contract is not signed yet.", "Wait for the signature, or remind the signer in DocuSign."
    ),
    "contract_declined": GateText(
        "The contract was declined{detail}.", "Send a new contract; signing it opens this gate."
    ),
    "contract_voided": GateText(
        "The contract was voided{detail}.", "Send a new contract; signing it opens this gate."
    ),
    "deal_reopened": GateText(
        "The deal was reopened after it was won{detail}.", "Move it back to Closed Won in the CRM."
    ),
    "auto_invoice_off": GateText(
        "Automatic invoicing is switched off.",
        "Switch it on (q2c set auto_invoice=true), or create this one by hand (q2c invoice DEAL).",
    ),
    "won_before_cut_over": GateText(
        "The deal was won before the cut-over{detail}.",
        "If it has no invoice yet, create it by hand (q2c invoice DEAL).",
    ),
    "quote_missing": GateText("The deal has no quote{detail}.", "Add a quote to the deal in the CRM."),
    "line_items_missing": GateText(
        "The quote has no lines.", "Add the products that were sold to the quote in the CRM."
    ),
    "quote_differs_from_signed": GateText(
        "The quote has changed since the contract was sent{detail}.",
        "Restore the signed quote in the CRM, or have the changed one signed.",
    ),
    "quote_total_differs": GateText(
        "The quote's lines do not add up to its total{detail}.", "Correct the lines or the total in the CRM."
    ),
    "amount_too_large": GateText(
        "QuickBooks takes amounts below 10,000,000,000.00, and the quote has larger ones{detail}.",
        "Divide the deal in the CRM into deals of smaller amounts.",
    ),
    "schedule_not_due": GateText(
        "This part of the billing schedule is not due yet{detail}.", "Nothing to do: it follows on its date."
    ),
    "schedule_not_supported": GateText(
        "The deal has a billing schedule, which is not invoiced automatically yet.",
        "Invoice its parts in QuickBooks by hand, or remove the schedule in the CRM.",
    ),
    "tax_mode_not_supported": GateText(
        "The quote's prices include tax, which is not invoiced automatically yet.",
        "Quote prices before tax in the CRM, or invoice this deal in QuickBooks by hand.",
    ),
    "account_missing": GateText(
        "The deal's account {detail} has not arrived from the CRM.", "Save the account once in the CRM."
    ),
    "account_not_mapped": GateText(
        "The account {detail} has no QuickBooks customer.",
        "Map it (q2c map ACCOUNT CUSTOMER_ID), or create the customer (q2c map ACCOUNT --create).",
    ),
    "mapping_in_review": GateText(
        "The account's customer is a suggestion that nobody has accepted yet{detail}.",
        "Accept, reject or override it in the review (q2c mappings).",
    ),
    "product_not_mapped": GateText(
        "No QuickBooks item for {detail}.",
        "Map it (q2c map-product PRODUCT ITEM_ID), or create the item (q2c map-product PRODUCT --create).",
    ),
    "customer_inactive": GateText(
        "The QuickBooks customer {detail} is inactive.",
        "Make it active in QuickBooks, then q2c invoice DEAL; or map the account to another customer "
        "(q2c map ACCOUNT CUSTOMER_ID), or create one (q2c map ACCOUNT --create).",
    ),
    "item_inactive": GateText(
        "What is to be invoiced is inactive in QuickBooks: {detail}.",
        "Make it active in QuickBooks, then q2c invoice DEAL; or map the product to another item "
        "(q2c map-product PRODUCT ITEM_ID), or create one (q2c map-product PRODUCT --create).",
    ),
    "quantity_not_representable": GateText(
        "QuickBooks wants a quantity for an inventory item, and keeps no unit price of at most seven decimals by which "
        "the quantity gives the amount of {detail}.",
        "Change the quantity, the price or the discount of these lines in the CRM so that they give whole cents and have "
        "the changed quote signed, or map their products to items without inventory (q2c map-product PRODUCT ITEM_ID).",
    ),
    "too_many_lines": GateText(
        "QuickBooks takes no invoice of so many lines{detail}.",
        "Divide the deal in the CRM into deals of fewer lines.",
    ),
    "income_account_missing": GateText(
        "The item for {detail} needs an income account of the QuickBooks company.",
        "Choose one (q2c set income_account=NAME).",
    ),
    "term_not_found": GateText(
        "The QuickBooks company has no term {detail}.", "Choose one that it has (q2c set terms=NAME)."
    ),
    "tax_code_not_mapped": GateText(
        "The QuickBooks company has no tax code for {detail}.",
        "Use a tax code of the company's on the quote's lines.",
    ),
    "currency_not_enabled": GateText(
        "The QuickBooks company does not sell in {detail}.",
        "Switch on multicurrency in QuickBooks and connect again, or quote in the company's currency.",
    ),
    "customer_currency_differs": GateText(
        "The QuickBooks customer is billed in another currency{detail}.",
        "Map the account to a customer of the deal's currency (q2c map ACCOUNT CUSTOMER_ID --currency C), or create "
        "one (q2c map ACCOUNT --create --currency C).",
    ),
    "connection_missing": GateText(
        "QuickBooks is not connected.", "An admin connects it (q2c connect, then open the address it prints)."
    ),
    "connection_expired": GateText(
        "QuickBooks no longer accepts our connection{detail}.",
        "An admin connects it again (q2c connect, then open the address it prints).",
    ),
    "other_company_connected": GateText(
        "The invoice goes to QuickBooks company {detail}, and another one is connected now.",
        "An admin connects that company again (q2c connect): it may have the invoice already.",
    ),
    "company_not_read": GateText(
        "The QuickBooks company has not been read yet{detail}.",
        "Wait a moment; if it stays so, connect again (q2c connect).",
    ),
    "mapping_not_read": GateText(
        "QuickBooks does not show what the invoice refers to ({detail}).",
        "It is asked again by itself. If it stays so, correct what it says, or map to something else.",
    ),
    BEING_READ: GateText("QuickBooks is being asked about {detail}.", "Nothing to do."),
    "subscription_lapsed": GateText(
        "The company's QuickBooks subscription has lapsed{detail}.",
        "Renew it in QuickBooks; everything goes on by itself within an hour.",
    ),
    "time_zone_not_set": GateText(
        "It is not known in which time zone the QuickBooks company is, so not which date its invoices have{detail}.",
        "Choose it, such as q2c set time_zone=America/Chicago.",
    ),
    "insufficient_rights": GateText(
        "QuickBooks refuses everything for lack of rights{detail}.",
        "Give the user who connected it the right in QuickBooks, or have an admin of the company connect it (q2c connect);"
        " everything goes on by itself.",
    ),
    "wrong_environment": GateText(
        "QuickBooks does not let this app use the company{detail}.",
        "Use the keys of the company's environment, production or sandbox, and connect again (q2c connect).",
    ),
    "period_closed": GateText(
        "The books are closed for the invoice's date{detail}.",
        "Reopen the period in QuickBooks, then q2c invoice DEAL.",
    ),
    "held_for_approval": GateText(
        "The invoice waits for an approval{detail}.", "Someone with the right to do so approves it."
    ),
    "paused": GateText("Invoicing is paused for this workspace.", "Continue it (q2c set paused=false)."),
    "rejected_by_quickbooks": GateText(
        "QuickBooks refused the invoice{detail}.", "Correct what it says, then q2c invoice DEAL."
    ),
    "quickbooks_fails_at_it": GateText(
        "QuickBooks failed each time that the invoice was sent{detail}; it has none of it.",
        "Look at what was sent (q2c explain DEAL); change the part that QuickBooks fails at, such as a discount or an"
        " unusual character in a text, then q2c invoice DEAL.",
    ),
    "doc_number_taken": GateText(
        "Another document in QuickBooks already has this invoice's number{detail}.",
        "Renumber that document in QuickBooks, or let us try the next number (q2c invoice DEAL).",
    ),
    "outcome_uncertain": GateText(
        "The invoice was sent, and QuickBooks' answer was lost{detail}.",
        "Nothing to do: it is looked up in QuickBooks before anything is sent again.",
    ),
    IN_PROGRESS: GateText("The invoice is being created.", "Nothing to do."),
}

CASES: dict[str, GateText] = {
    **{
        f"docusign_{code}": GateText(
            f"The contract is not signed as far as we know: {trouble.sentence}", trouble.remedy
        )
        for code, trouble in TROUBLES.items()
    },
    "name_of_customer": GateText(
        "No customer was created for the account {detail} has its name already.",
        "If it is the same company, map the account to that customer (q2c map ACCOUNT CUSTOMER_ID; make it active in "
        "QuickBooks if it is not). If it is another one, create it under another name (q2c map ACCOUNT --create --name "
        "NAME).",
    ),
    "name_of_another_list": GateText(
        "No customer was created for the account {detail} has its name, and QuickBooks gives a name to one customer, "
        "vendor or employee alone.",
        "Create the customer under another name (q2c map ACCOUNT --create --name NAME), or map the account to one that "
        "there is (q2c map ACCOUNT CUSTOMER_ID).",
    ),
    "name_of_item": GateText(
        "No QuickBooks item for {detail}.",
        "If it is the same, map the product to that item (q2c map-product PRODUCT ITEM_ID; make it active in QuickBooks "
        "if it is not). If it is another one, create it under another name (q2c map-product PRODUCT --create --name "
        "NAME).",
    ),
    "no_such_customer": GateText(
        "QuickBooks has no customer {detail}.",
        "Map the account to one that it has (q2c map ACCOUNT CUSTOMER_ID), or create one (q2c map ACCOUNT --create).",
    ),
    "no_such_item": GateText(
        "QuickBooks has no item {detail}.",
        "Map the product to one that it has (q2c map-product PRODUCT ITEM_ID), or create one "
        "(q2c map-product PRODUCT --create).",
    ),
    "item_not_for_sale": GateText(
        "A category or a bundle can't stand on a line of an invoice: {detail}.",
        "Map the product to a product or service of QuickBooks (q2c map-product PRODUCT ITEM_ID).",
    ),
    "deal_not_arrived": GateText(
        "The contract's deal has not arrived from the CRM.",
        "Save the deal once in the CRM; if there is no such deal, correct deal_id in DocuSign.",
    ),
    "quote_not_shown": GateText(
        "The CRM has not yet shown the quote that the contract was sent with; the deal is still a draft.",
        "Move the deal to Contract Sent in the CRM, or invoice the draft's quote by hand (q2c invoice DEAL).",
    ),
    "quote_changed_around": GateText(
        "It can't be told which quote was signed{detail}.",
        "Restore the signed quote in the CRM, or have the changed one signed.",
    ),
    "total_not_in_cents": GateText(
        "The quote's total{detail} has fractions of a cent.", "Round the total to cents in the CRM."
    ),
    "look_up_refused": GateText(
        "The invoice may be in QuickBooks, which does not say whether it is{detail}.",
        "Nothing is sent until it answers; it is asked again by itself. If you find the invoice in QuickBooks, say which"
        " one it is (q2c invoice DEAL --is ID, the txnId in its address).",
    ),
    "total_beyond_cents": GateText(
        "The quote's total{detail} has more than two decimals, and QuickBooks keeps no more.",
        "Round the total to two decimals in the CRM.",
    ),
    "total_not_whole": GateText(
        "The quote's total{detail} has decimals, and its currency has none.", "Round the total in the CRM."
    ),
    "lines_without_tax_code": GateText(
        "The quote has no tax code for {detail}, and this QuickBooks company wants one on every line.",
        "Give each line of the quote a tax code of the company's.",
    ),
}


def asking(codes: Iterable[str]) -> tuple[str, ...]:
    """Return the codes that ask somebody for something, rather than pass by themselves in a moment."""
    return tuple(code for code in codes if code not in _PASSING)
