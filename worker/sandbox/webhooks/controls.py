"""The control API of the sandbox's messages: subscriptions, DocuSign's keys, and envelopes."""

from functools import partial
from typing import TYPE_CHECKING, get_args

import msgspec
from msgspec import Struct

from worker.sandbox.messages import Reply, Request, json_reply
from worker.sandbox.webhooks.connect_keys import ConnectKeys
from worker.sandbox.webhooks.deliveries import Deliveries
from worker.sandbox.webhooks.envelopes import EnvelopeWish, Step, StepRefused, StepWish
from worker.sandbox.webhooks.receivers import check_url
from worker.sandbox.webhooks.subscriptions import AnySubscription
from worker.sandbox.webhooks.summary import envelope_summary

if TYPE_CHECKING:  # the sandbox itself has this API
    from worker.sandbox.service import Sandbox

STEPS: dict[str, Step] = {step: step for step in get_args(Step) if step != "delete"}


class KeyWish(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a key of DocuSign's signs messages."""

    active: bool = True


def answer(sandbox: "Sandbox", request: Request, path: list[str]) -> Reply:
    """Answer a request.

    Raises:
        InvalidDelivery: A subscription's `url` is no address on the web.
        msgspec.DecodeError: The body has another form.
    """
    match path:
        case ["subscriptions", *rest]:
            return _subscriptions(sandbox.deliveries, request, rest)
        case ["docusign", "keys", *rest]:
            return _keys(sandbox.docusign, request, rest)
        case ["docusign", "envelopes", *rest]:
            try:
                return _envelopes(sandbox, request, rest)
            except StepRefused as error:
                return json_reply(409, {"error": str(error)})
    return _missing("control")


def _subscriptions(deliveries: Deliveries, request: Request, rest: list[str]) -> Reply:
    """List and make subscriptions."""
    match request.method, rest:
        case "GET", []:
            return _list_of_subscriptions(deliveries)
        case "POST", []:
            return json_reply(200, deliveries.shown(deliveries.subscribe(_subscription(request))))
        case _, [text]:
            number = int(text) if text.isdecimal() else None
            if number is None or number not in deliveries.subscriptions:
                return _missing("subscription")
            return _one_subscription(deliveries, request, number)
    return _missing("control")


def _one_subscription(deliveries: Deliveries, request: Request, number: int) -> Reply:
    """Show, change and remove a subscription."""
    match request.method:
        case "DELETE":
            deliveries.unsubscribe(number)
            return _list_of_subscriptions(deliveries)
        case "POST":
            deliveries.change(number, _subscription(request))
    return json_reply(200, deliveries.shown(number))


def _subscription(request: Request) -> AnySubscription:
    wish: AnySubscription = msgspec.json.decode(request.body, type=AnySubscription)
    check_url(wish.url)
    return wish


def _list_of_subscriptions(deliveries: Deliveries) -> Reply:
    return json_reply(200, {"subscriptions": [deliveries.shown(each) for each in deliveries.subscriptions]})


def _keys(keys: ConnectKeys, request: Request, rest: list[str]) -> Reply:
    """List, make, switch and remove DocuSign's keys, as its administrator does under Connect Keys."""
    number = int(rest[0]) if len(rest) == 1 and rest[0].isdecimal() else None
    if rest and (number is None or number not in keys.all):
        return _missing("key")
    match request.method:
        case "GET" if number is None:
            return json_reply(200, {"keys": [keys.shown(each) for each in keys.all]})
        case "POST":
            wish = msgspec.json.decode(request.body or b"{}", type=KeyWish)
            number = keys.make() if number is None else number
            keys.switch(number, active=wish.active)
            return json_reply(200, keys.shown(number))
        case "DELETE" if number is not None:
            keys.remove(number)
            return json_reply(200, {"keys": [keys.shown(each) for each in keys.all]})
    return _missing("control")


def _envelopes(sandbox: "Sandbox", request: Request, rest: list[str]) -> Reply:
    """List and create envelopes."""
    envelopes = sandbox.envelopes
    match request.method, rest:
        case "GET", []:
            every = [envelope_summary(each, each.status) for each in envelopes.all.values()]
            return json_reply(200, {"envelopes": every})
        case "POST", []:
            wish = msgspec.json.decode(request.body, type=EnvelopeWish)
            envelope_id, events = envelopes.create(wish, sandbox.now())
            sandbox.deliveries.happened(events)
            return _envelope(sandbox, envelope_id)
        case _, [envelope_id, *step]:
            if envelope_id not in envelopes.all:
                return _missing("envelope")
            return _one_envelope(sandbox, request, envelope_id, step)
    return _missing("control")


def _one_envelope(sandbox: "Sandbox", request: Request, envelope_id: str, rest: list[str]) -> Reply:
    """Show an envelope, let it take a step, and delete it."""
    take = partial(sandbox.envelopes.take, envelope_id, now=sandbox.now())
    match request.method, rest:
        case "GET", []:
            return _envelope(sandbox, envelope_id)
        case "DELETE", []:
            sandbox.deliveries.happened(take("delete", StepWish()))
            return json_reply(200, {})
        case "POST", [step] if step in STEPS:
            wish = msgspec.json.decode(request.body or b"{}", type=StepWish)
            sandbox.deliveries.happened(take(STEPS[step], wish))
            return _envelope(sandbox, envelope_id)
    return _missing("control")


def _envelope(sandbox: "Sandbox", envelope_id: str) -> Reply:
    envelope = sandbox.envelopes.all[envelope_id]
    return json_reply(200, envelope_summary(envelope, envelope.status))


def _missing(kind: str) -> Reply:
    return json_reply(404, {"error": f"There is no such {kind}"})
