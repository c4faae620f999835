"""Intuit's OAuth 2.0 as an app meets it: consent, codes, tokens that expire and rotate."""

import base64
from collections import Counter
from datetime import datetime, timedelta
from html import escape
from random import Random
from string import Template
from typing import Any
from urllib.parse import urlencode

from msgspec import Struct

from worker.sandbox.oauth_trouble import OAuthTrouble

CODE_SECONDS = 300
PREVIOUS_TOKEN_HOURS = 24
PAGE = Template(
    """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Connect to QuickBooks</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;
padding:0 1rem}label{display:block;padding:.4rem 0}button{font:inherit;padding:.5rem 1.2rem;margin:1rem .5rem 0 0}
small{color:#666}</style><h1>Connect to QuickBooks</h1><p>Coeffection asks to read and write the books of:</p>
<form method="post" action="?$query">$companies<button name="decision" value="allow">Connect</button>
<button name="decision" value="deny">Cancel</button></form>
<p><small>This is a sandbox; no real company is behind it.</small></p></html>"""
)


class Lifetimes(Struct, frozen=True):
    """How long tokens last, in seconds. A refresh token's value changes about once a day."""

    access_seconds: int = 3600
    refresh_seconds: int = 8_726_400
    rotate_after_seconds: int = 24 * 3600


class Grant(Struct):
    """What one company granted the app."""

    realm: str
    refresh_token: str
    rotated_at: datetime
    refresh_expires_at: datetime
    previous: str | None = None
    previous_until: datetime | None = None
    revoked: bool = False


