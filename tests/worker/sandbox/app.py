"""An app at a sandbox: what it asks and what it gets back, without a socket."""

import base64
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import msgspec

from tests.fakes import FakeClock
from worker.sandbox.messages import Reply, Request
from worker.sandbox.service import Sandbox

URL = "https://sandbox.test"
CALLBACK = "https://worker.test/callback"
_encoder = msgspec.json.Encoder(decimal_format="number")


class App:
    """Asks a sandbox as an app does that one company has granted access."""

    def __init__(self, kind: str = "us", seed: int = 1) -> None:
        self.clock = FakeClock()
        self.scope = "com.intuit.quickbooks.accounting"
        self.sandbox = Sandbox(self.clock, kinds=[kind], seed=seed)
        self.company = next(iter(self.sandbox.companies.values()))
        self.tokens: dict[str, Any] = decoded(self.exchange(self.consent()["code"]))

    @property
    def basic(self) -> str:
        """How the app says who it is."""
        oauth = self.sandbox.oauth
        return "Basic " + base64.b64encode(f"{oauth.client_id}:{oauth.client_secret}".encode()).decode()

    @property
    def consent_query(self) -> dict[str, str]:
        """What the app sends a browser to the consent page with."""
        return {
            "client_id": self.sandbox.oauth.client_id,
            "response_type": "code",
            "scope": self.scope,
            "redirect_uri": CALLBACK,
            "state": "s&1",
        }

    def request(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: object = b"",
        authorization: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Ask for anything."""
        content = body if isinstance(body, bytes) else _encoder.encode(body)
        headers = dict(headers or {})
        if authorization is not None:
            headers["authorization"] = authorization
        return self.sandbox.handle(Request(method, path, query or {}, headers, content, URL))

    def call(self, method: str, path: str, body: object = b"", **query: str) -> Reply:
        """Ask the API of the company."""
        bearer = f"Bearer {self.tokens['access_token']}"
        return self.request(
            method,
            f"/v3/company/{self.company.realm}/{path}",
            query=query,
            body=body,
            authorization=bearer,
        )

    def made(self, entity: str, fields: object, **query: str) -> dict[str, Any]:
        """Write an object that must be accepted."""
        reply = self.call("POST", entity.lower(), fields, **query)
        assert reply.status == 200, reply.body
        found: dict[str, Any] = decoded(reply)[entity]
        return found

    def refused(self, entity: str, fields: object, **query: str) -> str:
        """Write an object that must be refused, and leave the books as they were; return the fault's code."""
        before = msgspec.json.encode(self.company.books())
        code = fault(self.call("POST", entity.lower(), fields, **query))
        assert msgspec.json.encode(self.company.books()) == before
        return code

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """Select rows."""
        reply = self.call("GET", "query", query=statement)
        assert reply.status == 200, reply.body
        response = decoded(reply)["QueryResponse"]
        return next((value for value in response.values() if isinstance(value, list)), [])

    def control(self, path: str, body: object = b"", method: str = "POST") -> Reply:
        """Ask the control API."""
        return self.request(method, f"/_control/{path}", body=body)

    def consent(self, decision: str = "allow", **fields: str) -> dict[str, str]:
        """Consent as a browser does; return what comes back with it."""
        form = urlencode({"realm": self.company.realm, "decision": decision, **fields}).encode()
        reply = self.request("POST", "/connect/oauth2", query=self.consent_query, body=form)
        assert reply.status == 302
        assert reply.headers["location"].startswith(f"{CALLBACK}?")
        return {
            name: values[0] for name, values in parse_qs(urlsplit(reply.headers["location"]).query).items()
        }

    def exchange(self, code: str, redirect_uri: str = CALLBACK) -> Reply:
        """Exchange a code for tokens."""
        return self.token({"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri})

    def refresh(self, token: str) -> Reply:
        """Refresh tokens."""
        return self.token({"grant_type": "refresh_token", "refresh_token": token})

    def token(self, form: dict[str, str], **headers: str) -> Reply:
        """Ask the token endpoint for anything."""
        return self.request(
            "POST",
            "/oauth2/v1/tokens/bearer",
            body=urlencode(form).encode(),
            authorization=self.basic,
            headers=headers,
        )

    def api_status(self, access_token: str | None = None) -> int:
        """Return what the API says to a token, the present one if none is given."""
        self.tokens["access_token"] = access_token or self.tokens["access_token"]
        return self.call("GET", "preferences").status

    def refresh_refused(self, token: str) -> tuple[int, str]:
        """Ask for tokens that must be refused; return the status and the error."""
        reply = self.refresh(token)
        return reply.status, decoded(reply)["error"]

    def later(self, seconds: float) -> None:
        """Let time pass, and renew the tokens."""
        self.clock.advance(seconds)
        self.tokens = decoded(self.refresh(self.tokens["refresh_token"]))

    def revoke(self, token: str) -> Reply:
        """Give a grant back."""
        return self.request(
            "POST", "/v2/oauth2/tokens/revoke", body={"token": token}, authorization=self.basic
        )


def decoded(reply: Reply) -> Any:
    """Read a reply's JSON."""
    return msgspec.json.decode(reply.body)


def fault(reply: Reply) -> str:
    """Return the code of a refusal in the usual form."""
    assert reply.status == 400, reply.body
    [error] = decoded(reply)["Fault"]["Error"]
    assert error["Message"]
    assert error["Detail"]
    code: str = error["code"]
    return code


def line(amount: object = 100, **detail: object) -> dict[str, Any]:
    """Write a line of an invoice."""
    return {"DetailType": "SalesItemLineDetail", "Amount": amount, "SalesItemLineDetail": detail}


def discount(amount: object = None, percent: object = None) -> dict[str, Any]:
    """Write a discount line."""
    detail = {} if percent is None else {"PercentBased": True, "DiscountPercent": percent}
    return {"DetailType": "DiscountLineDetail", "Amount": amount, "DiscountLineDetail": detail}


def invoice(*lines: dict[str, Any], **fields: object) -> dict[str, Any]:
    """Write an invoice for the first customer."""
    return {"CustomerRef": {"value": "1"}, "Line": list(lines) or [line()], **fields}
