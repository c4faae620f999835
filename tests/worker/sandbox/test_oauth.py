"""The life of a grant: consent, one exchange, tokens that expire and rotate, and its end."""

import base64
from html.parser import HTMLParser

import pytest

from tests.fakes import FakeClock
from tests.worker.sandbox.app import CALLBACK, URL, App, decoded
from worker.sandbox.messages import Request
from worker.sandbox.service import Sandbox

DAY = 24 * 3600
INVALID_GRANT = (400, "invalid_grant")


class Form(HTMLParser):
    """The form of a page: its attributes, and those of its fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.form: dict[str, str | None] = {}
        self.fields: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "form":
            self.form = dict(attrs)
        elif tag in {"input", "button"}:
            self.fields.append(dict(attrs))


def api_status(app: App, access_token: str | None = None) -> int:
    """What the API says to a token."""
    app.tokens["access_token"] = access_token or app.tokens["access_token"]
    return app.call("GET", "preferences").status


def refused(app: App, refresh_token: str) -> tuple[int, str]:
    reply = app.refresh(refresh_token)
    return reply.status, decoded(reply)["error"]


def test_discovery(app: App) -> None:
    for name in ("openid_sandbox_configuration", "openid_configuration/"):
        found = decoded(app.request("GET", f"/.well-known/{name}"))
        assert found["authorization_endpoint"] == f"{URL}/connect/oauth2"
        assert found["token_endpoint"] == f"{URL}/oauth2/v1/tokens/bearer"
        assert found["revocation_endpoint"] == f"{URL}/v2/oauth2/tokens/revoke"
        assert found["issuer"] == f"{URL}/op/v1"


def test_the_consent_page_is_a_form_that_posts_the_realm() -> None:
    sandbox = Sandbox(FakeClock(), kinds=("us", "uk"))
    app = App()
    query = app.consent_query | {"client_id": sandbox.oauth.client_id}
    reply = sandbox.handle(Request("GET", "/connect/oauth2", query, {}, b"", URL))
    assert (reply.status, reply.content_type) == (200, "text/html;charset=UTF-8")
    page = Form(reply.body.decode())
    assert page.form["method"] == "post"
    assert (page.form["action"] or "").startswith("?")
    assert "state=s%261" in (page.form["action"] or ""), "the state comes back with the form"
    realms = [field for field in page.fields if field["name"] == "realm"]
    assert [field["value"] for field in realms] == list(sandbox.companies)
    assert ["checked" in field for field in realms] == [True, False]
    assert "Craig&#x27;s Consulting" in reply.body.decode()


def test_consent_given_and_refused(app: App) -> None:
    given = app.consent()
    assert given.keys() == {"code", "state", "realmId"}
    assert (given["state"], given["realmId"]) == ("s&1", app.company.realm)
    assert app.consent("deny") == {"error": "access_denied", "state": "s&1"}


@pytest.mark.parametrize(
    "change",
    [{"client_id": "x"}, {"response_type": "token"}, {"scope": "openid"}, {"redirect_uri": "javascript:1"}],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_consent_to_a_request_that_is_not_the_apps(app: App, method: str, change: dict[str, str]) -> None:
    body = f"realm={app.company.realm}".encode()
    reply = app.request(method, "/connect/oauth2", query=app.consent_query | change, body=body)
    assert reply.status == 400
    assert "location" not in reply.headers


def test_no_consent_to_a_company_that_is_not_there(app: App) -> None:
    assert app.request("POST", "/connect/oauth2", query=app.consent_query, body=b"realm=1").status == 400


def test_tokens(app: App) -> None:
    reply = app.exchange(app.consent()["code"])
    assert reply.status == 200
    assert reply.headers["cache-control"] == "no-cache, no-store"
    tokens = decoded(reply)
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 3600)
    assert tokens["x_refresh_token_expires_in"] == 101 * DAY
    assert api_status(app, tokens["access_token"]) == 200


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
    assert api_status(app) == 200
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


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer x", "Basic x"])
def test_no_token_no_answer(app: App, authorization: str | None) -> None:
    path = f"/v3/company/{app.company.realm}/preferences"
    assert app.request("GET", path, authorization=authorization).status == 401


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
    assert refused(app, first) == INVALID_GRANT
    third = decoded(app.refresh(second))["refresh_token"]
    assert third not in {first, second}
    assert refused(app, first) == INVALID_GRANT


def test_a_refresh_token_lasts_until_it_is_not_used_for_long(app: App) -> None:
    for _ in range(3):
        app.later(100 * DAY)
    assert api_status(app) == 200
    app.clock.advance(101 * DAY)
    assert refused(app, app.tokens["refresh_token"]) == INVALID_GRANT


@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
def test_revoking(app: App, which: str) -> None:
    app.tokens = decoded(app.exchange(app.consent()["code"]))  # connected a second time
    assert app.revoke(app.tokens[which]).status == 200
    assert api_status(app) == 401
    assert refused(app, app.tokens["refresh_token"]) == INVALID_GRANT
    app.tokens = decoded(app.exchange(app.consent()["code"]))
    assert api_status(app) == 200, "it can be connected again"


def test_what_cannot_be_revoked(app: App) -> None:
    assert app.revoke("x").status == 400
    assert app.request("POST", "/v2/oauth2/tokens/revoke", body=b"x", authorization=app.basic).status == 400
    token = {"token": app.tokens["refresh_token"]}
    assert app.request("POST", "/v2/oauth2/tokens/revoke", body=token, authorization="Basic x").status == 401
    assert api_status(app) == 200


@pytest.mark.parametrize("authorization", ["", "Basic", "Basic é", "Basic x", "Basic Og==", "Bearer x"])
def test_another_app_gets_no_tokens(app: App, authorization: str) -> None:
    form = f"grant_type=refresh_token&refresh_token={app.tokens['refresh_token']}".encode()
    reply = app.request("POST", "/oauth2/v1/tokens/bearer", body=form, authorization=authorization)
    assert (reply.status, decoded(reply)) == (401, {"error": "invalid_client"})


def test_the_app_may_say_who_it_is_in_the_form(app: App) -> None:
    client_id, _, secret = base64.b64decode(app.basic.removeprefix("Basic ")).decode().partition(":")
    form = f"grant_type=password&client_id={client_id}&client_secret={secret}".encode()
    reply = app.request("POST", "/oauth2/v1/tokens/bearer", body=form)
    assert (reply.status, decoded(reply)) == (400, {"error": "unsupported_grant_type"})


def test_no_such_page(app: App) -> None:
    assert app.request("GET", "/oauth2/v1/tokens/bearer").status == 404
    assert app.request("GET", "/").status == 404


def test_revoking_may_end_one_grant_alone(app: App) -> None:
    other = decoded(app.exchange(app.consent()["code"]))
    app.control("oauth", {"revoking_ends": "grant"})
    assert app.revoke(other["refresh_token"]).status == 200
    assert refused(app, other["refresh_token"]) == INVALID_GRANT
    assert api_status(app) == 200
    assert app.sandbox.oauth.grants_of(app.company.realm) == 1


@pytest.mark.parametrize("replay_revokes", [False, True])
def test_a_code_that_comes_twice_may_end_what_it_gave(app: App, *, replay_revokes: bool) -> None:
    app.control("oauth", {"replay_revokes": replay_revokes})
    code = app.consent()["code"]
    given = decoded(app.exchange(code))
    assert app.exchange(code).status == 400
    assert app.refresh(given["refresh_token"]).status == (400 if replay_revokes else 200)
    assert api_status(app) == 200, "another grant of the company is not concerned"


def test_answers_can_be_odd_on_purpose(app: App) -> None:
    token = app.tokens["refresh_token"]
    odd = ["lost_before", "lost_answer", "server_error", "throttled", "huge", "cut", "malformed", None]
    app.control("oauth", {"token": odd, "token_says": {"expires_in": -1, "token_type": None}})
    replies = [app.refresh(token) for _ in odd]
    assert [reply.broken for reply in replies[:2]] == ["before", "after"]
    assert [reply.status for reply in replies[2:]] == [503, 429, 200, 200, 200, 200]
    assert len(replies[4].body) > 1024 * 1024
    assert decoded(replies[4])["refresh_token"] == token
    good = decoded(replies[7])
    assert good["expires_in"] == -1
    assert "token_type" not in good
    assert app.control("oauth", {"token": ["anything"]}).status == 400
