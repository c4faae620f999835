"""Customers, items and companies: what is made of an account or a product, what is read of a company."""

from tests.mutations.mutation import Mutation

_CUSTOMERS = "worker/quote_to_cash/customers.py"
_READINGS = "worker/commands/readings.py"
_REFERRED = "worker/quote_to_cash/referred.py"

MUTATIONS = (
    Mutation(
        "customer_name",
        _CUSTOMERS,
        'fitter.name("The name", name or account.name,',
        'fitter.name("The name", name or account.account_id,',
        "Customers are called by ids.",
    ),
    Mutation(
        "email",
        _CUSTOMERS,
        'body["PrimaryEmailAddr"] = {"Address": email}',
        'body["PrimaryEmailAddr"] = {"Address": email.split("@")[0]}',
        "QuickBooks sends the invoice to no mailbox.",
    ),
    Mutation(
        "billing_address",
        _CUSTOMERS,
        'body["BillAddr"] = billing',
        'body["ShipAddr"] = billing',
        "The invoice shows no address, or the one that goods go to, and sales tax goes by the wrong one.",
    ),
    Mutation(
        "shipping_address",
        _CUSTOMERS,
        '_address("Shipping address", account.shipping_address, fitter)',
        '_address("Shipping address", account.billing_address, fitter)',
        "Sales tax is computed for where the bill goes, not the goods.",
    ),
    Mutation(
        "region",
        _CUSTOMERS,
        'fields["CountrySubDivisionCode"] = ',
        'fields["CountrySubDivision"] = ',
        "The address has no state, or QuickBooks refuses the property.",
    ),
    Mutation(
        "customer_currency",
        "worker/quote_to_cash/creating.py",
        "customer_body(account.latest, request, name=name, currency=currency)",
        "customer_body(account.latest, request, name=name, currency=currency and company.home_currency)",
        "A customer abroad is billed in dollars for good: QuickBooks never changes a customer's currency.",
    ),
    Mutation(
        "item_taxable",
        _CUSTOMERS,
        '"Taxable": product.taxable',
        '"Taxable": True',
        "What is not taxable is taxed when an accountant sells it by hand.",
    ),
    Mutation(
        "income_account",
        _CUSTOMERS,
        '"IncomeAccountRef": {"value": income_account_id}',
        '"IncomeAccountRef": {"value": "1"}',
        "Revenue is booked into another account.",
    ),
    Mutation(
        "inactive_customer",
        _REFERRED,
        'yield Gate("customer_inactive", met=seen.active, detail=detail)',
        'yield Gate("customer_inactive")',
        "An invoice is sent that QuickBooks refuses.",
    ),
    Mutation(
        "inactive_item",
        _REFERRED,
        'yield Gate("item_inactive", met=not inactive, detail=told(inactive))',
        'yield Gate("item_inactive")',
        "An invoice is sent that QuickBooks refuses.",
    ),
    Mutation(
        "currency_of_customer",
        _REFERRED,
        "return (seen.currency if seen else None) or link.currency",
        "return link.currency",
        "A customer whose currency nobody typed in is billed in another.",
    ),
    Mutation(
        "multicurrency",
        _READINGS,
        'multicurrency=bool(currency.get("MultiCurrencyEnabled"))',
        "multicurrency=False",
        "Invoices of a company with several currencies name none.",
    ),
    Mutation(
        "home_currency",
        _READINGS,
        'home_currency=outcomes.reference(currency, "HomeCurrency") or "USD"',
        'home_currency="USD"',
        "A British company is taken to keep its books in dollars.",
    ),
    Mutation(
        "country",
        _READINGS,
        "country=country_code(country) or country",
        'country="US"',
        "A British company's invoices are taxed by the rules of the US.",
    ),
    Mutation(
        "numbers_of_company",
        _READINGS,
        'preferences.get("SalesFormsPrefs", {}).get("CustomTxnNumbers")',
        'preferences.get("SalesFormsPrefs", {}).get("CustomTxnNumber")',
        "Invoices of a company that wants numbers from us have none.",
    ),
    Mutation(
        "zone_of_company",
        _READINGS,
        "time_zone=found.zone",
        'time_zone="Etc/UTC"',
        "An evening's invoice in Los Angeles is dated tomorrow.",
    ),
    Mutation(
        "zone_that_was_chosen",
        "worker/quote_to_cash/state.py",
        "return self.settings.time_zone or (",
        "return (",
        "Invoices are dated by another zone than the one that was chosen.",
    ),
)
