"""Facts about accounts without a customer, and customers without an account: those that the matcher found nothing like."""

from events.contract.values import Fact, Identifier, Revision

COMPARISON_REQUESTED = "com.coeffection.mapping.comparison-requested.v1"
ACCOUNT_UNMATCHED = "com.coeffection.mapping.unmatched.v1"


class ComparisonRequested(Fact, frozen=True):
    """Before a customer is created without a person, the account is compared with all customers of the company once more.

    `number` counts the account's requests.
    """

    account_id: Identifier
    realm: Identifier
    number: Revision


class AccountUnmatched(Fact, frozen=True):
    """The answer to a request: no customer that was observed before this event is like the account, as it was until then."""

    account_id: Identifier
    realm: Identifier
    number: Revision
