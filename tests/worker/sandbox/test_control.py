"""The control API: look into the books, make trouble, move time, and what it says to nonsense."""

from datetime import timedelta

import pytest

from tests.worker.sandbox.app import App, decoded, fault, invoice
from worker.sandbox.entities.catalog import ENTITIES
from worker.sandbox.failing.trouble import KINDS, Plan
from worker.sandbox.service import Sandbox


def test_the_books(app: App) -> None:
    made = app.made("Invoice", invoice())
    app.made("Customer", {"Id": "2", "SyncToken": "0", "sparse": True, "Active": False})
    reply = app.control(f"books/{app.company.realm}", method="GET")
    books = decoded(reply)
    assert books.keys() == set(ENTITIES)
    assert books["Invoice"] == [made]
    assert [customer["Active"] for customer in books["Customer"]] == [True, False]
    assert app.control(f"books/{app.company.realm}", method="GET").body == reply.body, (
        "looking changes nothing"
    )


def test_no_token_is_needed_and_no_trouble_met(app: App) -> None:
    app.control("faults", {"rate": 1})
    for _ in range(20):
        assert app.control(f"books/{app.company.realm}", method="GET").status == 200


def test_faults_are_followed_in_order_and_counted(app: App) -> None:
    assert app.control("faults", {"script": ["throttled", None, "server_error"]}).status == 200
    statuses = [app.call("GET", "preferences").status for _ in range(4)]
    assert statuses == [429, 200, 500, 200]
    assert decoded(app.control("faults", method="GET")) == {"throttled": 1, "server_error": 1}


def test_faults_for_writes_only(app: App) -> None:
    app.control("faults", {"script": ["throttled"], "writes_only": True})
    assert app.call("GET", "preferences").status == 200
    assert app.call("POST", "query", b"SELECT * FROM Item").status == 200
    assert app.call("POST", "invoice", invoice()).status == 429
    assert app.call("POST", "invoice", invoice()).status == 200


def test_faults_by_chance_come_from_the_seed() -> None:
    def suffered(seed: int) -> list[tuple[int, str | None]]:
        app = App(seed=seed)
        app.control("faults", {"rate": 0.5})
        replies = [app.call("GET", "preferences") for _ in range(400)]
        assert set(app.sandbox.trouble.counts) == set(KINDS)
        assert 150 < sum(app.sandbox.trouble.counts.values()) < 250
        return [(reply.status, reply.broken) for reply in replies]

    assert suffered(1) == suffered(1)
    assert suffered(1) != suffered(2)


def test_faults_of_one_kind(app: App) -> None:
    app.control("faults", {"probability": {"throttled": 1}})
    assert [app.call("GET", "preferences").status for _ in range(3)] == [429] * 3
    app.control("faults", {})
    assert app.call("GET", "preferences").status == 200


def test_the_clock_goes_ahead(app: App) -> None:
    before = app.sandbox.now()
    reply = app.control("clock", {"advance_seconds": 3599.5})
    assert decoded(reply) == {"now": (before + timedelta(seconds=3599.5)).isoformat()}
    assert decoded(app.control("clock", method="GET")) == decoded(reply)
    assert app.call("GET", "preferences").status == 200
    app.control("clock", {"advance_seconds": 0.5})
    assert app.call("GET", "preferences").status == 401, "the token has expired"
    assert app.clock.now() == before, "nobody else's time passed"


def test_the_clock_ends(app: App) -> None:
    replies = [app.control("clock", {"advance_seconds": 1e9}).status for _ in range(250)]
    assert {200, 400} == set(replies)
    assert app.control("clock", method="GET").status == 200


def test_a_late_write_is_applied_when_its_time_comes(app: App) -> None:
    app.control("faults", {"script": ["late"], "late_seconds": 30})
    assert app.call("POST", "invoice", invoice()).broken == "before"
    app.control("clock", {"advance_seconds": 29.9})
    assert app.company.books()["Invoice"] == []
    app.control("clock", {"advance_seconds": 0.1})
    assert len(app.company.books()["Invoice"]) == 1


