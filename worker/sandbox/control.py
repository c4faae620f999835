"""The control API: what a test or a demo asks of the sandbox itself, past QuickBooks' own doors."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from worker.sandbox.failing.trouble import Plan
from worker.sandbox.messages import Reply, Request, json_reply
from worker.sandbox.oauth import OAuthPlan
from worker.sandbox.webhooks import controls, on_demand
from worker.sandbox.webhooks.receivers import InvalidDelivery

if TYPE_CHECKING:  # the sandbox itself has this API
    from worker.sandbox.service import Sandbox


class Advance(Struct, frozen=True, forbid_unknown_fields=True):
    """How far the sandbox's clock goes ahead."""

    advance_seconds: Annotated[float, Meta(ge=0, le=1e9)]


def answer(sandbox: "Sandbox", request: Request, path: list[str]) -> Reply:
    """Answer a control request: 404 if there is no such control or company, 400 if its body is unusable."""
    match path:
        case ["books" | "companies" | "disconnect", realm] if realm not in sandbox.companies:
            return json_reply(404, {"error": f"There is no company {realm}"})
    try:
        if path[:1] in (["subscriptions"], ["docusign"]):
            return controls.answer(sandbox, request, path)
        return _done(sandbox, request, path)
    except (msgspec.DecodeError, InvalidDelivery) as error:
        return json_reply(400, {"error": str(error)})


def _done(sandbox: "Sandbox", request: Request, path: list[str]) -> Reply:
    match request.method, path:
        case "GET", ["books", realm]:
            return json_reply(200, sandbox.companies[realm].books())
        case "GET", ["faults"]:
            return json_reply(200, dict(sandbox.trouble.counts))
        case "POST", ["faults" | "oauth" as concerned]:
            _follow(sandbox, concerned, request.body)
        case "POST", ["clock"]:
            sandbox.advance(msgspec.json.decode(request.body, type=Advance).advance_seconds)
        case "POST", ["companies", realm]:
            sandbox.change_traits(realm, msgspec.json.decode(request.body, type=dict[str, Any]))
        case "POST", ["disconnect", realm]:
            sandbox.oauth.disconnect(realm)
        case "POST", ["requestids", "forget"]:
            for company in sandbox.companies.values():
                company.replies.clear()
        case "POST", ["webhooks"]:
            return Reply(delivery=on_demand.asked(request.body, sandbox.docusign_keys, sandbox.now()))
        case _:
            return json_reply(404, {"error": "There is no such control"})
    return json_reply(200, {"now": sandbox.now().isoformat()})


def _follow(sandbox: "Sandbox", concerned: str, plan: bytes) -> None:
    """Let what is asked of a part go wrong as planned."""
    if concerned == "oauth":
        sandbox.oauth.trouble.follow(msgspec.json.decode(plan, type=OAuthPlan))
    else:
        sandbox.trouble.follow(msgspec.json.decode(plan, type=Plan))
