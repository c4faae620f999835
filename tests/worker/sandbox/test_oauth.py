"""The life of a grant: one exchange, tokens that expire and rotate, and its end."""

import base64
from itertools import pairwise
from math import inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worker.sandbox.app import CALLBACK, App, decoded
from worker.sandbox.oauth import Lifetimes, OAuthServer, grants

DAY = 24 * 3600
FIVE_YEARS = 5 * 365 * DAY
HARD_END = {"x-include-refresh-token-hard-expires-in": "true"}
INVALID_GRANT = (400, "invalid_grant")
FORM = {"content-type": "application/x-www-form-urlencoded"}
# Seconds that matter to a lifetime, and those before them.
PAUSES = [limit - before for limit in (3600, DAY, 101 * DAY) for before in (0, 1)] + [0, 1, 7 * DAY, 60 * DAY]


def test_tokens(app: App) -> None:
    reply = app.exchange(app.consent()["code"])
    assert reply.status == 200
    assert reply.headers["cache-control"] == "no-cache, no-store"
    tokens = decoded(reply)
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 3600)
    assert tokens["x_refresh_token_expires_in"] == 101 * DAY
    assert tokens.keys().isdisjoint({"id_token", "x_refresh_token_hard_expires_in", "realmId"})
    assert app.api_status(tokens["access_token"]) == 200


def test_tokens_are_as_long_as_intuits(app: App) -> None:
    tokens = [decoded(app.refresh(app.tokens["refresh_token"])) for _ in range(20)]
    assert {len(one["access_token"].split(".")) for one in tokens} == {5}
    assert all(950 < len(one["access_token"]) < 1050 for one in tokens)
    assert {len(one["refresh_token"]) for one in tokens} == {50}
    assert len({one["access_token"] for one in tokens}) == 20


def test_a_code_is_good_once(app: App) -> None:
    code = app.consent()["code"]
    assert app.exchange(code).status == 200
    again = app.exchange(code)
    assert (again.status, decoded(again)) == (400, {"error": "invalid_grant"})


def test_a_code_is_good_for_its_address_and_five_minutes(app: App) -> None:
    assert app.exchange(app.consent()["code"], f"{CALLBACK}/other").status == 400
    code, late = app.consent()["code"], app.consent()["code"]
    app.clock.advance(299)
    assert app.exchange(code).status == 200
    app.clock.advance(1)
    assert app.exchange(late).status == 400


def test_an_access_token_is_good_for_an_hour(app: App) -> None:
    app.clock.advance(3599)
    assert app.api_status() == 200
    app.clock.advance(1)
    reply = app.call("GET", "preferences")
    assert reply.status == 401
    body = decoded(reply)
    assert body["fault"]["type"] == "AUTHENTICATION"
    assert body["fault"]["error"][0] == {
        "message": "message=AuthenticationFailed; errorCode=003200; statusCode=401",
        "detail": "Token expired",
        "code": "3200",
        "element": None,
    }
    assert body["time"] == int(app.clock.now().timestamp() * 1000), "in milliseconds, unlike elsewhere"


@pytest.mark.parametrize(
    ("authorization", "detail"),
    [
        (None, None),
        ("", None),
        ("Bearer", None),
        ("Basic x", None),
        ("Bearer x", "Malformed bearer token: too short or too long"),
        ("Bearer eyJ.a.b.c.d", None),
    ],
)
def test_the_api_wants_a_token(app: App, authorization: str | None, detail: str | None) -> None:
    path = f"/v3/company/{app.company.realm}/preferences"
    reply = app.request("GET", path, authorization=authorization)
    assert reply.status == 401
    assert reply.headers["www-authenticate"] == 'Bearer realm="Intuit", error="invalid_token"'
    assert decoded(reply)["fault"]["error"][0]["detail"] == detail


def test_too_many_access_tokens_are_forgotten_but_no_good_one(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grants, "ACCESS_TOKENS_MAX", 3)
    given = [decoded(app.refresh(app.tokens["refresh_token"]))["access_token"] for _ in range(5)]
    assert {app.api_status(token) for token in given} == {200}
    app.later(3600)
    oauth, now = app.sandbox.oauth, app.clock.now()
    assert [oauth.refusal(token, now) for token in given] == [
        None,
        None,
        None,
        "Token expired",
        "Token expired",
    ]
    assert app.api_status() == 200