def test_a_late_write_that_was_sent_again_is_not_applied_twice(app: App) -> None:
    app.control("faults", {"script": ["late"], "late_seconds": 30})
    app.call("POST", "invoice", invoice(), requestid="r-1")
    made = app.made("Invoice", invoice(), requestid="r-1")
    app.control("clock", {"advance_seconds": 30})
    assert app.company.books()["Invoice"] == [made]


def test_disconnecting(app: App) -> None:
    app.control(f"disconnect/{app.company.realm}")
    assert app.call("GET", "preferences").status == 401
    assert app.refresh_refused(app.tokens["refresh_token"]) == (400, "invalid_grant")


def test_disconnecting_one_company_leaves_the_others(app: App) -> None:
    sandbox = Sandbox(app.clock, kinds=("us", "uk"))
    app.sandbox = sandbox
    granted = []
    for company in sandbox.companies.values():
        app.company = company
        granted.append((company, decoded(app.exchange(app.consent()["code"]))))
    app.control(f"disconnect/{granted[0][0].realm}")
    statuses = []
    for app.company, app.tokens in granted:
        statuses.append(app.call("GET", "preferences").status)
    assert statuses == [401, 200]


def test_how_a_company_is_set_up(app: App) -> None:
    path = f"companies/{app.company.realm}"
    traits = decoded(app.control(path, method="GET"))
    assert (traits["home_currency"], traits["multicurrency"]) == ("USD", False)
    assert decoded(app.control("companies", method="GET")) == {app.company.realm: traits}
    assert app.control(path, {"books_closed_until": "2026-05-05", "multicurrency": True}).status == 200
    assert fault(app.call("POST", "invoice", invoice(CurrencyRef={"value": "USD"}))) == "6210"
    found = decoded(app.call("GET", "preferences"))["Preferences"]
    assert (found["CurrencyPrefs"]["MultiCurrencyEnabled"], found["SyncToken"]) == (True, "1")


@pytest.mark.parametrize(
    ("path", "body", "says"),
    [
        ("faults", b"", "truncated"),
        ("faults", b"{", "truncated"),
        ("faults", {"rate": "much"}, "$.rate"),
        ("faults", {"script": ["gremlins"]}, "$.script[0]"),
        ("faults", {"rat": 1}, "`rat`"),
        ("clock", {}, "`advance_seconds`"),
        ("clock", {"advance_seconds": "1"}, "$.advance_seconds"),
        ("clock", {"advance_seconds": -1}, "$.advance_seconds"),
        ("clock", {"advance_seconds": 1e300}, "$.advance_seconds"),
        ("companies/REALM", {"multicurrency": "yes"}, "$.multicurrency"),
        ("companies/REALM", {"multi": True}, "`multi`"),
        ("companies/REALM", {"multicurrency": True, "time_zone": "Mars/Base"}, "$.time_zone"),
        ("companies/REALM", {"multicurrency": True, "home_currency": "XXX"}, "$.home_currency"),
        ("companies/REALM", {"multicurrency": True, "tax": "mars"}, "$.tax"),
        ("companies/REALM", {"multicurrency": True, "fiscal_year_start": "Smarch"}, "$.fiscal_year_start"),
        ("companies/REALM", [], "Expected `object`"),
        ("books/REALM/Customer", b"{", "truncated"),
        ("books/REALM/Customer/1/pay", {"amount": "much"}, "$.amount"),
    ],
)
def test_nonsense_is_named_and_changes_nothing(app: App, path: str, body: object, says: str) -> None:
    before = app.sandbox.now()
    reply = app.control(path.replace("REALM", app.company.realm), body)
    assert reply.status == 400
    assert says in decoded(reply)["error"]
    assert app.sandbox.now() == before
    assert app.sandbox.trouble.plan == Plan()
    assert not app.company.traits.multicurrency


@pytest.mark.parametrize("path", ["", "nonsense", "books", "clock/1", "requestids", "faults/1"])
def test_no_such_control(app: App, path: str) -> None:
    reply = app.control(path)
    assert (reply.status, decoded(reply)) == (404, {"error": f"There is no control POST /_control/{path}"})


@pytest.mark.parametrize("path", ["books", "companies", "disconnect"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_such_company(app: App, path: str, method: str) -> None:
    reply = app.control(f"{path}/123", {}, method=method)
    assert (reply.status, decoded(reply)) == (404, {"error": "There is no company 123"})
