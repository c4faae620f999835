"""Mutations of the safeguards against doubles: what is created for accounts, offered to the CRM, and linked by its word."""

from tests.mutations.mutation import Mutation

_UNOWNED = "worker/suggesting/unowned.py"
_UNHEARD = "worker/suggesting/unheard.py"
_OFFERING = ("tests/worker/suggesting/test_offering.py",)
_CREATING = ("tests/worker/suggesting/test_creating.py",)

MUTATIONS = (
    Mutation(
        "brought_customer_of_another",
        "worker/quote_to_cash/customers/brought.py",
        '    return ("customer_taken", holder) if holder is not None else None\n',
        "    return None\n",
        "The CRM's word gives one customer to two accounts.",
        ("tests/worker/quote_to_cash/test_brought.py",),
    ),
    Mutation(
        "created_once_for_each_company",
        "worker/quote_to_cash/customers/unmapped.py",
        '    return "being_created" if attempt.status == "commanded" else None\n',
        '    return "being_created" if attempt.status == "commanded" else "to_create"\n',
        "A customer whose creation is uncertain is created again.",
        ("tests/worker/quote_to_cash/test_unmapped_accounts.py",),
    ),
    Mutation(
        "answered_by_all_that_was_observed",
        _UNHEARD,
        "        return not self.too_many and kind.entity not in self.entities\n",
        "        return not self.too_many\n",
        "A customer is created beside one that was observed a moment before.",
        _CREATING,
    ),
    Mutation(
        "item_created_without_the_answer",
        "worker/quote_to_cash/items/rules.py",
        "    is_found = realm is not None and view.get(Product, product_id).is_unlike_all(realm)\n",
        "    is_found = realm is not None\n",
        "A former answer of the matcher creates an item beside one that was observed since.",
        ("tests/worker/quote_to_cash/test_unmapped_products.py",),
    ),
    Mutation(
        "answered_by_all_that_was_quoted",
        "worker/suggesting/answering.py",
        "        if stream in new.sought or not new.knows_all(kind_of(stream))\n",
        "        if stream in new.sought\n",
        "An item is created beside one that was observed a moment before.",
        ("tests/worker/suggesting/test_creating_items.py",),
    ),
    Mutation(
        "offered_by_all_that_has_arrived",
        _UNOWNED,
        "        if not new.knows_all(ACCOUNTS) or any(map(ACCOUNTS.has, new.sought)):\n",
        "        if not new.knows_all(ACCOUNTS):\n",
        "A customer is offered beside an account that has arrived a moment before.",
        _OFFERING,
    ),
    Mutation(
        "offered_beside_mapped_accounts",
        "worker/suggesting/indexes.py",
        "self._accounts.with_decided = company.offering is not None",
        "self._accounts.with_decided = False",
        "A customer is offered although one is being created for an account of its name.",
        _OFFERING,
    ),
    Mutation(
        "own_customers_are_not_offered",
        "worker/quote_to_cash/customers/offers.py",
        "    is_known = customer.is_offered or customer.is_ours or customer.is_brought\n",
        "    is_known = customer.is_offered or customer.is_brought\n",
        "A customer that was created for an account becomes a second account.",
        ("tests/worker/quote_to_cash/test_offers.py",),
    ),
    Mutation(
        "offered_customers_are_not_linked",
        "worker/quote_to_cash/customers/rules.py",
        "    if is_offered(view, suggested.realm, best.customer_id):\n",
        "    if is_offered(view, account_id, best.customer_id):\n",
        "An account is linked to a customer for which the CRM is creating another account.",
        ("tests/worker/quote_to_cash/test_offers.py",),
    ),
)
