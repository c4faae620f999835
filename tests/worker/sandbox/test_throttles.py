"""QuickBooks' limits: requests a minute and a second, batches, and the meter of reads."""

from tests.worker.sandbox.app import App, decoded
from worker.sandbox.failing.throttles import Limits


def statuses(app: App, count: int) -> list[int]:
    return [app.call("GET", "preferences").status for _ in range(count)]


def limited(app: App, limits: Limits) -> None:
    app.sandbox.throttle.limits = limits


def test_ten_requests_a_second(app: App) -> None:
    limited(app, Limits())
    assert statuses(app, 11) == [200] * 10 + [429]
    app.clock.advance(1)
    assert statuses(app, 11) == [200] * 10 + [429], "a second later there is room again"


def test_five_hundred_requests_in_any_minute(app: App) -> None:
    limited(app, Limits(per_second=None))
    assert statuses(app, 501) == [200] * 500 + [429]
    app.clock.advance(59)
    assert statuses(app, 1) == [429]
    app.clock.advance(1)
    assert statuses(app, 1) == [200]


def test_forty_batches_a_minute(app: App) -> None:
    limited(app, Limits(per_second=None))
    body = {"BatchItemRequest": [{"bId": "1", "Query": "SELECT * FROM Term"}]}
    assert [app.call("POST", "batch", body).status for _ in range(41)] == [200] * 40 + [429]
    assert statuses(app, 1) == [200]


def test_reads_are_metered_by_month(app: App) -> None:
    limited(app, Limits(reads_per_month=3))
    assert statuses(app, 4) == [200, 200, 200, 429]
    assert app.call("POST", "customer", {"DisplayName": "Acme"}).status == 200, "writes are not metered"
    [meter] = decoded(app.control("limits", method="GET"))["reads"]
    assert (meter["month"], meter["reads"]) == ("2026-05", 3)
    app.later(31 * 86_400)
    assert statuses(app, 1) == [200]


def test_a_throttled_request_says_so_as_recorded(app: App) -> None:
    app.control("limits", {"per_minute": 0})
    error = decoded(app.call("GET", "preferences"))["Fault"]["Error"][0]
    assert (error["code"], error["Message"]) == (
        "3001",
        "message=ThrottleExceeded; errorCode=003001; statusCode=429",
    )


def test_a_user_without_rights_is_told_120(app: App) -> None:
    owner = app.sandbox.oauth.access(app.tokens["access_token"], app.clock.now())
    assert owner is not None
    app.sandbox.change_traits(app.company.realm, {"users_without_rights": [owner.user.email]})
    reply = app.call("GET", "preferences")
    assert (reply.status, decoded(reply)["Fault"]["Error"][0]["code"]) == (403, "120")
