"""The groups of preferences and their properties."""

from collections.abc import Mapping

from worker.sandbox.books.traits import MONTHS
from worker.sandbox.schema.kinds import (
    Anything,
    Choice,
    CurrencyCode,
    Day,
    Flag,
    Group,
    Number,
    Property,
    Ref,
    Several,
    Text,
    group,
)

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TERMS = Property("DefaultTerms", Ref(("Term",), "Terms", named=False))


def _flags(*names: str) -> tuple[Property, ...]:
    return tuple(Property(name, Flag()) for name in names)


_ACCOUNTING = group(
    Property("FirstMonthOfFiscalYear", Choice(MONTHS)),
    Property("TaxYearMonth", Choice(MONTHS)),
    *_flags("UseAccountNumbers", "ClassTrackingPerTxn", "ClassTrackingPerTxnLine", "TrackDepartments"),
    Property("DepartmentTerminology", Text(100)),
    Property("CustomerTerminology", Text(100)),
    Property("TaxForm", Text(100)),
    Property("BookCloseDate", Day()),
)
_SALES = group(
    *_flags(
        "CustomTxnNumbers",
        "AllowDeposit",
        "AllowDiscount",
        "AllowEstimates",
        "AllowServiceDate",
        "AllowShipping",
        "AutoApplyCredit",
        "AutoApplyPayments",
        "EmailCopyToCompany",
        "ETransactionAttachPDF",
        "ETransactionPaymentEnabled",
        "IPNSupportEnabled",
        "UsingPriceLevels",
        "UsingProgressInvoicing",
    ),
    _TERMS,
    Property("DefaultCustomerMessage", Text(1000)),
    Property("DefaultDiscountAccount", Text()),
    Property("DefaultShippingAccount", Text(), read_only=True),
    Property("EstimateMessage", Text(1000)),
    Property("ETransactionEnabledStatus", Text(), read_only=True),
    Property("SalesEmailBcc", Anything()),
    Property("SalesEmailCc", Anything()),
    Property("CustomField", Several(Anything())),
)
_PURCHASES = group(
    *_flags("BillableExpenseTracking", "TrackingByCustomer", "TPAREnabled"),
    _TERMS,
    Property("DefaultMarkupAccount", Ref(("Account",), "Accounts")),
    Property("DefaultMarkup", Number(0)),
    Property("MsgToVendors", Text(1000)),
    Property("POCustomField", Several(Anything())),
)
_MESSAGE = group(Property("Subject", Text(1000)), Property("Message", Text(4000)))
_MESSAGES = ("InvoiceMessage", "EstimateMessage", "SalesReceiptMessage", "StatementMessage")
_NAME_VALUE = group(Property("Name", Text()), Property("Value", Text()))
_KINDS: Mapping[str, Group] = {
    "AccountingInfoPrefs": _ACCOUNTING,
    "ProductAndServicesPrefs": group(
        *_flags(
            "ForSales", "ForPurchase", "QuantityWithPriceAndRate", "QuantityOnHand", "RevenueRecognition"
        ),
        Property("RevenueRecognitionFrequency", Text(100)),
    ),
    "SalesFormsPrefs": _SALES,
    "EmailMessagesPrefs": group(*(Property(name, _MESSAGE) for name in _MESSAGES)),
    "VendorAndPurchasesPrefs": _PURCHASES,
    "TimeTrackingPrefs": group(
        *_flags("UseServices", "BillCustomers", "ShowBillRateToAll", "MarkTimeEntriesBillable"),
        Property("WorkWeekStartDate", Choice(_WEEKDAYS)),
    ),
    "TaxPrefs": group(
        *_flags("UsingSalesTax"),
        Property("PartnerTaxEnabled", Flag(), read_only=True),
        Property("TaxGroupCodeRef", Ref(("TaxCode",), "TaxCodes", named=False)),
    ),
    "CurrencyPrefs": group(
        *_flags("MultiCurrencyEnabled"), Property("HomeCurrency", CurrencyCode(named=False), read_only=True)
    ),
    "ReportPrefs": group(
        Property("ReportBasis", Choice(("Accrual", "Cash"))), *_flags("CalcAgingReportFromTxnDate")
    ),
    "OtherPrefs": group(Property("NameValue", Several(_NAME_VALUE))),
}
GROUPS: Mapping[str, Property] = {name: Property(name, kind) for name, kind in _KINDS.items()}
