"""The way from a client library to a sandbox: addresses, consent, and the company to work in."""

import os
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from intuitlib.client import AuthClient
from intuitlib.enums import Scopes
from quickbooks import QuickBooks
from quickbooks.exceptions import QuickbooksException

REDIRECT_URI = "http://localhost:8000/callback"
MINOR_VERSION = 75
PATIENCE_SECONDS = 10


class Line:
    """A sandbox as its `q2c sandbox --json` describes it; the first company is American, the second British."""

    def __init__(self, sandbox: dict[str, Any]) -> None:
        self.sandbox = sandbox
        # Without it, the library refuses plain http.
        os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
        QuickBooks.api_url_v3 = QuickBooks.sandbox_api_url_v3 = f"{sandbox['api']}/v3"

    @cached_property
    def us(self) -> Any:
        """The American company."""
        return self.company(self.sandbox["realms"][0])

    @cached_property
    def uk(self) -> Any:
        """The British company, which has several currencies."""
        return self.company(self.sandbox["realms"][1])

    def company(self, realm: str) -> Any:
        """Connect the app to a company; return the library's client."""
        app = self.app()
        self.consent(app, realm)
        return QuickBooks(
            auth_client=app, refresh_token=app.refresh_token, company_id=realm, minorversion=MINOR_VERSION
        )

    def app(self) -> Any:
        """Return the app that is registered with the sandbox, not connected to anything yet."""
        return AuthClient(
            self.sandbox["client_id"],
            self.sandbox["client_secret"],
            REDIRECT_URI,
            self.sandbox["discovery"],
        )

    def consent(self, app: Any, realm: str, scopes: tuple[Any, ...] = (Scopes.ACCOUNTING,)) -> dict[str, str]:
        """Consent as a browser does, and exchange the code; return the parameters of the callback."""
        came_back = answered(app.get_authorization_url(list(scopes)), realm=realm, decision="allow")
        app.get_bearer_token(came_back["code"], realm_id=came_back.get("realmId"))
        return came_back

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock ahead."""
        control = f"{self.sandbox['api']}/_control/clock"
        requests.post(control, json={"advance_seconds": seconds}, timeout=PATIENCE_SECONDS).raise_for_status()


def answered(url: str, **form: str) -> dict[str, str]:
    """Answer the page of an authorize URL as its form does; return the parameters of the callback."""
    page = requests.get(url, timeout=PATIENCE_SECONDS)
    page.raise_for_status()
    assert "<form" in page.text
    answer = requests.post(url, data=form, allow_redirects=False, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 302, answer.text
    target = answer.headers["location"]
    assert target.startswith(f"{REDIRECT_URI}?")
    return dict(parse_qsl(urlsplit(target).query))


def refused(code: int, call: Any, *args: Any, **options: Any) -> None:
    """Make a call that QuickBooks refuses with an error code."""
    error = raised(QuickbooksException, call, *args, **options)
    assert error.error_code == code, (error.error_code, error.message, error.detail)


def raised(kind: type[Any], call: Any, *args: Any, **options: Any) -> Any:
    """Make a call that fails; return its exception, which is of a kind."""
    try:
        call(*args, **options)
    except kind as error:
        return error
    raise AssertionError("It did not fail")