class OAuthServer:
    """Codes, tokens and grants of one app."""

    def __init__(
        self, random: Random, lifetimes: Lifetimes | None = None, public_url: str | None = None
    ) -> None:
        self._random = random
        self._public_url = public_url
        self.lifetimes = lifetimes or Lifetimes()
        self.client_id = f"AB{self._letters(38)}"
        self.client_secret = self._letters(40)
        self.refreshes = 0
        self.ended_by_revoking: Counter[str] = (
            Counter()
        )  # grants of a company, beside those that were given back
        self._codes: dict[str, tuple[str, str, datetime]] = {}
        self._spent: dict[str, Grant] = {}
        self._grants: list[Grant] = []
        self._access: dict[str, tuple[Grant, datetime]] = {}
        self.trouble = OAuthTrouble()

    def discovery(self, base_url: str) -> dict[str, Any]:
        """Write the discovery document."""
        return {
            "issuer": f"{base_url}/op/v1",
            "authorization_endpoint": f"{self._public_url or base_url}/connect/oauth2",
            "token_endpoint": f"{base_url}/oauth2/v1/tokens/bearer",
            "revocation_endpoint": f"{base_url}/v2/oauth2/tokens/revoke",
            "userinfo_endpoint": f"{base_url}/v1/openid_connect/userinfo",
            "jwks_uri": f"{base_url}/op/v1/jwks",
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "email", "profile", "address", "phone"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        }

    def consent_page(self, query: dict[str, str], companies: dict[str, str]) -> str | None:
        """Write the consent page; nothing if the request is not one of our app's."""
        if not self._is_consent_request(query):
            return None
        choices = "".join(
            f'<label><input type="radio" name="realm" value="{escape(realm)}"{" checked" if first else ""}> '
            f"{escape(name)} <small>{escape(realm)}</small></label>"
            for first, (realm, name) in zip(
                [True] + [False] * len(companies), companies.items(), strict=False
            )
        )
        return PAGE.substitute(query=escape(urlencode(query)), companies=choices)

    def consent(
        self, query: dict[str, str], form: dict[str, str], companies: dict[str, str], now: datetime
    ) -> str | None:
        """Take the answer of the page; return where the browser goes, nothing if it makes no sense."""
        realm = form.get("realm", "")
        if not self._is_consent_request(query):
            return None
        uri, state = query["redirect_uri"], query.get("state", "")
        if form.get("decision") == "deny":
            return f"{uri}?{urlencode({'error': 'access_denied', 'state': state})}"
        if realm not in companies:
            return None
        code = f"XAB{self._letters(47)}"
        self._codes[code] = (realm, uri, now + timedelta(seconds=CODE_SECONDS))
        return f"{uri}?{urlencode({'code': code, 'state': state, 'realmId': realm})}"

    def token(self, form: dict[str, str], authorization: str, now: datetime) -> tuple[int, dict[str, Any]]:
        """Answer the token endpoint: status and body."""
        if not self._is_our_app(form, authorization):
            return 401, {"error": "invalid_client"}
        if form.get("grant_type") == "authorization_code":
            return self._exchange(form, now)
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form.get("refresh_token", ""), now)
        return 400, {"error": "unsupported_grant_type"}

    def revoke(self, token: str, authorization: str) -> int:
        """Take a grant back; return the status."""
        if not self._is_our_app({}, authorization):
            return 401
        holds = (grant for grant in self._grants if token in {grant.refresh_token, grant.previous})
        found = next(holds, None) or self._access.get(token, (None,))[0]
        if found is None or found.revoked:
            return 400
        if self.trouble.plan.revoking_ends == "company":
            self.ended_by_revoking[found.realm] += self.disconnect(found.realm) - 1
        else:
            found.revoked = True
            self._forget_access()
        return 200

    def disconnect(self, realm: str) -> int:
        """Do what happens when somebody clicks Disconnect in QuickBooks; return how many grants that ends."""
        ended = [grant for grant in self._grants if grant.realm == realm and not grant.revoked]
        for grant in ended:
            grant.revoked = True
        self._forget_access()
        return len(ended)

    def grants_of(self, realm: str) -> int:
        """Count the grants of a company that are not over."""
        return sum(grant.realm == realm and not grant.revoked for grant in self._grants)

    def realm_of(self, access_token: str, now: datetime) -> str | None:
        """Return the realm that an access token is good for."""
        grant, expires_at = self._access.get(access_token, (None, now))
        return grant.realm if grant is not None and expires_at > now else None

    def _exchange(self, form: dict[str, str], now: datetime) -> tuple[int, dict[str, Any]]:
        code = form.get("code", "")
        realm, uri, expires_at = self._codes.pop(code, ("", "", now))
        if code in self._spent and self.trouble.plan.replay_revokes:
            self._spent[code].revoked = True
            self._forget_access()
        if expires_at <= now or uri != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        grant = Grant(realm, self._refresh_token(), now, self._refresh_until(now))
        self._grants.append(grant)
        self._spent[code] = grant
        return 200, self._answer(grant, now)

    def _refresh(self, token: str, now: datetime) -> tuple[int, dict[str, Any]]:
        self.refreshes += 1
        grant = next((g for g in self._grants if token in {g.refresh_token, g.previous}), None)
        if grant is None or grant.revoked or grant.refresh_expires_at <= now:
            return 400, {"error": "invalid_grant"}
        outdated = token == grant.previous and token != grant.refresh_token
        if outdated and (grant.previous_until is None or grant.previous_until <= now):
            return 400, {"error_description": "Token invalid", "error": "invalid_grant"}
        if not outdated and (now - grant.rotated_at).total_seconds() >= self.lifetimes.rotate_after_seconds:
            grant.previous, grant.previous_until = token, now + timedelta(hours=PREVIOUS_TOKEN_HOURS)
            grant.refresh_token, grant.rotated_at = self._refresh_token(), now
        grant.refresh_expires_at = self._refresh_until(now)
        return 200, self._answer(grant, now)

    def _answer(self, grant: Grant, now: datetime) -> dict[str, Any]:
        access_token = f"eyJ{self._letters(80)}"
        self._access[access_token] = (grant, now + timedelta(seconds=self.lifetimes.access_seconds))
        return {
            "token_type": "bearer",
            "expires_in": self.lifetimes.access_seconds,
            "access_token": access_token,
            "refresh_token": grant.refresh_token,
            "x_refresh_token_expires_in": self.lifetimes.refresh_seconds,
        }

    def _is_consent_request(self, query: dict[str, str]) -> bool:
        return (
            query.get("client_id") == self.client_id
            and query.get("response_type") == "code"
            and "com.intuit.quickbooks.accounting" in query.get("scope", "").split()
            and query.get("redirect_uri", "").startswith(("http://", "https://"))
        )

    def _is_our_app(self, form: dict[str, str], authorization: str) -> bool:
        given = (form.get("client_id"), form.get("client_secret"))
        scheme, _, encoded = authorization.partition(" ")
        if scheme.lower() == "basic":
            try:
                client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
            except ValueError:  # of base64 and of UTF-8
                return False
            given = (client_id, secret)
        return given == (self.client_id, self.client_secret)

    def _forget_access(self) -> None:
        """Forget the access tokens of grants that are revoked."""
        self._access = {token: held for token, held in self._access.items() if not held[0].revoked}

    def _refresh_until(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.lifetimes.refresh_seconds)

    def _refresh_token(self) -> str:
        return f"AB11{self._letters(46)}"

    def _letters(self, count: int) -> str:
        return "".join(
            self._random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", k=count)
        )
