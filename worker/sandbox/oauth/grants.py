"""Grants, and the codes and tokens that stand for them: how long each is valid, and when it is replaced."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from msgspec import Struct

from worker.sandbox.oauth import tokens
from worker.sandbox.people import Person

DAY_SECONDS = 24 * 3600
# Expired access tokens are remembered, to be refused as expired; not without end.
ACCESS_TOKENS_MAX = 10_000


class Lifetimes(Struct, frozen=True):
    """How long things last, in seconds.

    Attributes:
        access_seconds: An access token.
        refresh_seconds: A grant, from its last refresh on.
        rotate_after_seconds: A refresh token's value, before a refresh changes it.
        previous_seconds: The value before, once it was changed.
        hard_seconds: A grant, from the consent on, however often it is refreshed.
        code_seconds: A code.
    """

    access_seconds: int = 3600
    refresh_seconds: int = 101 * DAY_SECONDS
    rotate_after_seconds: int = DAY_SECONDS
    previous_seconds: int = DAY_SECONDS
    hard_seconds: int = 5 * 365 * DAY_SECONDS
    code_seconds: int = 300


class Consent(Struct, frozen=True):
    """A person's consent to scopes in a company. A sign-in alone concerns no company: its realm is empty."""

    realm: str
    user: Person
    scopes: frozenset[str]
    given_at: datetime


class Code(Struct, frozen=True):
    """A consent on its way to the app, by way of its redirect address."""

    consent: Consent
    redirect_uri: str
    expires_at: datetime


class Grant(Struct):
    """A person's grant to the app, with its refresh token.

    `answering_until` is when the answer to its last refresh arrives: another refresh before that happens at once with it.
    """

    realm: str
    user: Person
    scopes: frozenset[str]
    granted_at: datetime
    refresh_token: str
    rotated_at: datetime
    expires_at: datetime
    hard_expires_at: datetime
    previous: str | None = None
    previous_until: datetime | None = None
    answering_until: datetime | None = None
    revoked: bool = False


class Bearer(Struct, frozen=True):
    """The access that a token gives: to a company, on behalf of one of its users, within scopes."""

    realm: str
    user: Person
    scopes: frozenset[str]


class Grants:
    """The grants of one app, found by their codes and tokens."""

    def __init__(self, random: Random, lifetimes: Lifetimes) -> None:
        self.lifetimes = lifetimes
        self._random = random
        self._all: list[Grant] = []
        self._codes: dict[str, Code] = {}
        self._by_code: dict[str, Grant] = {}
        self._by_refresh_token: dict[str, Grant] = {}
        self._by_access_token: dict[str, tuple[Grant, datetime]] = {}

    def code(self, consent: Consent, redirect_uri: str) -> str:
        """Give out a code for a consent."""
        code = tokens.code(self._random)
        expires_at = consent.given_at + timedelta(seconds=self.lifetimes.code_seconds)
        self._codes[code] = Code(consent, redirect_uri, expires_at)
        return code

    def exchanged(self, code: str, redirect_uri: str, now: datetime) -> Grant | None:
        """Make a grant of a code, which is spent by that; nothing if it is not good, or not for this address."""
        found = self._codes.pop(code, None)
        if found is None or found.expires_at <= now or found.redirect_uri != redirect_uri:
            return None
        consent = found.consent
        grant = Grant(
            realm=consent.realm,
            user=consent.user,
            scopes=consent.scopes,
            granted_at=consent.given_at,
            refresh_token=tokens.refresh_token(self._random),
            rotated_at=now,
            expires_at=now + timedelta(seconds=self.lifetimes.refresh_seconds),
            hard_expires_at=consent.given_at + timedelta(seconds=self.lifetimes.hard_seconds),
        )
        self._all.append(grant)
        self._by_code[code] = grant
        self._by_refresh_token[grant.refresh_token] = grant
        return grant

    def refreshed(self, token: str, now: datetime) -> Grant | None:
        """Prolong a grant, and change its refresh token if that is due; nothing if the token is not good."""
        grant = self._by_refresh_token.get(token)
        if grant is None or grant.revoked or min(grant.expires_at, grant.hard_expires_at) <= now:
            return None
        if token != grant.refresh_token and not _is_previous(token, grant, now):
            return None
        age = (now - grant.rotated_at).total_seconds()
        if token == grant.refresh_token and age >= self.lifetimes.rotate_after_seconds:
            self._rotate(grant, now)
        grant.expires_at = now + timedelta(seconds=self.lifetimes.refresh_seconds)
        return grant

    def access_token(self, grant: Grant, now: datetime) -> str:
        """Give out an access token."""
        self._forget_expired(now)
        token = tokens.access_token(self._random)
        self._by_access_token[token] = (grant, now + timedelta(seconds=self.lifetimes.access_seconds))
        return token

    def bearer(self, access_token: str, now: datetime) -> Bearer | None:
        """Return the access that a token gives at present; None if it is not valid."""
        grant, expires_at = self._by_access_token.get(access_token, (None, now))
        if grant is None or grant.revoked or expires_at <= now:
            return None
        return Bearer(grant.realm, grant.user, grant.scopes)

    def refusal(self, access_token: str, now: datetime) -> str | None:
        """Return QuickBooks' detail on an invalid access token; often there is none."""
        grant, expires_at = self._by_access_token.get(access_token, (None, now))
        if grant is not None and not grant.revoked and expires_at <= now:
            return "Token expired"
        if access_token and not tokens.looks_like_an_access_token(access_token):
            return "Malformed bearer token: too short or too long"
        return None

    def given_for(self, code: str) -> Grant | None:
        """Return the grant that a code was exchanged for."""
        return self._by_code.get(code)

    def with_refresh_token(self, token: str) -> Grant | None:
        """Return the grant that a refresh token is or was of."""
        return self._by_refresh_token.get(token)

    def with_token(self, token: str) -> Grant | None:
        """Return the grant that has a token of either kind at present, good for use or not."""
        grant = self._by_refresh_token.get(token)
        if grant is not None and token in {grant.refresh_token, grant.previous}:
            return grant
        return self._by_access_token.get(token, (None,))[0]

    def of_company(self, realm: str) -> Iterator[Grant]:
        """Return the grants of a company that are not over."""
        return (grant for grant in self._all if grant.realm == realm and not grant.revoked)

    def _rotate(self, grant: Grant, now: datetime) -> None:
        grant.previous = grant.refresh_token
        grant.previous_until = now + timedelta(seconds=self.lifetimes.previous_seconds)
        grant.refresh_token, grant.rotated_at = tokens.refresh_token(self._random), now
        self._by_refresh_token[grant.refresh_token] = grant

    def _forget_expired(self, now: datetime) -> None:
        """Forget the oldest access tokens if there are too many, but none that is still good."""
        while len(self._by_access_token) >= ACCESS_TOKENS_MAX:
            oldest = next(iter(self._by_access_token))
            if self._by_access_token[oldest][1] > now:
                return
            del self._by_access_token[oldest]


def _is_previous(token: str, grant: Grant, now: datetime) -> bool:
    return token == grant.previous and grant.previous_until is not None and now < grant.previous_until
