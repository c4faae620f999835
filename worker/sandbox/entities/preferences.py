"""The preferences of a company: one object, in groups. Those behind which there is a rule are the company's traits."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from msgspec.structs import replace

from worker.sandbox.books import plans
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Draft, Entity
from worker.sandbox.books.traits import Traits
from worker.sandbox.entities.preference_groups import GROUPS
from worker.sandbox.schema.common import described
from worker.sandbox.schema.kinds import Fields

# The traits that preferences switch, by group and property.
_TRAITS: Mapping[str, Mapping[str, str]] = {
    "AccountingInfoPrefs": {
        "FirstMonthOfFiscalYear": "fiscal_year_start",
        "ClassTrackingPerTxn": "classes_per_transaction",
        "ClassTrackingPerTxnLine": "classes_per_line",
        "TrackDepartments": "track_departments",
        "BookCloseDate": "books_closed_until",
    },
    "SalesFormsPrefs": {
        "CustomTxnNumbers": "custom_transaction_numbers",
        "AllowDiscount": "allow_discount",
        "AllowShipping": "allow_shipping",
        "AllowDeposit": "allow_deposit",
        "AutoApplyCredit": "auto_apply_credit",
        "AutoApplyPayments": "auto_apply_payments",
    },
    "TaxPrefs": {"UsingSalesTax": "using_sales_tax"},
    "CurrencyPrefs": {"MultiCurrencyEnabled": "multicurrency"},
}
_THANKS = "Thank you for your business and have a great day!"
_OTHER = {
    "SalesFormsPrefs.DefaultCustomerMessage": _THANKS,
    "SalesFormsPrefs.DefaultItem": "1",
    "DTXCopyMemo": "false",
    "SFCEnabled": "true",
    "DataPartner": "false",
    "Vendor1099Enabled": "true",
    "TimeTrackingFeatureEnabled": "true",
    "FDPEnabled": "false",
    "ProjectsEnabled": "false",
    "WarnDuplicateCheckNumber": "true",
    "WarnDuplicateBillNumber": "false",
    "SignoutInactiveMinutes": "60",
    "AccountingInfoPrefs.ShowAccountNumbers": "false",
}
_CUSTOM_FIELDS = 3
_WITH_STOCK = frozenset({"Plus", "Advanced"})


def preferences(traits: Traits) -> Fields:
    """Return the preferences of a new company."""
    american = traits.country == "US"
    usual: dict[str, Fields] = {
        "AccountingInfoPrefs": {
            "UseAccountNumbers": False,
            "TaxYearMonth": "January",
            "DepartmentTerminology": "Location",
            "CustomerTerminology": "Customers",
            **({"TaxForm": "6"} if american else {}),
        },
        "ProductAndServicesPrefs": {
            "ForSales": True,
            "ForPurchase": True,
            "QuantityWithPriceAndRate": True,
            "QuantityOnHand": traits.plan in _WITH_STOCK,
        },
        "SalesFormsPrefs": {
            "AllowEstimates": True,
            "AllowServiceDate": False,
            "EmailCopyToCompany": False,
            "ETransactionAttachPDF": False,
            "ETransactionEnabledStatus": "NotApplicable",
            "ETransactionPaymentEnabled": False,
            "IPNSupportEnabled": False,
            "UsingPriceLevels": False,
            "UsingProgressInvoicing": False,
            "DefaultTerms": {"value": "3"},
            "DefaultCustomerMessage": _THANKS,
            "CustomField": [_switches("SalesFormsPrefs.UseSalesCustom")],
        },
        "EmailMessagesPrefs": {
            f"{kind.replace(' ', '')}Message": _message(kind, traits.name)
            for kind in ("Invoice", "Estimate", "Sales Receipt", "Statement")
        },
        "VendorAndPurchasesPrefs": {
            "BillableExpenseTracking": True,
            "TrackingByCustomer": True,
            "POCustomField": [_switches("PurchasePrefs.UsePurchaseCustom")],
        },
        "TimeTrackingPrefs": {
            "UseServices": True,
            "BillCustomers": True,
            "ShowBillRateToAll": False,
            "WorkWeekStartDate": "Monday",
            "MarkTimeEntriesBillable": True,
        },
        "TaxPrefs": {"PartnerTaxEnabled": traits.tax == "us-ast"} if american else {},
        "CurrencyPrefs": {"HomeCurrency": {"value": traits.home_currency}},
        "ReportPrefs": {"ReportBasis": "Accrual", "CalcAgingReportFromTxnDate": False},
        "OtherPrefs": {"NameValue": [{"Name": name, "Value": value} for name, value in _OTHER.items()]},
    }
    return _merged(usual, _of_traits(traits))


def compose(company: Company, draft: Draft) -> Fields:
    """Change preferences: those that a request does not name stay, also in a full update.

    Raises:
        Fault: 5020 for what the plan lacks, 6000 for several currencies that would become one.
    """
    present = {name: (draft.before or {}).get(name, {}) for name in GROUPS}
    given = {name: value for name, value in draft.given.items() if name in GROUPS}
    groups = _merged(_merged(present, _of_traits(company.traits)), given)
    plans.check_traits(company.traits, _switched(company.traits, groups))
    return {**draft.fields, **groups}


def derived(company: Company, stored: Fields) -> Fields:
    """Show preferences as the company's traits are."""
    groups = _merged({name: stored.get(name, {}) for name in GROUPS}, _of_traits(company.traits))
    home = {"value": company.traits.home_currency}
    groups["CurrencyPrefs"] = {**groups["CurrencyPrefs"], "HomeCurrency": home}
    if company.traits.allow_discount:
        discounts = company.account("DiscountsRefundsGiven")["Id"]
        groups["SalesFormsPrefs"] = {"DefaultDiscountAccount": discounts, **groups["SalesFormsPrefs"]}
    if not company.traits.book_close_date_visible:
        groups["AccountingInfoPrefs"] = {**groups["AccountingInfoPrefs"], "BookCloseDate": None}
    return groups


