"""Consent: the page on which a person chooses, and what comes back to the app."""

from html.parser import HTMLParser
from random import Random
from urllib.parse import parse_qs

import pytest

from tests.fakes import FakeClock
from tests.worker.sandbox.app import CALLBACK, URL, App, decoded
from worker.sandbox.messages import Reply, Request
from worker.sandbox.oauth import Bearer, Connectable, OAuthServer
from worker.sandbox.people import Person
from worker.sandbox.service import Sandbox

ACCOUNTING = "com.intuit.quickbooks.accounting"
ADA, BEN = Person("Ada <Lovelace>", "ada@one.example"), Person("Ben Franklin", "ben@one.example", "standard")
CY = Person("Cy Young", "cy@two.example")
COMPANIES = {"11": Connectable("One & Co", (ADA, BEN)), "22": Connectable("Two", (CY,))}


class Form(HTMLParser):
    """The form of a page: its attributes, those of its fields, and the choices of its lists."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.form: dict[str, str | None] = {}
        self.fields: list[dict[str, str | None]] = []
        self.lists: dict[str | None, list[str | None]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "form":
            self.form = found
        elif tag in {"input", "button"}:
            self.fields.append(found)
        elif tag == "select":
            self.lists[found["name"]] = []
        elif tag == "option":
            list(self.lists.values())[-1].append(found["value"])

    def values(self, name: str) -> list[str | None]:
        return [field["value"] for field in self.fields if field["name"] == name]


class Browser:
    """A person before the consent page of an app, by itself: no books are needed for that."""

    def __init__(self, scope: str, oauth: OAuthServer | None = None) -> None:
        self.oauth = oauth or OAuthServer(Random(1))
        self.clock = FakeClock()
        self.query = {
            "client_id": self.oauth.client_id,
            "response_type": "code",
            "scope": scope,
            "redirect_uri": CALLBACK,
            "state": "s&1",
        }

    def send(self, method: str, path: str, body: str = "", **headers: str) -> Reply:
        request = Request(method, path, self.query, headers, body.encode(), URL)
        return self.oauth.handle(request, COMPANIES, self.clock.now())

    def page(self) -> Form:
        reply = self.send("GET", "/connect/oauth2")
        assert (reply.status, reply.content_type) == (200, "text/html;charset=UTF-8")
        return Form(reply.body.decode())

    def choose(self, body: str) -> dict[str, list[str]]:
        reply = self.send("POST", "/connect/oauth2", body)
        assert reply.status == 302, reply.body
        return parse_qs(reply.headers["location"].removeprefix(f"{CALLBACK}?"))

    def bearer(self, came_back: dict[str, list[str]]) -> Bearer | None:
        form = (
            f"grant_type=authorization_code&code={came_back['code'][0]}&redirect_uri={CALLBACK}"
            f"&client_id={self.oauth.client_id}&client_secret={self.oauth.client_secret}"
        )
        tokens = decoded(self.send("POST", "/oauth2/v1/tokens/bearer", form))
        return self.oauth.access(tokens["access_token"], self.clock.now())


def test_the_consent_page_is_a_form_that_posts_the_realm() -> None:
    sandbox = Sandbox(FakeClock(), kinds=("us", "uk"))
    query = App().consent_query | {"client_id": sandbox.oauth.client_id}
    reply = sandbox.handle(Request("GET", "/connect/oauth2", query, {}, b"", URL))
    page = Form(reply.body.decode())
    assert page.form["method"] == "post"
    assert (page.form["action"] or "").startswith("?")
    assert "state=s%261" in (page.form["action"] or ""), "the state comes back with the form"
    assert page.values("realm") == list(sandbox.companies)
    assert ["checked" in field for field in page.fields if field["name"] == "realm"] == [True, False]
    assert page.values("decision") == ["allow", "deny"]
    assert "Craig&#x27;s Consulting" in reply.body.decode()


def test_the_page_asks_who_signs_in_where_there_are_several() -> None:
    browser = Browser(ACCOUNTING)
    assert browser.page().lists == {"user-11": [ADA.email, BEN.email]}
    page = browser.send("GET", "/connect/oauth2").body.decode()
    assert "Ada &lt;Lovelace&gt; (admin)" in page
    assert "Read and write the company" in page


@pytest.mark.parametrize(
    ("body", "realm", "user"),
    [
        ("realm=11", "11", ADA),
        (f"realm=11&user-11={BEN.email}&decision=allow", "11", BEN),
        (f"realm=22&user-11={BEN.email}&decision=allow", "22", CY),
    ],
)
def test_a_grant_belongs_to_a_user_of_a_company(body: str, realm: str, user: Person) -> None:
    browser = Browser(ACCOUNTING)
    came_back = browser.choose(body)
    assert list(came_back) == ["code", "state", "realmId"]
    assert (came_back["state"], came_back["realmId"]) == (["s&1"], [realm])
    assert browser.bearer(came_back) == Bearer(realm, user, frozenset({ACCOUNTING}))


def test_a_sign_in_alone_concerns_no_company() -> None:
    browser = Browser("openid email")
    page = browser.page()
    assert page.values("user") == [ADA.email, BEN.email, CY.email]
    assert page.values("realm") == []
    came_back = browser.choose(f"user={CY.email}&decision=allow")
    assert "realmId" not in came_back
    assert browser.bearer(came_back) == Bearer("", CY, frozenset({"openid", "email"}))


def test_two_people_who_signed_in_are_not_one_company() -> None:
    browser = Browser("openid")
    first, second = (
        browser.bearer(browser.choose(f"user={user.email}&decision=allow")) for user in (ADA, CY)
    )
    assert (first and first.user, second and second.user) == (ADA, CY)
    assert browser.oauth.grants_of("11") == 0


def test_payments_alone_concern_a_company() -> None:
    came_back = Browser("com.intuit.quickbooks.payment").choose("realm=22&decision=allow")
    assert came_back["realmId"] == ["22"]


def test_cancelling(app: App) -> None:
    assert app.consent("deny") == {"error": "access_denied", "state": "s&1"}
    assert Browser("openid").choose("decision=deny") == {"error": ["access_denied"], "state": ["s&1"]}


@pytest.mark.parametrize(
    ("scope", "body"),
    [
        (ACCOUNTING, ""),
        (ACCOUNTING, "realm=33&user-33=ada@one.example"),
        (ACCOUNTING, "realm=22&user-22=ada@one.example"),
        ("openid", "user=nobody@one.example"),
    ],
)
def test_no_consent_by_strangers(scope: str, body: str) -> None:
    reply = Browser(scope).send("POST", "/connect/oauth2", body)
    assert (reply.status, "location" in reply.headers) == (400, False)


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "x"},
        {"response_type": "token"},
        {"scope": ""},
        {"scope": "openid everything"},
        {"redirect_uri": "javascript:1"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_consent_to_a_request_that_is_not_the_apps(app: App, method: str, change: dict[str, str]) -> None:
    body = f"realm={app.company.realm}".encode()
    reply = app.request(method, "/connect/oauth2", query=app.consent_query | change, body=body)
    assert (reply.status, "location" in reply.headers) == (400, False)
    assert f"The {next(iter(change))} query parameter value is invalid." in reply.body.decode()


@pytest.mark.parametrize(
    ("uri", "status"),
    [(CALLBACK, 200), (f"{CALLBACK}/", 400), (CALLBACK.upper(), 400), (f"{CALLBACK}?a=b", 400), ("", 400)],
)
def test_a_redirect_address_must_be_a_registered_one(uri: str, status: int) -> None:
    oauth = OAuthServer(Random(1), redirect_uris=["http://localhost/callback", CALLBACK])
    browser = Browser(ACCOUNTING, oauth)
    browser.query["redirect_uri"] = uri
    reply = browser.send("GET", "/connect/oauth2")
    assert reply.status == status
    assert (b"Redirect URIs section" in reply.body) == (status == 400)


def test_a_redirect_address_may_have_a_query_of_its_own() -> None:
    browser = Browser(ACCOUNTING)
    browser.query["redirect_uri"] = f"{CALLBACK}?a=b"
    location = browser.send("POST", "/connect/oauth2", "realm=11").headers["location"]
    assert location.startswith(f"{CALLBACK}?a=b&code=XAB")
