"""Intuit's OAuth 2.0 and OpenID Connect as an app meets them: consent, tokens that expire and rotate, sign-in."""

from worker.sandbox.oauth.consent import Connectable
from worker.sandbox.oauth.grants import Bearer, Lifetimes
from worker.sandbox.oauth.server import CHALLENGE, OAuthServer, bearer_token
from worker.sandbox.oauth.trouble import OAuthPlan

__all__ = [
    "CHALLENGE",
    "Bearer",
    "Connectable",
    "Lifetimes",
    "OAuthPlan",
    "OAuthServer",
    "bearer_token",
]
