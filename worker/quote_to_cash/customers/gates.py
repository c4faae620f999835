"""The gates of the customer: the deal's account has arrived and is mapped to a customer that can be invoiced."""

from events.contract.gates import CUSTOMER_BEING_CREATED, Words
from events.contract.quickbooks import CustomerObserved
from worker.quote_to_cash.customers.merges import holder_of_survivor
from worker.quote_to_cash.customers.naming import account_name, holder_name, refusal
from worker.quote_to_cash.customers.offers import is_offered
from worker.quote_to_cash.customers.state import Link
from worker.quote_to_cash.customers.unmapped import customer_creation_of
from worker.quote_to_cash.customers.wishes import currency_of
from worker.quote_to_cash.gates import Gate, Unmet
from worker.quote_to_cash.inquiry import Inquiry, has_arrived, has_company
from worker.quote_to_cash.readings.folds import survivor_of
from worker.quote_to_cash.readings.state import Customer


def _arrived(inquiry: Inquiry) -> bool | Unmet:
    if inquiry.account.latest is not None or inquiry.link is not None:
        return True
    return Unmet({"account": inquiry.latest.account_id}, about=_about(inquiry))


def _reviewed(inquiry: Inquiry) -> Unmet | None:
    suggested = inquiry.account.in_review(inquiry.realm)
    if suggested is None or suggested.best is None or inquiry.link is not None:
        return None
    best = suggested.best
    name = account_name(
        inquiry.view, inquiry.latest.account_id, refusal(inquiry.view, inquiry.account.attempt)
    )
    params = {
        "account": name,
        "customer": f"{best.display_name} ({best.customer_id})",
        "score": f"{best.score} %",
    }
    if is_offered(inquiry.view, suggested.realm, best.customer_id):
        return Unmet(params, "offered", _about(inquiry))
    twin = suggested.twin
    if twin is None:
        return Unmet(params, about=_about(inquiry))
    params["duplicate"] = f"{twin.display_name} ({twin.customer_id})"
    return Unmet(params, "duplicates", _about(inquiry))


def _mapped(inquiry: Inquiry) -> bool | Unmet | None:
    if inquiry.link is None:
        in_review = inquiry.account.in_review(inquiry.realm) is not None
        if inquiry.account.latest is None or in_review:
            return None
        return True if customer_creation_of(inquiry.view, inquiry.latest.account_id) else _unmapped(inquiry)
    seen, customer = _seen(inquiry), _customer(inquiry)
    if customer is not None and customer.merged is not None:
        return _merged(inquiry, inquiry.link)
    if seen is None or seen.exists:
        return True
    refused = refusal(inquiry.view, inquiry.account.attempt)
    name = account_name(inquiry.view, inquiry.latest.account_id, refused)
    params = {"customer": inquiry.link.customer_id, "account": name}
    return Unmet(params, "no_such_customer", _about(inquiry))


def _merged(inquiry: Inquiry, link: Link) -> Unmet:
    """Return why a mapping was not moved to the customer that its own was merged into."""
    view, account_id, realm = inquiry.view, inquiry.latest.account_id, str(link.realm)
    params = {"customer": link.customer_id, "account": account_name(view, account_id)}
    survivor = survivor_of(view, Customer, realm, link.customer_id)
    if survivor is None:
        return Unmet(params, "merged", _about(inquiry))
    seen = view.get(Customer, f"{realm}/{survivor}").observed
    params["survivor"] = f"{seen.display_name} ({survivor})" if seen and seen.display_name else survivor
    holder = holder_of_survivor(view, account_id, link, survivor)
    if holder is None:
        return Unmet(params, "merged_into_rejected", _about(inquiry))
    params["holder"] = account_name(view, holder)
    return Unmet(params, "merged_into_another_accounts", _about(inquiry))


