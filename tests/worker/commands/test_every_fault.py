"""Every fault of the sandbox, for hours: exactly one invoice in the end, and no more requests meanwhile than pauses allow."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args

import pytest
from msgspec import Struct

from tests import stories
from tests.world import World
from worker.sandbox.failing.refusals import Form, Refusal
from worker.sandbox.failing.trouble import KINDS, Plan
from worker.sandbox.messages import Reply, Request
from worker.sandbox.people import OWNER

FORMS: tuple[Form, ...] = get_args(Form)
LASTS = timedelta(hours=3)
# Of one deal: a look-up has up to a dozen requests, and is repeated after pauses that double up to an hour.
REQUESTS_MAX = 120
# After a 429, one request a minute; where only writes are rate-limited, each after a look-up that succeeds.
REQUESTS_MAX_OF_429 = 2 * 60 * 3 + 10


class Lasting(Struct, frozen=True):
    """What is wrong with QuickBooks."""

    plan: Plan = Plan()
    traits: dict[str, Any] = {}


def faults() -> Iterator[tuple[str, Lasting]]:
    for kind in KINDS:
        yield f"{kind}, always", Lasting(Plan(probability={kind: 1}, late_seconds=20, slow_seconds=1))
        yield f"{kind}, writes", Lasting(Plan(probability={kind: 1}, writes_only=True, late_seconds=20))
    for form in FORMS:
        for status in (200, 400, 403, 500, 504):
            for applied in (False, True):
                refusal = Refusal(
                    "6000", status, form, operations=("create",), entities=("Invoice",), applied=applied
                )
                is_applied = "applied" if applied else "not applied"
                yield f"creation, {form} with {status}, {is_applied}", Lasting(Plan(refusals=(refusal,)))
            refused = Plan(refusals=(Refusal("4002", status, form),))
            yield f"everything, {form} with {status}", Lasting(refused)
    for code, status in (("120", 403), ("3100", 403), ("6190", 200), ("6190", 400), ("10000", 500)):
        for form in (form for form in FORMS if form != "html"):  # which has no code
            yield f"{code} with {status} as {form}", Lasting(Plan(refusals=(Refusal(code, status, form),)))
    yield "no rights", Lasting(traits={"users_without_rights": (OWNER.email,)})
    for is_200 in (False, True):
        for readable in (False, True):
            lapsed = {
                "subscription": "lapsed",
                "lapsed_status_is_200": is_200,
                "lapsed_books_are_readable": readable,
            }
            yield f"lapsed, {is_200=}, {readable=}", Lasting(traits=lapsed)


FAULTS = dict(faults())


@pytest.mark.parametrize("name", FAULTS)
async def test_a_lasting_fault_leaves_one_invoice_and_costs_few_requests(
    ready: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    await ready.send(*stories.signed_deal("D-0"))
    await ready.settle()
    fault, requests, handle = FAULTS[name], 0, ready.sandbox.handle

    def counted(request: Request) -> Reply:
        nonlocal requests
        requests += "/company/" in request.path
        return handle(request)

    monkeypatch.setattr(ready.sandbox, "handle", counted)
    traits = ready.sandbox.companies[ready.realm].traits
    ready.sandbox.trouble.follow(fault.plan)
    ready.sandbox.change_traits(ready.realm, fault.traits)
    await ready.send(*stories.signed_deal())
    await ready.settle(patience=LASTS)
    assert 1 <= requests <= (REQUESTS_MAX_OF_429 if name.startswith("throttled") else REQUESTS_MAX)
    ready.sandbox.trouble.follow(Plan())
    ready.sandbox.change_traits(ready.realm, {each: getattr(traits, each) for each in fault.traits})
    ready.clock.advance(3600)
    if (await ready.explain()).first_unmet == "connection_expired":
        await ready.connect()  # every token was refused
    await ready.settle(patience=timedelta(hours=3))
    if (await ready.explain()).first_unmet is not None:
        await ready.admin().request_invoice("D-1")  # QuickBooks refused it: a person asks again
        await ready.settle()
    assert (await ready.explain()).first_unmet is None
    assert sum("Deal D-1:" in invoice["PrivateNote"] for invoice in ready.books()) == 1
    assert len(ready.books()) == 2
