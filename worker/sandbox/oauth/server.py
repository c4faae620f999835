"""Intuit's OAuth server for one app: each of its addresses, from a request to a reply."""

import base64
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from worker.sandbox.messages import HTML, Reply, Request, json_reply
from worker.sandbox.oauth import consent, openid, pages, tokens
from worker.sandbox.oauth.consent import Connectable
from worker.sandbox.oauth.grants import Bearer, Grant, Grants, Lifetimes
from worker.sandbox.oauth.trouble import OAuthTrouble, before, spoilt

# What comes with a 401 of an API that wants an access token.
CHALLENGE = {"www-authenticate": 'Bearer realm="Intuit", error="invalid_token"'}
_FORM = "application/x-www-form-urlencoded"
# No page has the last of these: a browser would refuse plain http of any other program on this machine.
_NOT_STORED = {
    "cache-control": "no-cache, no-store",
    "pragma": "no-cache",
    "strict-transport-security": "max-age=31536000",
}
_Answer = tuple[int, dict[str, Any]]
_INVALID_REQUEST: _Answer = (400, {"error": "invalid_request"})
_INVALID_CODE: _Answer = (400, {"error": "invalid_grant"})
_INVALID_REFRESH_TOKEN: _Answer = (
    400,
    {"error": "invalid_grant", "error_description": "Incorrect or invalid refresh token"},
)


class _Revocation(Struct, frozen=True):
    token: str = ""


