"""How QuickBooks says no: the Fault of a code, in the words that Intuit uses."""

from http import HTTPStatus
from typing import Any

VALIDATION = "ValidationFault"
SYSTEM = "SystemFault"


class Fault(Exception):
    """A refusal; it changes nothing in the books."""

    def __init__(
        self,
        code: str,
        message: str,
        detail: str,
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        kind: str = VALIDATION,
        element: str | None = "",
    ) -> None:
        super().__init__(f"{code} {detail}")
        self.code = code
        self.message = message
        self.detail = detail
        self.status = status
        self.kind = kind
        self.element = element

    def body(self, time: str) -> dict[str, Any]:
        """Write it in the usual form."""
        return {"Fault": self.fields(), "time": time}

    def fields(self) -> dict[str, Any]:
        """Write it without the time, as the items of a batch have it."""
        error = {"Message": self.message, "Detail": self.detail, "code": self.code}
        if self.element is not None:
            error["element"] = self.element
        return {"Error": [error], "type": self.kind}


def required(name: str) -> Fault:
    """A required parameter is missing."""
    return Fault(
        "2020",
        "Required param missing, need to supply the required value for the API",
        f"Required parameter {name} is missing in the request",
        element=name,
    )


def unsupported_property(name: str) -> Fault:
    """A property is misspelt or not writable here."""
    return Fault(
        "2010",
        "Request has invalid or unsupported property",
        f"Property Name:{name} specified is unsupported or invalid",
        element=name,
    )


def malformed(detail: str) -> Fault:
    """The body is no JSON object."""
    return Fault(
        "2010", "Request has invalid or unsupported property", f"Unexpected body: {detail}", element=None
    )


def too_long(maximum: int) -> Fault:
    """A text is too long; which one is not said."""
    return Fault(
        "2050",
        "String length is either shorter or longer than supported by specification",
        f"String length specified does not match the supported length. Min:0 Max:{maximum} supported. "
        "Supplied length is longer.",
    )


def invalid_reference(kind: str, identifier: str) -> Fault:
    """A reference names nothing."""
    return Fault(
        "2500",
        "Invalid Reference Id",
        f"Invalid Reference Id : {kind} element id {identifier} not found",
        element=kind,
    )


def inactive(kind: str) -> Fault:
    """A reference names something that was made inactive, or that is not there."""
    return Fault(
        "610",
        "Object Not Found",
        "Object Not Found : Something you're trying to use has been made inactive. Check the fields with "
        "accounts, customers, items, vendors or employees.",
        element=kind,
    )


def deleted(kind: str) -> Fault:
    """A transaction is not there."""
    return Fault(
        "610",
        "Object Not Found",
        "Object Not Found : Another user has deleted this transaction.",
        element=kind,
    )


def invalid_enumeration(value: str, name: str) -> Fault:
    """A word is none of those that a property can have."""
    return Fault("2170", "Invalid Enumeration", f"Invalid Enumeration : {value}", element=name)


def invalid_date(value: object, name: str) -> Fault:
    """A date is none."""
    return Fault("2010", "Invalid date", f"Invalid date {value} for {name}", element=name)


def invalid_email(value: str) -> Fault:
    """An e-mail address is none."""
    return Fault("2210", "Invalid email address format", f"Email Address {value} is not valid")


def unsupported_operation(name: str) -> Fault:
    """There is no such operation, or not for this entity."""
    return Fault("500", "Unsupported Operation", f"Operation {name} is not supported.")


def linked(kind: str) -> Fault:
    """A transaction can't be deleted or take back what another one settles of it."""
    return Fault(
        "6480",
        "Object is in use",
        f"{kind} is linked to other transactions. Delete or unlink them first.",
    )


def deposited() -> Fault:
    """A payment or receipt is part of a deposit."""
    return Fault(
        "6540",
        "Deposited transaction cannot be changed",
        "Deposited transaction cannot be changed : This transaction has been deposited. If you want to change or "
        "delete it, you must edit the deposit it appears on and remove it first.",
    )


def stale() -> Fault:
    """The SyncToken is not the present one."""
    return Fault(
        "5010",
        "Stale Object Error",
        "Stale Object Error : You and sandbox were working on this at the same time. sandbox finished before "
        "you did, so your work was not saved.",
    )


