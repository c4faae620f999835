"""Failures of Intuit's OAuth on purpose, and switches for its undocumented behaviour.

Answers can be lost, late, far too long, cut, or say what can't be; a plan says which, and for how many of them.
"""

from collections import deque
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from worker.sandbox.messages import HTML, Reply

Odd = Literal["lost_before", "lost_answer", "server_error", "throttled", "huge", "cut", "malformed"]
HUGE_BYTES = 1024 * 1024


class OAuthPlan(Struct, frozen=True, forbid_unknown_fields=True):
    """The failures and switches of OAuth.

    Attributes:
        token: What the next answers of the token endpoint suffer, one each; none is no trouble.
        token_seconds: How long the token endpoint takes to answer. Until then a refresh is under way, and another one
            happens at once with it.
        token_says: What good answers of the token endpoint say otherwise, such as `{"expires_in": -1}`; null leaves a
            member out.
        revoke: What the next answers to a revocation suffer, one each.
        discovery: What every discovery document suffers.
        revoking_ends: What ends with a token that is given back: the company's connection to the app, in all its grants,
            or that grant alone. Intuit does not say; the former is what can do harm.
        replay_revokes: Whether a code that comes twice ends the grant that it gave, as RFC 6749 advises and an engineer of
            Intuit says. Intuit's documentation doesn't; that it does not is what leaves a grant behind.
        refreshes_at_once: What a refresh does that comes while another one of the grant is under way: nothing special, or
            it is refused, or it ends the grant as well, as if the token had been stolen. Intuit does not say, and apps
            report each. The last one is the default: an app that survives it survives the others.
        invalid_client_status: The status that tells another app off: RFC 6749 allows both.
    """

    token: tuple[Odd | None, ...] = ()
    token_seconds: Annotated[float, Meta(ge=0, le=3600)] = 0
    token_says: dict[str, Any] = {}
    revoke: tuple[Odd | None, ...] = ()
    discovery: Odd | None = None
    revoking_ends: Literal["company", "grant"] = "company"
    replay_revokes: bool = False
    refreshes_at_once: Literal["harmless", "refused", "end_the_grant"] = "end_the_grant"
    invalid_client_status: Literal[400, 401] = 401


class OAuthTrouble:
    """Follows a plan, answer by answer."""

    def __init__(self) -> None:
        self.follow(OAuthPlan())

    def follow(self, plan: OAuthPlan) -> None:
        """Follow another plan from now on."""
        self.plan = plan
        self._scripts = {"token": deque(plan.token), "revoke": deque(plan.revoke)}

    def next(self, endpoint: Literal["token", "revoke", "discovery"]) -> Odd | None:
        """Return the failure of the next answer of an endpoint."""
        if endpoint == "discovery":
            return self.plan.discovery
        script = self._scripts[endpoint]
        return script.popleft() if script else None

    def said(self, status: int, answer: dict[str, Any]) -> dict[str, Any]:
        """Return a token answer as the plan changes it."""
        if status != 200:  # noqa: PLR2004 - OK
            return answer
        changed = {**answer, **self.plan.token_says}
        return {name: value for name, value in changed.items() if value is not None}


def before(odd: Odd | None) -> Reply | None:
    """Return the failure that replaces an answer before the request is read."""
    if odd == "lost_before":
        return Reply(broken="before")
    if odd == "server_error":
        return Reply(503, b"<html>Service Unavailable</html>", HTML)
    if odd == "throttled":
        return Reply(429, b"", HTML)
    return None


def spoilt(reply: Reply, odd: Odd | None) -> Reply:
    """Return a good answer as its failure spoils it."""
    if odd == "lost_answer":
        return Reply(broken="after")
    if odd == "huge":
        padding = b'"padding":"' + b"x" * HUGE_BYTES + b'"}'
        return replace(reply, body=reply.body.rstrip(b"}") + b"," + padding)
    if odd == "cut":
        return replace(reply, body=reply.body[:-1])
    if odd == "malformed":
        return replace(reply, body=b"[]")
    return reply
