"""The commands that a person can type for the action of an unmet gate."""

from collections.abc import Iterable

from events.contract.gates import Action

_ORDER = "q2c invoice {deal}"
_MAP = ("q2c map {account} CUSTOMER_ID", "q2c map {account} --create")
_MAP_PRODUCT = ("q2c map-product {product} ITEM_ID", "q2c map-product {product} --create")
COMMANDS: dict[Action, tuple[str, ...]] = {
    "switch_on": ("q2c set auto_invoice=true", _ORDER),
    "request_invoice": (_ORDER,),
    "map_account": (*_MAP, "q2c map {account} --create --name NAME --currency CURRENCY"),
    "review_mapping": ("q2c mappings accept {account}", "q2c mappings reject {account}", *_MAP),
    "review_product": (
        "q2c mappings accept {product} --products",
        "q2c mappings reject {product} --products",
        *_MAP_PRODUCT,
    ),
    "map_product": (*_MAP_PRODUCT, "q2c map-product {product} --create --name NAME"),
    "activate_customer": (_ORDER, *_MAP),
    "activate_item": (_ORDER, *_MAP_PRODUCT),
    "correct_in_quickbooks": (_ORDER,),
    "choose_terms": ("q2c set terms=NAME",),
    "choose_income_account": ("q2c set income_account=NAME",),
    "choose_default_item": ('q2c set unmapped_product="default ITEM_ID"', *_MAP_PRODUCT),
    "choose_time_zone": ("q2c set time_zone=America/Chicago",),
    "connect": ("q2c connect",),
    "resume": ("q2c set paused=false",),
    "name_invoice": ("q2c invoice {deal} --is ID",),
    "add_docusign_key": ("q2c workspace docusign-key add KEY",),
    "acknowledge_docusign": ("q2c workspace docusign --seen",),
}


def commands(action: Action | None, deal: str = "DEAL", about: Iterable[str] = ()) -> list[str]:
    """Return the commands of an action, for each account or product that it is about; none if no command helps."""
    named = [stream.partition("/") for stream in about]
    templates = COMMANDS.get(action, ()) if action is not None else ()
    found = []
    for template in templates:
        accounts = [key for kind, _, key in named if kind == "account"] or ["ACCOUNT"]
        products = [key for kind, _, key in named if kind == "product"] or ["PRODUCT"]
        subjects = [(a, p) for a in accounts for p in products]
        found += [
            template.format(deal=deal, account=account, product=product) for account, product in subjects
        ]
    return list(dict.fromkeys(found))