def _unmapped(inquiry: Inquiry) -> Unmet:
    """Return the cause that an account has no customer; if a creation failed because the name is taken, with its holder."""
    view, account_id, attempt = inquiry.view, inquiry.latest.account_id, inquiry.account.attempt
    holder = attempt.holder if attempt is not None else None
    if inquiry.account.ignored_by is not None:
        params = {"account": account_name(view, account_id), "by": inquiry.account.ignored_by}
        return Unmet(params, "ignored", _about(inquiry))
    brought = inquiry.account.brought_in(inquiry.realm)
    refused = inquiry.account.refusal_of(brought) if brought is not None else None
    if refused is not None and refused.reason == "customer_taken" and refused.holder is not None:
        params = {"account": account_name(view, account_id), "customer": refused.customer_id}
        holding = {"holder": account_name(view, refused.holder)}
        return Unmet(params | holding, "customer_of_another_account", _about(inquiry))
    if attempt is None or holder is None:
        account = account_name(view, account_id, refusal(view, attempt))
        case = "being_read" if inquiry.realm in inquiry.workspace.being_read else None
        return Unmet({"account": account}, case, _about(inquiry))
    case = "name_of_customer" if holder.entity == "Customer" else "name_of_another_list"
    params = {
        "account": account_name(view, account_id),
        "holder": holder_name(view, attempt.realm, holder),
    }
    return Unmet(params, case, _about(inquiry))


def _active(inquiry: Inquiry) -> bool | Unmet | None:
    seen = _seen(inquiry)
    if seen is None or inquiry.link is None or not seen.exists:
        return None
    refused = refusal(inquiry.view, inquiry.account.attempt)
    customer = f"{seen.display_name} ({inquiry.link.customer_id}{refused})"
    return seen.active or Unmet({"customer": customer}, about=_about(inquiry))


def _currency(inquiry: Inquiry) -> bool | Unmet:
    latest = inquiry.latest
    currency = currency_of(inquiry.view, inquiry.link) if inquiry.link else None
    refused = refusal(inquiry.view, inquiry.account.attempt)
    if currency is None or currency == latest.currency:
        return True
    params = {"currency": currency, "deal_currency": f"{latest.currency}{refused}"}
    return Unmet(params, about=_about(inquiry))


def _created(inquiry: Inquiry) -> Unmet | None:
    if inquiry.link is not None:
        return None
    account_id = inquiry.latest.account_id
    creation = customer_creation_of(inquiry.view, account_id)
    if creation is None:
        return None
    case = None if creation == "being_created" else creation
    return Unmet({"account": account_name(inquiry.view, account_id)}, case, _about(inquiry))


def _seen(inquiry: Inquiry) -> CustomerObserved | None:
    customer = _customer(inquiry)
    return customer.observed if customer is not None else None


def _customer(inquiry: Inquiry) -> Customer | None:
    if inquiry.link is None or inquiry.realm is None:
        return None
    return inquiry.view.get(Customer, f"{inquiry.realm}/{inquiry.link.customer_id}")


def _about(inquiry: Inquiry) -> tuple[str, ...]:
    return (f"account/{inquiry.latest.account_id}",)


