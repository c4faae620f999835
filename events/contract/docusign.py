"""Whether DocuSign's messages are taken, said when that changes: what is in them is contracts' business."""

from typing import Literal, NamedTuple

from events.contract.gates import Action
from events.contract.values import Fact, Instant


class DocusignReceptionChanged(Fact, frozen=True):
    """How it stands with messages from DocuSign is otherwise than it was.

    Attributes:
        state: `good`; `refusing`, what comes is not taken; `incomplete`, what comes does not tell of completed
            envelopes; `silent`, nothing comes while a contract is out.
        reason: A code that says more, of a state other than good.
        since: When it began, of a state other than good.
    """

    state: Literal["good", "refusing", "incomplete", "silent"]
    reason: str | None = None
    since: Instant | None = None


class Trouble(NamedTuple):
    """What is said of a reason, in a sentence that may go on from another, and what puts it right."""

    sentence: str
    remedy: str
    action: Action


_AGAIN = "then have DocuSign send again what failed (Connect, Failures, Republish)"
_SEEN = f"{_AGAIN}, and say so"
_CONFIGURATION = "In DocuSign's Connect configuration"
TROUBLES: dict[str, Trouble] = {
    "key_missing": Trouble(
        "messages from DocuSign are refused{detail}: the workspace had no key of DocuSign's when they came.",
        f"Unless it is there by now, add the key that DocuSign made, {_AGAIN}.",
        "add_docusign_key",
    ),
    "key_unreadable": Trouble(
        "messages from DocuSign are refused{detail}: a key of DocuSign's was sealed with a token key that is gone.",
        f"Put the token key back in Q2C_TOKEN_KEYS, or add DocuSign's key anew, {_AGAIN}.",
        "add_docusign_key",
    ),
    "signature_missing": Trouble(
        "messages from DocuSign are refused{detail}: they are not signed.",
        f"{_CONFIGURATION} switch HMAC signatures on, {_AGAIN}.",
        "correct_docusign",
    ),
    "signature_invalid": Trouble(
        "messages from DocuSign are refused{detail}: their signatures fit no key of the workspace.",
        f"Add the key that DocuSign signs with now, {_AGAIN}.",
        "add_docusign_key",
    ),
    "too_large": Trouble(
        "messages from DocuSign were refused{detail}: they are too large, most likely for the documents in them.",
        f"{_CONFIGURATION} leave the documents out, {_SEEN}.",
        "acknowledge_docusign",
    ),
    "format_unsupported": Trouble(
        "messages from DocuSign could not be read{detail}: they are in another format than JSON SIM.",
        f"{_CONFIGURATION} choose JSON SIM (send individual messages), {_SEEN}.",
        "acknowledge_docusign",
    ),
    "envelope_data_missing": Trouble(
        "messages from DocuSign could not be read{detail}: they say nothing of the envelope.",
        f"{_CONFIGURATION} select the envelope's data with Custom Fields and Recipients, {_SEEN}.",
        "acknowledge_docusign",
    ),
    "completed_missing": Trouble(
        "DocuSign's messages{detail} say of no envelope that it is completed.",
        f"{_CONFIGURATION} select Envelope Completed among the events, {_AGAIN}.",
        "correct_docusign",
    ),
    "silent": Trouble(
        "no message has come from DocuSign{detail}, though a contract is out.",
        "See in DocuSign whether its Connect configuration is active and names our address, and what its log of"
        " failures says (Connect, Logs).",
        "correct_docusign",
    ),
}


def since_when(changed: DocusignReceptionChanged) -> str:
    """Say since when, as it stands in a sentence."""
    return f" since {changed.since:%Y-%m-%d %H:%M} UTC" if changed.since else ""
