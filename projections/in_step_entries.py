"""The sentences of the integration log about accounts and customers that are kept in step."""

from typing import Any, Literal

from events.contract import in_step
from events.contract.crm import Address
from events.contract.in_step import FieldSettlement, FieldValue

Sentence = tuple[Literal["info", "attention"], str, str | None]
TOLD = frozenset({*in_step.OF_PAIRS, in_step.ACCOUNT_CUSTOMER_CHANGED})
SPOKEN: dict[str, str] = {
    "name": "name",
    "email": "e-mail address",
    "phone": "phone number",
    "billing_address": "billing address",
    "shipping_address": "shipping address",
    "currency": "currency",
    "terms": "terms",
    "taxable": "taxability",
}
_SIDES = {"crm": "the CRM", "quickbooks": "QuickBooks"}
_CONFLICT = "Decide for one side: q2c conflicts resolve {account} {field} crm, or quickbooks. Invoices go on meanwhile."
_REFUSED = "Correct it in the CRM; or remove the cause in QuickBooks, then request it again: q2c conflicts retry {account} {field}"


def sentence(kind: str, payload: Any) -> Sentence | None:
    """Return the sentence of an event of `TOLD`; None if it says nothing to a person."""
    match kind:
        case in_step.CUSTOMER_FIELDS_SETTLED:
            return _settled(payload)
        case in_step.CUSTOMER_UPDATE_COMMANDED:
            return ("info", " ".join(payload.notes), None) if payload.notes else None
        case in_step.CUSTOMER_UPDATE_WITHDRAWN:
            return "info", f"The update of customer {payload.customer_id} is no longer wanted.", None
        case in_step.CONFLICT_RESOLVED:
            value = spoken_value(getattr(payload.values, payload.take))
            side, field = _SIDES[payload.take], SPOKEN[payload.field]
            return "info", f"{payload.by} decided for the {field} of {side}: {value}.", None
        case in_step.FIELD_RETRIED:
            return "info", f"{payload.by} requested that the {SPOKEN[payload.field]} be sent again.", None
    return _told(payload)


def spoken_value(value: FieldValue | bool) -> str:
    """Return a value of a field within a sentence."""
    if isinstance(value, Address):
        parts = (getattr(value, name) for name in Address.__struct_fields__)
        return repr(", ".join(part for part in parts if part))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else repr(value)


def _settled(payload: Any) -> Sentence | None:
    said = [each for field in payload.fields if (each := _spoken(field, payload.customer_id))]
    if not said:
        return None
    waiting = [field for field in payload.fields if field.state in {"conflict", "refused"}]
    if not waiting:
        return "info", " ".join(said), None
    remedy = _CONFLICT if waiting[0].state == "conflict" else _REFUSED
    return "attention", " ".join(said), remedy.format(account=payload.account_id, field=waiting[0].field)


def _spoken(field: FieldSettlement, customer_id: str) -> str | None:
    """Return the sentence about a settled field; None if both sides agree."""
    crm, quickbooks = spoken_value(field.values.crm), spoken_value(field.values.quickbooks)
    name = SPOKEN[field.field]
    values = f"{crm} in the CRM, {quickbooks} in QuickBooks (customer {customer_id})"
    match field.state:
        case "to_quickbooks":
            return f"The {name} of the CRM goes to QuickBooks: {values}."
        case "to_crm":
            return f"The {name} of QuickBooks goes to the CRM: {values}."
        case "off":
            return f"The {name} differs, and customer_sync does not write it: {values}."
        case "conflict":
            why = "Both sides changed" if field.base else "Both sides have"
            return f"{why} the {name}: {values}."
        case "refused":
            return f"QuickBooks does not take the {name} {crm} (customer {customer_id}): {field.message}"
    return None


def _told(payload: Any) -> Sentence:
    put_back = ", ".join(SPOKEN[name] for name in payload.put_back)
    values = ", ".join(f"{SPOKEN[name]} {spoken_value(value)}" for name, value in payload.fields.items())
    back = f" That puts back what the CRM has: {put_back}." if put_back else ""
    return "info", f"The CRM was told the customer's {values}.{back}", None