def test_a_token_is_good_for_its_company_only(app: App) -> None:
    bearer = f"Bearer {app.tokens['access_token']}"
    reply = app.request("GET", "/v3/company/123/preferences", authorization=bearer)
    assert (reply.status, reply.content_type) == (401, "application/xml;charset=UTF-8")
    assert b'<Error code="100">' in reply.body


def test_a_refresh_token_changes_once_a_day(app: App) -> None:
    first = app.tokens["refresh_token"]
    app.clock.advance(DAY - 1)
    same = decoded(app.refresh(first))
    assert same["refresh_token"] == first
    assert same["access_token"] != app.tokens["access_token"]
    app.clock.advance(1)
    second = decoded(app.refresh(first))["refresh_token"]
    assert second != first
    app.clock.advance(DAY - 1)
    answer = decoded(app.refresh(first))
    assert answer["refresh_token"] == second, "a lost answer is survived for a day"
    app.clock.advance(1)
    assert app.refresh_refused(first) == INVALID_GRANT
    third = decoded(app.refresh(second))["refresh_token"]
    assert third not in {first, second}
    assert app.refresh_refused(first) == INVALID_GRANT


def test_a_token_of_before_changes_nothing_however_often_tokens_change() -> None:
    app = App()
    app.sandbox.oauth = OAuthServer(Random(1), Lifetimes(rotate_after_seconds=60))
    first = decoded(app.exchange(app.consent()["code"]))["refresh_token"]
    app.clock.advance(60)
    second = decoded(app.refresh(first))["refresh_token"]
    app.clock.advance(70)
    assert decoded(app.refresh(first))["refresh_token"] == second != first


@given(steps=st.lists(st.tuples(st.sampled_from(PAUSES), st.integers(0, 2)), max_size=12))
@settings(max_examples=100, deadline=None)
def test_tokens_live_as_long_as_they_should(steps: list[tuple[int, int]]) -> None:
    """After each pause a refresh comes with the newest refresh token, the one before, or the one before that."""
    app = App()
    now, prolonged = 0, 0
    values = [app.tokens["refresh_token"]]  # newest first
    changed = [0]  # when each became the newest
    for pause, age in steps:
        app.clock.advance(pause)
        now += pause
        assert app.api_status() == (200 if now - prolonged < 3600 else 401)
        token = values[min(age, len(values) - 1)]
        replaced_at = {values[0]: inf} | dict.fromkeys(values[1:2], changed[0])
        if now - prolonged >= 101 * DAY or now - replaced_at.get(token, -inf) >= DAY:
            assert app.refresh_refused(token) == INVALID_GRANT
            continue
        app.tokens = decoded(app.refresh(token))
        prolonged = now
        if token == values[0] and now - changed[0] >= DAY:
            values.insert(0, app.tokens["refresh_token"])
            changed.insert(0, now)
        assert app.tokens["refresh_token"] == values[0]
        assert len(set(values)) == len(values)


def test_a_grant_ends_after_five_years_of_refreshes(app: App) -> None:
    ends_in = []
    app.clock.advance(0.5)
    for _ in range(18):
        form = {"grant_type": "refresh_token", "refresh_token": app.tokens["refresh_token"]}
        app.tokens = decoded(app.token(form, **HARD_END))
        ends_in.append(app.tokens["x_refresh_token_hard_expires_in"])
        app.clock.advance(100 * DAY)
    assert ends_in[0] == FIVE_YEARS
    assert {before - after for before, after in pairwise(ends_in)} == {100 * DAY}
    app.later(0)
    app.later(25 * DAY - 1)
    assert "x_refresh_token_hard_expires_in" not in app.tokens, "it is not told unless it is asked for"
    app.clock.advance(1)
    assert app.refresh_refused(app.tokens["refresh_token"]) == INVALID_GRANT
    assert app.api_status() == 200, "the access token lives on for its hour"


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
@pytest.mark.parametrize("as_form", [False, True])
def test_revoking(app: App, which: str, *, as_form: bool) -> None:
    app.tokens = decoded(app.exchange(app.consent()["code"]))  # connected a second time
    token = app.tokens[which]
    body: object = f"token={token}".encode() if as_form else {"token": token}
    reply = app.request(
        "POST",
        "/v2/oauth2/tokens/revoke",
        body=body,
        authorization=app.basic,
        headers=FORM if as_form else None,
    )
    assert reply.status == 200
    assert app.api_status() == 401
    assert app.refresh_refused(app.tokens["refresh_token"]) == INVALID_GRANT
    assert app.revoke(token).status == 400, "it is revoked"
    app.tokens = decoded(app.exchange(app.consent()["code"]))
    assert app.api_status() == 200, "it can be connected again"