class OAuthServer:
    """Consent, tokens, revocation and sign-in for one app.

    Attributes:
        client_id: Who the app is.
        client_secret: How it proves that.
        refreshes: How many refreshes it has asked for.
        ended_by_revoking: How many grants of a company ended because another one was given back.
        trouble: What goes wrong on purpose.
    """

    def __init__(
        self,
        random: Random,
        lifetimes: Lifetimes | None = None,
        public_url: str | None = None,
        *,
        issuer: str | None = None,
        redirect_uris: Sequence[str] | None = None,
    ) -> None:
        """Register the app.

        Args:
            random: Where ids, codes and tokens come from.
            lifetimes: How long things last; Intuit's, if none are given.
            public_url: Where browsers reach the consent page, if elsewhere than apps.
            issuer: The issuer of ID tokens; none is the sandbox itself. Some clients take Intuit's alone.
            redirect_uris: The app's redirect addresses; if none are given, any is taken.
        """
        self.client_id = f"AB{tokens.letters(random, 38)}"
        self.client_secret = tokens.letters(random, 40)
        self.lifetimes = lifetimes or Lifetimes()
        self.refreshes = 0
        self.ended_by_revoking: Counter[str] = Counter()
        self.trouble = OAuthTrouble()
        self._public_url = public_url
        self._issuer = issuer
        self._redirect_uris = redirect_uris
        self._grants = Grants(random, self.lifetimes)

    def handle(self, request: Request, companies: Mapping[str, Connectable], now: datetime) -> Reply:
        """Answer a request: 404 if it is for no address of Intuit's OAuth."""
        match request.method, request.path.rstrip("/"):
            case "GET", "/.well-known/openid_configuration" | "/.well-known/openid_sandbox_configuration":
                reply = self._suffering("discovery", lambda: self._discovery(request))
            case "GET", "/connect/oauth2":
                reply = self._consent_page(request, companies)
            case "POST", "/connect/oauth2":
                reply = self._consented(request, companies, now)
            case "POST", "/oauth2/v1/tokens/bearer":
                reply = self._suffering("token", lambda: self._token(request, now))
                reply = replace(reply, delay_seconds=self.trouble.plan.token_seconds)
            case "POST", "/v2/oauth2/tokens/revoke":
                reply = self._suffering("revoke", lambda: self._revoked(request))
            case "GET" | "POST", "/v1/openid_connect/userinfo":
                reply = self._user_info(request, now)
            case "GET", "/op/v1/jwks":
                reply = json_reply(200, openid.key_set())
            case _:
                reply = json_reply(404, {"error": "not_found"})
        return reply

    def access(self, access_token: str, now: datetime) -> Bearer | None:
        """Return the access that a token gives; None if it is not valid."""
        return self._grants.bearer(access_token, now)

    def refusal(self, access_token: str, now: datetime) -> str | None:
        """Return the detail with which the API refuses an access token; often it gives none."""
        return self._grants.refusal(access_token, now)

    def disconnect(self, realm: str) -> int:
        """End the grants of a company, as Disconnect in QuickBooks does; return their number."""
        ended = list(self._grants.of_company(realm))
        for grant in ended:
            grant.revoked = True
        return len(ended)

    def grants_of(self, realm: str) -> int:
        """Count the grants of a company that are not over."""
        return sum(1 for _ in self._grants.of_company(realm))

    def _suffering(
        self, endpoint: Literal["token", "revoke", "discovery"], answer: Callable[[], Reply]
    ) -> Reply:
        odd = self.trouble.next(endpoint)
        return before(odd) or spoilt(answer(), odd)

    def _discovery(self, request: Request) -> Reply:
        found = openid.discovery(
            request.base_url,
            issuer=self._issued_by(request),
            authorization_url=self._public_url or request.base_url,
        )
        return json_reply(200, found)

    def _issued_by(self, request: Request) -> str:
        return self._issuer or f"{request.base_url}/op/v1"

    def _consent_page(self, request: Request, companies: Mapping[str, Connectable]) -> Reply:
        flaw = consent.flaw(request.query, self.client_id, self._redirect_uris)
        if flaw is not None:
            return Reply(400, pages.refusal_page(flaw), HTML)
        return Reply(200, pages.consent_page(request.query, companies), HTML)

    def _consented(self, request: Request, companies: Mapping[str, Connectable], now: datetime) -> Reply:
        query, form = request.query, _form(request)
        flaw = consent.flaw(query, self.client_id, self._redirect_uris)
        if flaw is not None:
            return Reply(400, pages.refusal_page(flaw), HTML)
        if form.get("decision") == "deny":
            return Reply(302, headers={"location": consent.refused_target(query)})
        given = consent.given(query, form, companies, now)
        if given is None:
            return Reply(400, pages.refusal_page("There is no such company, or no such user of it."), HTML)
        code = self._grants.code(given, query["redirect_uri"])
        return Reply(302, headers={"location": consent.granted_target(query, code, given.realm)})

    def _token(self, request: Request, now: datetime) -> Reply:
        form = _form(request)
        status, answer = self._token_answer(request, form, now)
        reply = json_reply(status, self.trouble.said(status, answer))
        return replace(reply, headers=_NOT_STORED)

    def _token_answer(self, request: Request, form: dict[str, str], now: datetime) -> _Answer:
        if not self._is_our_app(request, form):
            return self.trouble.plan.invalid_client_status, {"error": "invalid_client"}
        match form.get("grant_type"):
            case "authorization_code":
                found = self._exchanged(form, now)
            case "refresh_token":
                found = self._refreshed(form, now)
            case None:
                return _INVALID_REQUEST
            case _:
                return 400, {"error": "unsupported_grant_type"}
        return self._tokens_of(found, request, now) if isinstance(found, Grant) else found

    def _exchanged(self, form: dict[str, str], now: datetime) -> Grant | _Answer:
        code = form.get("code")
        if not code:
            return _INVALID_REQUEST
        spent_on = self._grants.given_for(code)
        if spent_on is not None and self.trouble.plan.replay_revokes:
            spent_on.revoked = True
        return self._grants.exchanged(code, form.get("redirect_uri", ""), now) or _INVALID_CODE

    def _refreshed(self, form: dict[str, str], now: datetime) -> Grant | _Answer:
        self.refreshes += 1
        token = form.get("refresh_token")
        if not token:
            return _INVALID_REQUEST
        rule = self.trouble.plan.refreshes_at_once
        held = self._grants.with_refresh_token(token)
        if held is not None and held.answering_until is not None and now < held.answering_until:
            if rule == "end_the_grant":
                held.revoked = True
            if rule != "harmless":
                return _INVALID_REFRESH_TOKEN
        grant = self._grants.refreshed(token, now)
        if grant is None:
            return _INVALID_REFRESH_TOKEN
        grant.answering_until = now + timedelta(seconds=self.trouble.plan.token_seconds)
        return grant

    def _tokens_of(self, grant: Grant, request: Request, now: datetime) -> _Answer:
        answer: dict[str, Any] = {
            "token_type": "bearer",
            "expires_in": self.lifetimes.access_seconds,
            "access_token": self._grants.access_token(grant, now),
            "refresh_token": grant.refresh_token,
            "x_refresh_token_expires_in": self.lifetimes.refresh_seconds,
        }
        if request.headers.get("x-include-refresh-token-hard-expires-in") == "true":
            left = (grant.hard_expires_at - now).total_seconds()
            answer["x_refresh_token_hard_expires_in"] = math.ceil(left)
        if "openid" in grant.scopes:
            answer["id_token"] = openid.id_token(
                grant, issuer=self._issued_by(request), client_id=self.client_id, now=now
            )
        return 200, answer

    def _revoked(self, request: Request) -> Reply:
        """Take a grant back by any of its tokens. The status is all that Intuit says."""
        if not self._is_our_app(request, {}):
            return Reply(401)
        grant = self._grants.with_token(_token_to_revoke(request))
        if grant is None or grant.revoked:
            return Reply(400)
        if self.trouble.plan.revoking_ends == "company" and grant.realm:
            self.ended_by_revoking[grant.realm] += self.disconnect(grant.realm) - 1
        else:
            grant.revoked = True
        return Reply(200)

    def _user_info(self, request: Request, now: datetime) -> Reply:
        bearer = self.access(bearer_token(request), now)
        if bearer is None:
            return replace(json_reply(401, {"error": "invalid_token"}), headers=CHALLENGE)
        found = openid.user_info(bearer)
        return json_reply(403, {"error": "insufficient_scope"}) if found is None else json_reply(200, found)

    def _is_our_app(self, request: Request, form: dict[str, str]) -> bool:
        given = (form.get("client_id"), form.get("client_secret"))
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
            except ValueError:  # of base64 and of UTF-8
                return False
            given = (client_id, secret)
        return given == (self.client_id, self.client_secret)


def bearer_token(request: Request) -> str:
    """Return the access token that a request comes with; empty if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def _token_to_revoke(request: Request) -> str:
    """Read a revocation, which comes as JSON or as a form; empty if it is unreadable."""
    if request.headers.get("content-type", "").startswith(_FORM):
        return _form(request).get("token", "")
    try:
        return msgspec.json.decode(request.body, type=_Revocation).token
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True))