def follow(company: Company, stored: Fields) -> None:
    """Change the traits of a company to its preferences."""
    company.traits = _switched(company.traits, stored)


def _of_traits(traits: Traits) -> dict[str, Fields]:
    """Return the preferences that are traits."""
    return {
        group: {name: _written(getattr(traits, trait)) for name, trait in names.items()}
        for group, names in _TRAITS.items()
    }


def _switched(traits: Traits, groups: Fields) -> Traits:
    """Return traits as preferences say."""
    changes: dict[str, Any] = {
        trait: groups[group][name] for group, names in _TRAITS.items() for name, trait in names.items()
    }
    closed = changes["books_closed_until"]
    return replace(
        traits, **{**changes, "books_closed_until": date.fromisoformat(closed) if closed else None}
    )


def _written(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value


def _merged(under: Mapping[str, Fields], over: Mapping[str, Fields]) -> dict[str, Fields]:
    """Return groups with the values of others over theirs."""
    return {name: {**values, **over.get(name, {})} for name, values in under.items()}


def _switches(prefix: str) -> Fields:
    """Write the switches of the custom fields of forms, which are all off."""
    names = (f"{prefix}{place}" for place in range(1, _CUSTOM_FIELDS + 1))
    return {"CustomField": [{"Name": name, "Type": "BooleanType", "BooleanValue": False} for name in names]}


def _message(kind: str, company: str) -> Fields:
    return {
        "Subject": f"{kind} from {company}",
        "Message": f"Your {kind.lower()} is attached.\nThank you for your business.\n\nSincerely,\n{company}",
    }


PREFERENCES = Entity(
    name="Preferences",
    properties=described(*GROUPS.values()),
    ids="Preferences",
    operations=frozenset({"read", "update", "query"}),
    single=True,
    compose=compose,
    derived=derived,
    follow=follow,
)