@pytest.mark.parametrize("body", [b"x", b"", b"[]", b"\xff", b'{"token": 1}', b'{"token": "x"}', b"{}"])
@pytest.mark.parametrize("headers", [{}, FORM])
def test_an_unknown_token_is_not_revoked(app: App, body: bytes, headers: dict[str, str]) -> None:
    path = "/v2/oauth2/tokens/revoke"
    reply = app.request("POST", path, body=body, authorization=app.basic, headers=headers)
    assert (reply.status, reply.body) == (400, b"")
    assert app.api_status() == 200


def test_a_token_that_was_replaced_long_ago_revokes_nothing(app: App) -> None:
    replaced = app.tokens["refresh_token"]
    for _ in range(2):
        app.later(DAY)
    assert app.revoke(replaced).status == 400
    assert app.api_status() == 200


def test_another_app_revokes_nothing(app: App) -> None:
    token = {"token": app.tokens["refresh_token"]}
    assert app.request("POST", "/v2/oauth2/tokens/revoke", body=token, authorization="Basic x").status == 401
    assert app.api_status() == 200


@pytest.mark.parametrize("authorization", ["", "Basic", "Basic é", "Basic x", "Basic Og==", "Bearer x"])
def test_another_app_gets_no_tokens(app: App, authorization: str) -> None:
    form = f"grant_type=refresh_token&refresh_token={app.tokens['refresh_token']}".encode()
    reply = app.request("POST", "/oauth2/v1/tokens/bearer", body=form, authorization=authorization)
    assert (reply.status, decoded(reply)) == (401, {"error": "invalid_client"})
    app.control("oauth", {"invalid_client_status": 400})
    reply = app.request("POST", "/oauth2/v1/tokens/bearer", body=form, authorization=authorization)
    assert (reply.status, decoded(reply)) == (400, {"error": "invalid_client"})


def test_the_app_may_say_who_it_is_in_the_form(app: App) -> None:
    client_id, _, secret = base64.b64decode(app.basic.removeprefix("Basic ")).decode().partition(":")
    form = f"grant_type=password&client_id={client_id}&client_secret={secret}".encode()
    reply = app.request("POST", "/oauth2/v1/tokens/bearer", body=form)
    assert (reply.status, decoded(reply)) == (400, {"error": "unsupported_grant_type"})


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ({}, {"error": "invalid_request"}),
        ({"grant_type": "client_credentials"}, {"error": "unsupported_grant_type"}),
        ({"grant_type": "authorization_code"}, {"error": "invalid_request"}),
        ({"grant_type": "authorization_code", "code": ""}, {"error": "invalid_request"}),
        ({"grant_type": "authorization_code", "code": "XAB"}, {"error": "invalid_grant"}),
        ({"grant_type": "refresh_token"}, {"error": "invalid_request"}),
        (
            {"grant_type": "refresh_token", "refresh_token": "AB11"},
            {"error": "invalid_grant", "error_description": "Incorrect or invalid refresh token"},
        ),
    ],
)
def test_the_token_endpoint_names_each_refusal(
    app: App, form: dict[str, str], answer: dict[str, str]
) -> None:
    reply = app.token(form)
    assert (reply.status, decoded(reply)) == (400, answer)
    assert reply.headers["pragma"] == "no-cache"


def test_no_such_page(app: App) -> None:
    assert app.request("GET", "/oauth2/v1/tokens/bearer").status == 404
    assert app.request("GET", "/").status == 404