def duplicate_name() -> Fault:
    """The name is taken by a customer, vendor, employee or item."""
    return Fault(
        "6240",
        "Duplicate Name Exists Error",
        "The name supplied already exists. : Another customer, vendor or employee is already using this \n"
        "name. Please use a different name.",
    )


def duplicate_number(number: str, transaction: str, kind: str = "Invoice") -> Fault:
    """The document number is taken."""
    return Fault(
        "6140",
        "Duplicate Document Number Error",
        "Duplicate Document Number Error : You must specify a different number. This number has already been "
        f"used. DocNumber={number} is assigned to TxnType={kind} with TxnId={transaction}",
    )


def business(detail: str, code: str = "6000") -> Fault:
    """A rule of the books is broken."""
    return Fault(code, "A business validation error has occurred while processing your request", detail)


def period_closed() -> Fault:
    """The books are closed for the date."""
    return Fault(
        "6210",
        "Account Period Closed, Cannot Update Through Services API",
        "The account period has closed and the account books cannot be updated through through the QBO "
        "Services API. Please use the QBO website to make these changes.",
    )


def invalid_line_tax_code(code: str) -> Fault:
    """A line of a US company has a tax code that is neither TAX nor NON."""
    return Fault(
        "6100",
        "Invalid Line TaxCode in the request",
        "Invalid Line TaxCode in the request : Valid Line TaxCodes for US should be TAX or NON. "
        f"Supplied value:{code}",
    )


def not_in_plan(feature: str) -> Fault:
    """The company's plan does not have a feature."""
    return Fault(
        "5020",
        "Permission Denied Error",
        f"Permission Denied Error : You do not have permission to access this feature: {feature}",
    )


def not_switched_on(feature: str) -> Fault:
    """The company has a feature in its plan, but does not use it."""
    return Fault(
        "5030", "Feature Not Supported Error", f"Feature Not Supported Error : {feature} is not switched on"
    )


def subscription_lapsed(plan: str, status: int) -> Fault:
    """The company's subscription has ended."""
    return Fault(
        "6190",
        "Invalid Company Status",
        "Subscription period has ended or canceled or there was a billing problem : You can't add data to "
        f"QuickBooks Online {plan} because your trial or subscription period ended, you canceled your "
        "subscription, or there was a billing problem.",
        status=status,
    )


def application_error() -> Fault:
    """Something broke inside QuickBooks."""
    return Fault(
        "10000",
        "An application error has occurred while processing your request",
        "System Failure Error: An application error has occurred",
        status=HTTPStatus.INTERNAL_SERVER_ERROR,
        kind=SYSTEM,
    )


def no_rights() -> Fault:
    """The user who connected the app has no right to do this any more."""
    return Fault(
        "120",
        "Authorization Failure",
        "AuthorizationFailure: You don't have permission to do this operation.",
        status=HTTPStatus.FORBIDDEN,
        kind="AuthorizationFault",
    )


def throttled() -> Fault:
    """Too many requests."""
    return Fault(
        "3001",
        "message=ThrottleExceeded; errorCode=003001; statusCode=429",
        "The request limit was reached.  Try again later",
        status=HTTPStatus.TOO_MANY_REQUESTS,
        kind="SERVICE",
    )


def authentication_body(detail: str | None, milliseconds: int) -> dict[str, Any]:
    """Write a refused token, in the other form that QuickBooks has."""
    error = {
        "message": "message=AuthenticationFailed; errorCode=003200; statusCode=401",
        "detail": detail,
        "code": "3200",
        "element": None,
    }
    return {
        "warnings": None,
        "intuitObject": None,
        "fault": {"error": [error], "type": "AUTHENTICATION"},
        "report": None,
        "queryResponse": None,
        "batchItemResponse": [],
        "attachableResponse": [],
        "syncErrorResponse": None,
        "requestId": None,
        "time": milliseconds,
        "status": None,
        "cdcresponse": [],
    }


OTHER_REALM_XML = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    b'<IntuitResponse xmlns="http://schema.intuit.com/finance/v3"><Fault type="AuthenticationFault">'
    b'<Error code="100"><Message>General Authentication Error</Message>'
    b"<Detail>SRV-110-Authentication Failure , statusCode: 401</Detail></Error></Fault></IntuitResponse>"
)
