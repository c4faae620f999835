"""Mutations of created customers and items, and of the reading of a company."""

from tests.mutations.mutation import Mutation

_COMPANY_STATE = "worker/quote_to_cash/company/state.py"
_CUSTOMERS_BODY = "worker/quote_to_cash/customers/body.py"
_CUSTOMERS_GATES = "worker/quote_to_cash/customers/gates.py"
_CUSTOMERS_MERGES = "worker/quote_to_cash/customers/merges.py"
_CUSTOMERS_RULES = "worker/quote_to_cash/customers/rules.py"
_CUSTOMERS_WISHES = "worker/quote_to_cash/customers/wishes.py"
_ITEMS_BODY = "worker/quote_to_cash/items/body.py"
_ITEMS_GATES = "worker/quote_to_cash/items/gates.py"
_READ_COMPANY = "worker/commands/kinds/read_company.py"

MUTATIONS = (
    Mutation(
        "customer_name",
        _CUSTOMERS_BODY,
        'fitter.name("The name", name or account.name,',
        'fitter.name("The name", name or account.account_id,',
        "Customers' names are IDs.",
    ),
    Mutation(
        "email",
        _CUSTOMERS_BODY,
        'body["PrimaryEmailAddr"] = {"Address": email}',
        'body["PrimaryEmailAddr"] = {"Address": email.split("@")[0]}',
        "QuickBooks can't send the invoice by e-mail.",
    ),
    Mutation(
        "billing_address",
        _CUSTOMERS_BODY,
        '"billing_address": ("BillAddr", "Billing address")',
        '"billing_address": ("ShipAddr", "Billing address")',
        "The invoice shows no address, or the shipping address, and sales tax depends on the wrong one.",
    ),
    Mutation(
        "shipping_address",
        _CUSTOMERS_BODY,
        "getattr(account, field) or Address()",
        "account.billing_address or Address()",
        "Sales tax is computed for the billing address instead of the shipping address.",
    ),
    Mutation(
        "region",
        _CUSTOMERS_BODY,
        'fields["CountrySubDivisionCode"] = ',
        'fields["CountrySubDivision"] = ',
        "The address has no state, or QuickBooks rejects the property.",
    ),
    Mutation(
        "customer_currency",
        _CUSTOMERS_RULES,
        "customer_body(account.latest, request, name=name, currency=currency)",
        "customer_body(account.latest, request, name=name, currency=currency and company.home_currency)",
        "A customer abroad is billed in dollars for ever: QuickBooks never changes a customer's currency.",
    ),
    Mutation(
        "item_taxable",
        _ITEMS_BODY,
        '"Taxable": product.taxable',
        '"Taxable": True',
        "A product that is not taxable is taxed when an accountant sells it by hand.",
    ),
    Mutation(
        "income_account",
        _ITEMS_BODY,
        '"IncomeAccountRef": {"value": income_account_id}',
        '"IncomeAccountRef": {"value": "1"}',
        "Revenue is booked into another account.",
    ),
    Mutation(
        "inactive_customer",
        _CUSTOMERS_GATES,
        'return seen.active or Unmet({"customer": customer}, about=_about(inquiry))',
        "return True",
        "An invoice is sent although QuickBooks rejects it.",
    ),
    Mutation(
        "inactive_item",
        _ITEMS_GATES,
        'return not items.inactive or _unusable(items, items.inactive, None, "default_item_inactive")',
        "return True",
        "An invoice is sent although QuickBooks rejects it.",
    ),
    Mutation(
        "currency_of_customer",
        _CUSTOMERS_WISHES,
        "return (seen.currency if seen else None) or link.currency",
        "return link.currency",
        "A customer without a stated currency is billed in another.",
    ),
    Mutation(
        "multicurrency",
        _READ_COMPANY,
        'multicurrency=bool(currency.get("MultiCurrencyEnabled"))',
        "multicurrency=False",
        "Invoices of a company with several currencies name no currency.",
    ),
    Mutation(
        "home_currency",
        _READ_COMPANY,
        'home_currency=reference(currency, "HomeCurrency") or "USD"',
        'home_currency="USD"',
        "A British company's books are assumed to be in dollars.",
    ),
    Mutation(
        "country",
        _READ_COMPANY,
        "country=country_code(country) or country",
        'country="US"',
        "A British company's invoices are taxed by the rules of the US.",
    ),
    Mutation(
        "numbers_of_company",
        _READ_COMPANY,
        'preferences.get("SalesFormsPrefs", {}).get("CustomTxnNumbers")',
        'preferences.get("SalesFormsPrefs", {}).get("CustomTxnNumber")',
        "Invoices of a company that wants numbers from us have none.",
    ),
    Mutation(
        "zone_of_company",
        _READ_COMPANY,
        "time_zone=found.zone",
        'time_zone="Etc/UTC"',
        "An evening's invoice in Los Angeles is dated tomorrow.",
    ),
    Mutation(
        "zone_that_was_chosen",
        _COMPANY_STATE,
        "settings_of(self.defaults, self.chosen)",
        "settings_of(self.chosen, self.defaults)",
        "Invoices are dated by another zone than the chosen one.",
    ),
    Mutation(
        "survivor_of_another_account",
        _CUSTOMERS_MERGES,
        "and holder_of_survivor(view, account_id, link, survivor) is None",
        "and survivor",
        "A merge in QuickBooks gives one customer to two accounts.",
        tests=("tests/worker/quote_to_cash/test_merges.py",),
    ),
    Mutation(
        "rejected_survivor",
        _CUSTOMERS_MERGES,
        "and (realm, survivor) not in account.rejected",
        "and survivor",
        "A merge in QuickBooks undoes a person's rejection.",
        tests=("tests/worker/quote_to_cash/test_merges.py",),
    ),
)
