"""The control API: faults, limits, time, connections; the books and the messages have files of their own."""

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta, Struct

from worker.sandbox.control import hands
from worker.sandbox.failing.throttles import Limits
from worker.sandbox.failing.trouble import Plan
from worker.sandbox.messages import Reply, Request, json_reply
from worker.sandbox.oauth import OAuthPlan
from worker.sandbox.webhooks import controls, on_demand
from worker.sandbox.webhooks.receivers import InvalidDelivery

if TYPE_CHECKING:  # the sandbox itself has this API
    from worker.sandbox.service import Sandbox

# Far enough from the last year that there is: what is due years later is a date as well.
_YEAR_MAX = 9000
_YEAR_SECONDS = 365 * 86_400


class Advance(Struct, frozen=True, forbid_unknown_fields=True):
    """How far the sandbox's clock goes ahead."""

    advance_seconds: Annotated[float, Meta(ge=0, le=1e9)]


def answer(sandbox: "Sandbox", request: Request, path: list[str]) -> Reply:
    """Answer a control request: 404 if there is no such control or company, 400 if its body is unusable."""
    match path:
        case ["books" | "companies" | "disconnect" | "journal" | "snapshots", realm, *_]:
            if realm not in sandbox.companies:
                return json_reply(404, {"error": f"There is no company {realm}"})
    try:
        if path[:1] in (["subscriptions"], ["docusign"]):
            return controls.answer(sandbox, request, path)
        if path[:1] in (["books"], ["journal"], ["snapshots"]) and path[1:]:
            return hands.answer(sandbox, request, path)
        return _done(sandbox, request, path)
    except (msgspec.DecodeError, InvalidDelivery, RecursionError) as error:
        return json_reply(400, {"error": str(error)})


def _done(sandbox: "Sandbox", request: Request, path: list[str]) -> Reply:
    match request.method, path:
        case "GET", [*_] if (shown := _shown(sandbox, path)) is not None:
            return json_reply(200, shown)
        case "POST", ["webhooks"]:
            return Reply(delivery=on_demand.asked(request.body, sandbox.docusign_keys, sandbox.now()))
        case "POST", [*_] if _changed(sandbox, request.body, path):
            return json_reply(200, _now(sandbox))
    return json_reply(404, {"error": f"There is no control {request.method} {request.path}"})


def _shown(sandbox: "Sandbox", path: list[str]) -> dict[str, Any] | None:
    """Return what a control shows; None if there is no such control."""
    match path:
        case ["clock"]:
            return _now(sandbox)
        case ["limits"]:
            return _metered(sandbox)
        case ["faults"]:
            return dict(sandbox.trouble.counts)
        case ["companies"]:
            return {realm: msgspec.to_builtins(each.traits) for realm, each in sandbox.companies.items()}
        case ["companies", realm]:
            traits: dict[str, Any] = msgspec.to_builtins(sandbox.companies[realm].traits)
            return traits
    return None


def _now(sandbox: "Sandbox") -> dict[str, Any]:
    return {"now": sandbox.now().isoformat()}


def _changed(sandbox: "Sandbox", body: bytes, path: list[str]) -> bool:
    """Change the sandbox as asked; return whether there is such a change."""
    match path:
        case ["faults"]:
            sandbox.trouble.follow(msgspec.json.decode(body, type=Plan))
        case ["oauth"]:
            sandbox.oauth.trouble.follow(msgspec.json.decode(body, type=OAuthPlan))
        case ["limits"]:
            sandbox.throttle.limits = msgspec.json.decode(body, type=Limits)
        case ["clock"]:
            _advance(sandbox, msgspec.json.decode(body, type=Advance))
        case ["companies", realm]:
            sandbox.change_traits(realm, msgspec.json.decode(body, type=dict[str, Any]))
        case ["disconnect", realm]:
            sandbox.oauth.disconnect(realm)
        case ["requestids", "forget"]:
            for company in sandbox.companies.values():
                company.replies.clear()
        case _:
            return False
    return True


def _advance(sandbox: "Sandbox", wanted: Advance) -> None:
    if sandbox.now().year + wanted.advance_seconds / _YEAR_SECONDS > _YEAR_MAX:
        raise msgspec.DecodeError(f"The clock ends in the year {_YEAR_MAX} - at `$.advance_seconds`")
    sandbox.advance(wanted.advance_seconds)


def _metered(sandbox: "Sandbox") -> dict[str, Any]:
    """Return the limits, and the reads of each company in each month."""
    reads = [
        {"realm": realm, "month": month, "reads": count}
        for (realm, month), count in sandbox.throttle.reads.items()
    ]
    return {"limits": msgspec.to_builtins(sandbox.throttle.limits), "reads": reads}