GATES = (
    Gate(
        "account_missing",
        _arrived,
        Words(
            "The CRM has not sent the deal's account {account} yet.",
            "Save the account once in the CRM.",
            "save_account",
        ),
        depends_on=("account",),
        given=has_arrived,
    ),
    Gate(
        "mapping_in_review",
        _reviewed,
        Words(
            "The account {account} could be the QuickBooks customer {customer}, with a score of {score}.",
            "Accept the suggested customer or reject it; or map the account to another customer, or create one.",
            "review_mapping",
        ),
        depends_on=("account", "customer"),
        given=has_arrived,
        cases={
            "offered": Words(
                "The account {account} could be the QuickBooks customer {customer}, with a score of {score}, which was offered"
                " to the CRM as a new account.",
                "Have the CRM link the account to the customer, or accept it; or reject it, map the account to another"
                " customer, or create one.",
                "review_mapping",
            ),
            "duplicates": Words(
                "The account {account} could be the QuickBooks customer {customer}, with a score of {score}, of which"
                " {duplicate} is probably a duplicate.",
                "If they are one, merge them in QuickBooks; then accept the suggested customer. Or choose one of them now.",
                "review_mapping",
            ),
        },
    ),
    Gate(
        "account_not_mapped",
        _mapped,
        Words(
            "The account {account} has no QuickBooks customer.",
            "Map it to a customer, or create one.",
            "map_account",
        ),
        depends_on=("account",),
        given=has_arrived,
        cases={
            "ignored": Words(
                "The account {account} has no QuickBooks customer, and {by} said that it gets none.",
                "If its deals are to be invoiced, map it to a customer, create one, or no longer ignore it.",
                "map_account",
            ),
            "being_read": Words(
                "The account {account} has no QuickBooks customer; the company's customers are still being read for the"
                " first time.",
                "Wait until they are read: then a customer is suggested, if there is one. Or map it, or create one.",
                "map_account",
            ),
            "customer_of_another_account": Words(
                "The CRM says that the account {account} is the QuickBooks customer {customer}, which is the account"
                " {holder}'s.",
                "Correct the customer in the CRM; or map the account to a customer, to the same one if both are invoiced to it.",
                "map_account",
            ),
            "name_of_customer": Words(
                "No customer was created for the account {account}: {holder} already has the name.",
                "If it is the same company, map the account to that customer (activate it in QuickBooks if it is inactive)."
                " Otherwise, create the customer under another name.",
                "map_account",
            ),
            "name_of_another_list": Words(
                "No customer was created for the account {account}: {holder} already has the name, and in QuickBooks only one"
                " customer, vendor or employee can have it.",
                "Create the customer under another name, or map the account to an existing customer.",
                "map_account",
            ),
            "merged": Words(
                "The QuickBooks customer {customer} of the account {account} was merged into another one, and QuickBooks does"
                " not say into which.",
                "Map the account to the customer that it was merged into, or create one.",
                "map_account",
            ),
            "merged_into_another_accounts": Words(
                "The QuickBooks customer {customer} of the account {account} was merged into {survivor}, which is the account"
                " {holder}'s.",
                "If both accounts are invoiced to that customer, map this account to it, too. Otherwise, map it to another"
                " customer, or create one.",
                "map_account",
            ),
            "merged_into_rejected": Words(
                "The QuickBooks customer {customer} of the account {account} was merged into {survivor}, which a person"
                " rejected for this account.",
                "If it is right after all, map the account to it. Otherwise, map it to another customer, or create one.",
                "map_account",
            ),
            "no_such_customer": Words(
                "QuickBooks has no customer {customer}, which the account {account} is mapped to.",
                "Map the account to an existing customer, or create one.",
                "map_account",
            ),
        },
    ),
    Gate(
        "customer_inactive",
        _active,
        Words(
            "The QuickBooks customer {customer} is inactive.",
            "Activate the customer in QuickBooks, then request the invoice; or map the account to another customer, or"
            " create one.",
            "activate_customer",
        ),
        depends_on=("customer",),
        given=has_arrived,
    ),
)
CURRENCY = Gate(
    "customer_currency_differs",
    _currency,
    Words(
        "The QuickBooks customer is billed in another currency: {currency}, and the deal is in {deal_currency}.",
        "Map the account to a customer with the deal's currency, or create one.",
        "map_account",
    ),
    depends_on=("account",),
    given=lambda inquiry: has_arrived(inquiry) and has_company(inquiry),
)
# With the items' gate the last one, so that a customer is created only if its deal waits for nothing else.
CREATED = Gate(
    CUSTOMER_BEING_CREATED,
    _created,
    Words("A QuickBooks customer is being created for the account {account}.", "Nothing to do."),
    depends_on=("account", "workspace"),
    given=has_arrived,
    cases={
        "to_compare": Words(
            "The account {account} is being compared with the company's customers; if none is like it, one will be created.",
            "Nothing to do.",
        ),
        "to_create": Words(
            "A QuickBooks customer will be created for the account {account} once the invoice waits for nothing else, and"
            " no customer is found that is like it.",
            "Nothing to do.",
        ),
    },
)
