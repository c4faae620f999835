"""The preferences of a company: one object, in groups."""

from worker.sandbox.books.entity import Entity
from worker.sandbox.books.traits import Traits
from worker.sandbox.schema.common import described
from worker.sandbox.schema.kinds import Anything, CurrencyCode, Fields, Flag, Property, Several, Text, group

_SALES = group(
    *(
        Property(name, Flag())
        for name in (
            "CustomTxnNumbers",
            "AllowDeposit",
            "AllowDiscount",
            "AllowEstimates",
            "AllowServiceDate",
            "AllowShipping",
            "AutoApplyCredit",
            "AutoApplyPayments",
            "EmailCopyToCompany",
            "ETransactionPaymentEnabled",
            "IPNSupportEnabled",
            "UsingPriceLevels",
            "UsingProgressInvoicing",
        )
    ),
    Property("CustomField", Several(Anything())),
    Property("DefaultDiscountAccount", Text()),
    Property("DefaultShippingAccount", Text()),
    Property("DefaultCustomerMessage", Text(1000)),
    Property("DefaultTerms", Anything()),
    Property("ETransactionAttachPDF", Flag()),
    Property("ETransactionEnabledStatus", Text()),
)
_TAX = group(
    Property("UsingSalesTax", Flag()),
    Property("PartnerTaxEnabled", Flag(), read_only=True),
    Property("TaxGroupCodeRef", Anything()),
)
_CURRENCY = group(Property("MultiCurrencyEnabled", Flag()), Property("HomeCurrency", CurrencyCode()))
PREFERENCES = Entity(
    name="Preferences",
    properties=described(
        Property("SalesFormsPrefs", _SALES),
        Property("TaxPrefs", _TAX),
        Property("CurrencyPrefs", _CURRENCY),
        *(
            Property(name, Anything())
            for name in (
                "AccountingInfoPrefs",
                "EmailMessagesPrefs",
                "OtherPrefs",
                "ProductAndServicesPrefs",
                "ReportPrefs",
                "TimeTrackingPrefs",
                "VendorAndPurchasesPrefs",
            )
        ),
    ),
    ids="Preferences",
    operations=frozenset({"read", "query"}),
)


def preferences(traits: Traits) -> Fields:
    """Return a company's preferences as its traits have them."""
    return {
        "SalesFormsPrefs": {
            "CustomTxnNumbers": traits.custom_transaction_numbers,
            "AllowDiscount": traits.allow_discount,
            "AllowShipping": traits.allow_shipping,
            "AllowDeposit": traits.allow_deposit,
            "AutoApplyCredit": traits.auto_apply_credit,
            "ETransactionPaymentEnabled": False,
        },
        "TaxPrefs": {
            "UsingSalesTax": traits.using_sales_tax,
            "PartnerTaxEnabled": traits.tax == "us-ast",
        },
        "CurrencyPrefs": {
            "MultiCurrencyEnabled": traits.multicurrency,
            "HomeCurrency": {"value": traits.home_currency},
        },
    }
