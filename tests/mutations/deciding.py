"""Mutations of the rule that a person's decision about an account wins for ever."""

from tests.mutations.mutation import Mutation

_FOLDS = "worker/quote_to_cash/customers/folds.py"
_RULES = "worker/quote_to_cash/customers/rules.py"
_STATE = "worker/quote_to_cash/reviewable.py"
_FREE = ("tests/worker/quote_to_cash/test_free_customers.py",)
_REVIEWS = ("tests/worker/quote_to_cash/test_reviews.py",)

MUTATIONS = (
    Mutation(
        "decided_since_request",
        _FOLDS,
        "return account.requests <= account.withdrawn and (is_mapped or account.ignored_by is not None)",
        "return False",
        "A customer that is being created replaces the one to which a person has mapped the account meanwhile.",
        tests=_REVIEWS,
    ),
    Mutation(
        "ignored_is_created",
        _FOLDS,
        "replace(account, ignored_by=ignored.by, withdrawn=account.requests)",
        "replace(account, ignored_by=ignored.by)",
        "An account that a person has ignored gets a customer once the company is connected.",
        tests=_REVIEWS,
    ),
    Mutation(
        "customer_of_another",
        _RULES,
        "if any(holders(view, account_id, best.customer_id, suggested.realm, None)):",
        "if False:",
        "Two accounts are linked to one customer, and no person confirmed that.",
        tests=_REVIEWS,
    ),
    Mutation(
        "rejected_in_review",
        _STATE,
        "return None if is_decided or creates or is_rejected else self.suggested",
        "return None if is_decided or creates else self.suggested",
        "A customer that a person has rejected waits for a person again, or is linked again.",
        tests=_REVIEWS,
    ),
    Mutation(
        "link_overrules",
        _STATE,
        "return self.ignored_by is not None or self.is_unanswered or creates",
        "return False",
        "An account is invoiced to a suggested customer, though a person has ignored it or requested a new one meanwhile.",
        tests=_REVIEWS,
    ),
    Mutation(
        "customer_of_an_uncertain_creation",
        "worker/actions/reviewed.py",
        "for other in creators(view, account_id, customer_id, realm):",
        "for other in ():",
        "A person gives an account the customer that was created for another one, whose answer was lost.",
        tests=_FREE,
    ),
    Mutation(
        "customers_before_connecting",
        "worker/quote_to_cash/customers/holders.py",
        "if view.get(WorkspaceState).connection is None:",
        "if False:",
        "Two accounts that were mapped before any company was connected share a customer, and no person confirmed that.",
        tests=_FREE,
    ),
)
