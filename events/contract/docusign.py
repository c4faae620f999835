"""Whether DocuSign's messages are accepted: the event that records a change, and the sentences about it."""

from typing import Literal, NamedTuple

from events.contract.gates import Action
from events.contract.values import Fact, Instant


class DocusignReceptionChanged(Fact, frozen=True):
    """The reception of DocuSign's messages has changed its state.

    Attributes:
        state: `good`; `refusing`: messages are refused; `incomplete`: messages never report a completed envelope;
            `silent`: no message arrives while a contract is out.
        reason: The code of the cause; none if the state is good.
        since: When the state began; none if it is good.
    """

    state: Literal["good", "refusing", "incomplete", "silent"]
    reason: str | None = None
    since: Instant | None = None


class ReceptionProblem(NamedTuple):
    """The sentence about a problem, as of a gate's words, which may follow a colon; its remedy and action."""

    sentence: str
    remedy: str
    action: Action


_AGAIN = "then have DocuSign send the failed messages again (Connect, Failures, Republish)"
_SEEN = f"{_AGAIN}, and clear this warning"
_CONFIGURATION = "In DocuSign's Connect configuration,"
RECEPTION_PROBLEMS: dict[str, ReceptionProblem] = {
    "key_missing": ReceptionProblem(
        "messages from DocuSign are refused[ since {since}]: the workspace had no DocuSign key when they arrived.",
        f"Add DocuSign's key if it is still missing, {_AGAIN}.",
        "add_docusign_key",
    ),
    "key_unreadable": ReceptionProblem(
        "messages from DocuSign are refused[ since {since}]: a DocuSign key can't be decrypted, since its token key is missing.",
        f"Put the token key back into Q2C_TOKEN_KEYS, or add DocuSign's key again, {_AGAIN}.",
        "add_docusign_key",
    ),
    "signature_missing": ReceptionProblem(
        "messages from DocuSign are refused[ since {since}]: they are not signed.",
        f"{_CONFIGURATION} switch on HMAC signatures, {_AGAIN}.",
        "correct_docusign",
    ),
    "signature_invalid": ReceptionProblem(
        "messages from DocuSign are refused[ since {since}]: their signatures match no key of the workspace.",
        f"Add the key that DocuSign signs with now, {_AGAIN}.",
        "add_docusign_key",
    ),
    "too_large": ReceptionProblem(
        "messages from DocuSign were refused[ since {since}]: they are too large, probably because they contain documents.",
        f"{_CONFIGURATION} leave out the documents, {_SEEN}.",
        "acknowledge_docusign",
    ),
    "format_unsupported": ReceptionProblem(
        "messages from DocuSign could not be read[ since {since}]: they are not in the format JSON SIM.",
        f"{_CONFIGURATION} choose JSON SIM (send individual messages), {_SEEN}.",
        "acknowledge_docusign",
    ),
    "envelope_data_missing": ReceptionProblem(
        "messages from DocuSign could not be read[ since {since}]: they contain no envelope data.",
        f"{_CONFIGURATION} include the envelope's data, with Custom Fields and Recipients, {_SEEN}.",
        "acknowledge_docusign",
    ),
    "completed_missing": ReceptionProblem(
        "DocuSign's messages[ since {since}] report no completed envelope.",
        f"{_CONFIGURATION} select the event Envelope Completed, {_AGAIN}.",
        "correct_docusign",
    ),
    "silent": ReceptionProblem(
        "no message has arrived from DocuSign[ since {since}], although a contract is out for signature.",
        "Check in DocuSign that the Connect configuration is active and has this workspace's address, and look for"
        " failures in its log (Connect, Logs).",
        "correct_docusign",
    ),
}


def params_of(changed: DocusignReceptionChanged) -> dict[str, str]:
    """Return the parameters of the sentence about a problem: `since`, where that is known."""
    return {"since": f"{changed.since:%Y-%m-%d %H:%M} UTC"} if changed.since else {}
