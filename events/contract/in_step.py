"""Facts about accounts and their customers being kept in step: settled fields, updates, and what people decided about them."""

from typing import Literal

from events.contract.administration import Actor
from events.contract.crm import Address
from events.contract.quickbooks import Generation, Holder
from events.contract.values import Fact, Identifier

CUSTOMER_FIELDS_SETTLED = "com.coeffection.account.fields-settled.v1"
CUSTOMER_UPDATE_COMMANDED = "com.coeffection.account.update-commanded.v1"
CUSTOMER_UPDATE_WITHDRAWN = "com.coeffection.account.update-withdrawn.v1"
CONFLICT_RESOLVED = "com.coeffection.account.conflict-resolved.v1"
FIELD_RETRIED = "com.coeffection.account.field-retried.v1"
ACCOUNT_CUSTOMER_CHANGED = "com.coeffection.account.customer-changed.v1"

# The fields that both sides have, and that a rule settles; currency is QuickBooks' always.
FieldName = Literal["name", "email", "phone", "billing_address", "shipping_address", "currency"]
FieldValue = str | Address | None
Side = Literal["crm", "quickbooks"]
FieldState = Literal["agreed", "to_quickbooks", "to_crm", "off", "conflict", "refused"]


class BothValues(Fact, frozen=True):
    """The values of a field on both sides, as each side writes them.

    Attributes:
        crm: The CRM's value.
        quickbooks: QuickBooks' value.
    """

    crm: FieldValue = None
    quickbooks: FieldValue = None


class FieldSettlement(Fact, frozen=True):
    """A field of an account and its customer, as it was settled last.

    Attributes:
        field: The field.
        state: `agreed`; `to_quickbooks` or `to_crm` while the value of one side is on its way to the other; `off` if
            `customer_sync` does not allow that way; `conflict` if a person decides; `refused` if QuickBooks does not take the
            CRM's value.
        values: The values of both sides.
        base: The values on which both sides agreed last, as each side writes them; None if they never did.
        offers: QuickBooks' values that the CRM was told and has not taken over yet, the last one last.
        overruled: The value of the other side that a rule last replaced.
        times: How many times in a row the rule replaced that same value.
        alone: Whether the field is sent in an update of its own: QuickBooks refused an update of several fields.
        message: Why it is refused.
        holder: The object that has the name, if that is the cause.
        retries: How many requests to try again were known when it was refused.
    """

    field: FieldName
    state: FieldState
    values: BothValues
    base: BothValues | None = None
    offers: tuple[FieldValue, ...] = ()
    overruled: FieldValue = None
    times: int = 0
    alone: bool = False
    message: str | None = None
    holder: Holder | None = None
    retries: int = 0


class OfPair(Fact, frozen=True):
    """An event about an account and the customer that belongs to it."""

    account_id: Identifier
    realm: Identifier
    customer_id: Identifier


class CustomerFieldsSettled(OfPair, frozen=True):
    """Fields of an account and its customer were settled.

    `handled` is the generation of the last update whose outcome was considered.
    """

    fields: tuple[FieldSettlement, ...] = ()
    handled: int = 0


class UpdatedField(Fact, frozen=True):
    """A field of an update: the CRM's value, and the value that is sent, as QuickBooks can have it."""

    field: FieldName
    crm: FieldValue = None
    sent: FieldValue = None


class CustomerUpdateCommanded(OfPair, frozen=True):
    """An update of one version of a customer, `sync_token`, was commanded.

    `notes` list the parts of the account that QuickBooks does not get.
    """

    generation: Generation
    request_id: Identifier
    fields: tuple[UpdatedField, ...]
    sync_token: int
    notes: tuple[str, ...] = ()


class CustomerUpdateWithdrawn(OfPair, frozen=True):
    """An update is no longer wanted: it is not sent, unless it was sent already."""

    generation: Generation


class ConflictResolved(OfPair, frozen=True):
    """A person decided a conflict between two values for one side; it holds as long as the sides have these values."""

    field: FieldName
    take: Side
    values: BothValues
    by: Actor


class FieldRetried(OfPair, frozen=True):
    """A person requested that a refused field be sent again."""

    field: FieldName
    by: Actor


class AccountCustomerChanged(OfPair, frozen=True):
    """The customer of an account has other values than the account in the CRM.

    `fields` has the values that the CRM shall have, of those that differ; null if the CRM shall have none. `put_back` names
    those that overrule a value of the CRM. `terms` and `taxable` are the customer's payment terms, by name, and whether it
    is taxed.
    """

    fields: dict[str, str | bool | Address | None]
    put_back: tuple[str, ...] = ()


# The events in the streams of accounts, with their data; the CRM gets one more.
OF_PAIRS: dict[str, type[Fact]] = {
    CUSTOMER_FIELDS_SETTLED: CustomerFieldsSettled,
    CUSTOMER_UPDATE_COMMANDED: CustomerUpdateCommanded,
    CUSTOMER_UPDATE_WITHDRAWN: CustomerUpdateWithdrawn,
    CONFLICT_RESOLVED: ConflictResolved,
    FIELD_RETRIED: FieldRetried,
}
