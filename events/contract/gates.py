"""The codes of gates, and the words of those gates that an event names by its code alone.

The process manager has the words of all other gates, beside their checks.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

Action = Literal[
    "wait",
    "remind_signer",
    "send_contract",
    "correct_deal",
    "save_account",
    "switch_on",
    "request_invoice",
    "map_account",
    "review_mapping",
    "map_product",
    "review_product",
    "activate_customer",
    "activate_item",
    "correct_in_quickbooks",
    "choose_terms",
    "choose_income_account",
    "choose_default_item",
    "choose_time_zone",
    "connect",
    "resume",
    "name_invoice",
    "add_docusign_key",
    "acknowledge_docusign",
    "correct_docusign",
]

IN_PROGRESS = "in_progress"
BEING_READ = "mapping_being_read"
CUSTOMER_BEING_CREATED = "customer_being_created"
ITEM_BEING_CREATED = "item_being_created"
# The refusal of an update; no deal waits on it.
CUSTOMER_CHANGED = "customer_changed"
_BRACKETED = re.compile(r"\[([^\]]*)\]")
_PARAMETER = re.compile(r"\{(\w+)\}")
# They open by themselves, or another gate says why not.
_PASSING = frozenset({IN_PROGRESS, BEING_READ, CUSTOMER_BEING_CREATED, ITEM_BEING_CREATED})


class Words(Struct, frozen=True):
    """The sentences of an unmet gate, and the action that opens it.

    `reason` names the gate's parameters in braces. A part of it in brackets is left out if one of its parameters is
    missing, as in `The contract was declined[: {reason}].`
    """

    reason: str
    remedy: str
    action: Action = "wait"

    def reason_with(self, params: Mapping[str, str]) -> str:
        """Return the reason with its parameters filled in."""
        return filled(self.reason, params)


def filled(sentence: str, params: Mapping[str, str]) -> str:
    """Fill in the parameters of a sentence, and leave out its bracketed parts that lack one.

    Elsewhere a missing parameter becomes a question mark: an event of an older version may lack it.
    """

    def part(found: re.Match[str]) -> str:
        return found[1] if all(name in params for name in _PARAMETER.findall(found[1])) else ""

    return _BRACKETED.sub(part, sentence).format_map(defaultdict(lambda: "?", params))


CREATING = Words("The invoice is being created.", "Nothing to do.")
REFUSED_COMPANY = {
    "subscription_lapsed": Words(
        "The company's QuickBooks subscription has lapsed[: {message}].",
        "Renew it in QuickBooks; invoicing then continues by itself within an hour.",
        "correct_in_quickbooks",
    ),
    "insufficient_rights": Words(
        "QuickBooks refuses every request for lack of rights[: {message}].",
        "Give the user who connected the company the rights in QuickBooks, or ask an admin of the company to connect it;"
        " invoicing then continues by itself.",
        "connect",
    ),
    "wrong_environment": Words(
        "QuickBooks does not let this app use the company[: {message}].",
        "Use the app's keys for the company's environment, production or sandbox, and connect again.",
        "connect",
    ),
}
LOOK_UP_REFUSED = Words(
    "The invoice may be in QuickBooks, but looking it up there failed[ ({message})].",
    "The look-up is retried by itself, and nothing is sent before it succeeds. If you find the invoice in QuickBooks,"
    " name it by its ID (the txnId in its address).",
    "name_invoice",
)


def asking(codes: Iterable[str]) -> tuple[str, ...]:
    """Return the codes of gates that need a person's action, without those that open by themselves in a moment."""
    return tuple(code for code in codes if code not in _PASSING)
