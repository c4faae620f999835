"""`/api/v1/mappings`: suggestions with their state, and decisions about them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest_asyncio
import sqlalchemy as sa

from tests import stories
from tests.worker.sync.office import Office
from tests.world import World
from worker.matching import MATCHER_VERSION
from worker.sandbox import accountant
from worker.suggesting import listening
from worker.web.app import create_app
from worker.workspaces import api_tokens

HARPER = "Harper & Lowe Architects"


@pytest_asyncio.fixture
async def office(world: World) -> Office:
    await world.add_workspace()
    await world.connect()
    opened = Office(world)
    for name in (HARPER, "Harper & Lowe"):
        accountant.create(opened.company, "Customer", {"DisplayName": name}, world.clock.now())
    await world.send(stories.account("A-1", name=HARPER), stories.account("A-2", name="Quite another"))
    await opened.work()
    return opened


@pytest_asyncio.fixture
async def http(office: Office) -> AsyncIterator[httpx.AsyncClient]:
    services = office.world.services
    token = api_tokens.new(services.entropy)
    now = office.world.clock.now()
    await services.database.transaction(api_tokens.add, "acme", token, now, label="console")
    app: Any = create_app(services, office.world.gateway)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    headers = {"authorization": f"Bearer {token}"}
    address = "https://worker.test/api/v1/mappings"
    async with httpx.AsyncClient(transport=transport, base_url=address, headers=headers) as client:
        yield client
    await app.state.access.close()


async def test_a_list_shows_the_suggestion_and_the_state_of_each_account(http: httpx.AsyncClient) -> None:
    suggested, unmatched = (await http.get("/?kind=account")).json()["items"]
    assert (suggested["id"], suggested["state"], suggested["status"]) == ("A-1", "suggested", "unmapped")
    found = suggested["suggestion"]
    assert (found["customer_name"], found["score"], found["reasons"]) == (HARPER, "99.9", ["same_name"])
    assert found["runner_up_name"] == "Harper & Lowe"
    assert (unmatched["state"], unmatched["suggestion"]["verdict"]) == ("unmatched", "none")
    assert unmatched["unmatched"] is None, "it was compared"
    (only,) = (await http.get("/?state=suggested")).json()["items"]
    assert only["id"] == "A-1"


async def test_a_list_says_why_an_account_was_not_compared_yet(
    http: httpx.AsyncClient, office: Office
) -> None:
    await office.world.services.database.transaction(unread, "acme", office.world.realm)
    suggested, unmatched = (await http.get("/?kind=account")).json()["items"]
    assert (suggested["unmatched"], unmatched["unmatched"]) == (None, "being_read")


def unread(connection: sa.Connection, workspace: str, realm: str) -> None:
    listening.change(connection, workspace, realm, complete=False)


async def test_duplicates_and_differences_are_listed(http: httpx.AsyncClient, office: Office) -> None:
    harper = {each["DisplayName"]: each["Id"] for each in office.world.books("Customer")}
    accountant.create(
        office.company, "Customer", {"DisplayName": f"{HARPER}, Inc."}, office.world.clock.now()
    )
    await office.notify()
    found = (await http.get("/duplicates?limit=1000")).json()
    assert found["total"] == len(found["items"])
    assert (harper[HARPER], ["same_name"]) in [(each["other"], each["reasons"]) for each in found["items"]]
    assert (await http.post("/accounts/A-1", json={"target": harper["Harper & Lowe"]})).status_code == 202
    await office.work()
    differing = (await http.get("/differences")).json()
    assert (differing["total"], differing["items"][0]["best"]) == (1, harper[HARPER])
    assert (await http.get("/differences?older=true")).json()["items"] == []
    assert (await http.get("/product-differences")).json() == {
        "items": [],
        "total": 0,
        "matcher": MATCHER_VERSION,
    }


async def test_each_decision_is_shown_with_who_and_when(http: httpx.AsyncClient, office: Office) -> None:
    customer = (await http.get("/?state=suggested")).json()["items"][0]["suggestion"]["customer"]
    other = await http.post("/accounts/A-1/accept", json={"customer": "999"})
    assert (other.status_code, other.json()["reason"]) == (422, "suggestion_changed")
    assert (await http.post("/accounts/A-1/accept", json={"customer": customer})).status_code == 202
    assert (await http.post("/accounts/A-2/ignore", json={"why": "a test"})).status_code == 202
    await office.work()
    mapped, ignored = (await http.get("/?kind=account")).json()["items"]
    assert (mapped["state"], mapped["target"], mapped["target_name"]) == ("mapped", customer, HARPER)
    assert (ignored["state"], ignored["by"][:4]) == ("ignored", "api:")
    assert mapped["decided_at"] is not None
    assert (await http.post("/accounts/A-2/unignore")).status_code == 202
    taken = await http.post("/accounts/A-2", json={"target": customer})
    assert (taken.status_code, taken.json()["reason"]) == (422, "customer_taken")
    assert (await http.post("/accounts/A-2", json={"target": customer, "also": True})).status_code == 202


async def test_many_decisions_are_carried_out_one_by_one(http: httpx.AsyncClient, office: Office) -> None:
    rows = [{"account": "A-1", "decision": "reject"}, {"account": "A-2", "decision": "accept"}]
    done = (await http.post("/decisions", json={"rows": rows})).json()["items"]
    assert [(each["account"], each["done"], each["reason"]) for each in done] == [
        ("A-1", True, None),
        ("A-2", False, "nothing_suggested"),
    ]
    await office.work()
    (accepted,) = (await http.post("/decisions", json={"above": 20})).json()["items"]
    assert (accepted["account"], accepted["done"]) == ("A-1", True)
    await office.work()
    mapped = (await http.get("/?state=mapped")).json()["items"]
    assert [(each["id"], each["target_name"]) for each in mapped] == [("A-1", "Harper & Lowe")]


async def test_products_are_reviewed_as_accounts_are(http: httpx.AsyncClient, office: Office) -> None:
    account = next(each["Id"] for each in office.world.books("Account") if each["AccountType"] == "Income")
    fields = {"Name": "Platform seat", "Type": "Service", "IncomeAccountRef": {"value": account}}
    seat = accountant.create(office.company, "Item", fields, office.world.clock.now())["Id"]
    lines = [
        {**stories.LINE, "line_id": product, "product_id": product, "name": name}
        for product, name in (("P-1", "Platform seat"), ("P-2", "Platform Seat"), ("P-3", "Quixote"))
    ]
    await office.notify()
    await office.world.send(stories.deal(quote={**stories.QUOTE, "lines": lines}))
    await office.work()
    first, second, third = (await http.get("/?kind=product")).json()["items"]
    assert (first["state"], first["suggestion"]["item"], first["suggestion"]["customer"]) == (
        "suggested",
        seat,
        None,
    )
    assert (second["state"], third["state"]) == ("suggested", "unmatched")
    other = await http.post("/products/P-1/accept", json={"item": "999"})
    assert (other.status_code, other.json()["reason"]) == (422, "suggestion_changed")
    assert (await http.post("/products/P-1/accept", json={"item": seat})).status_code == 202
    assert (await http.post("/products/P-2/reject", json={})).status_code == 202
    assert (await http.post("/products/P-2/unignore")).status_code == 422
    await office.work()
    decisions = {
        "products": [
            {"product": "P-2", "decision": "map", "item": seat},
            {"product": "P-3", "decision": "ignore"},
            {"product": "P-3", "decision": "map"},
        ],
        "products_above": 0,
    }
    done = (await http.post("/decisions", json=decisions)).json()["items"]
    assert [(each["product"], each["done"], each["reason"]) for each in done] == [
        ("P-2", True, None),
        ("P-3", True, None),
        ("P-3", False, "item_missing"),
    ]
    await office.work()
    shown = (await http.get("/?kind=product")).json()["items"]
    assert [(each["state"], each["target"]) for each in shown] == [
        ("mapped", seat),
        ("mapped", seat),
        ("ignored", None),
    ]
    assert shown[0]["target_name"] == "Platform seat"
    assert (await http.post("/products/P-3/ignore", json={"why": "again"})).status_code == 202
