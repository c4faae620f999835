"""Mutations of the rules about suggested items: what links, what is created without a person, and what a person decided."""

from tests.mutations.mutation import Mutation

_STATE = "worker/quote_to_cash/items/state.py"
_UNMAPPED = "worker/quote_to_cash/items/unmapped.py"
_SUGGESTED = ("tests/worker/quote_to_cash/test_suggested_products.py",)
_MATCHED = ("tests/worker/matching/test_products.py",)
_COMPARED = ("tests/worker/suggesting/test_products.py",)

MUTATIONS = (
    Mutation(
        "item_created_before_the_product_was_compared",
        _UNMAPPED,
        'return "to_create" if product.has_no_match(realm) else "to_be_compared"',
        'return "to_create"',
        "An item is created beside one that QuickBooks has already.",
        _SUGGESTED,
    ),
    Mutation(
        "default_item_before_the_product_was_compared",
        _UNMAPPED,
        "if own is not None or not product.has_no_match(workspace.realm):",
        "if own is not None:",
        "A product with an item of its own is invoiced with the default item.",
        _SUGGESTED,
    ),
    Mutation(
        "item_compared_under_a_former_name",
        _STATE,
        "(found.realm, found.name, found.sku) == (realm, self.name, self.sku)",
        "found.realm == realm",
        "A renamed product is linked to the item of its former name.",
        _SUGGESTED,
    ),
    Mutation(
        "item_of_an_ignored_product",
        _UNMAPPED,
        '        return "ignored"\n',
        '        return "unmapped"\n',
        "A deal does not say that somebody ignored its product.",
        _SUGGESTED,
    ),
    Mutation(
        "items_of_other_companies_forgotten",
        _STATE,
        'own = self.elsewhere.get(realm or "")',
        "own = None",
        "A person's mapping is lost when another company was connected meanwhile.",
        _SUGGESTED,
    ),
    Mutation(
        "rejected_in_any_company",
        "projections/mappings.py",
        "row.by in NO_PERSONS and (row.realm, row.target) == pair",
        "row.by in NO_PERSONS and row.target == pair[1]",
        "The list of mappings undoes a link of one company, since a person rejected the same ID in another one.",
        ("tests/projections/test_mapping_rows.py",),
    ),
    Mutation(
        "linked_by_the_sku_of_two_items",
        "worker/matching/products.py",
        'yield "shared_sku"',
        "pass",
        "A product is linked to one of two items with its SKU.",
        _MATCHED,
    ),
    Mutation(
        "numbers_side_by_side",
        "worker/matching/product_names.py",
        r'r" n\g<0>n "',
        r'r" \g<0> "',
        "Cable 1.5 m is linked to Cable 15 m.",
        _MATCHED,
    ),
    Mutation(
        "categories_suggested",
        "worker/suggesting/products.py",
        "if observed.name is None or observed.type in NOT_FOR_SALE:",
        "if observed.name is None:",
        "A category is suggested, which QuickBooks refuses on a line.",
        _COMPARED,
    ),
)
