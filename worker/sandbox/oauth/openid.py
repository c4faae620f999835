"""OpenID Connect: the discovery document, signed ID tokens with the key to check them, and the facts about a user."""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from worker.sandbox.oauth.grants import Bearer, Grant
from worker.sandbox.people import Person

ID_TOKEN_SECONDS = 3600
_KEY_BITS = 2048
_PUBLIC_EXPONENT = 65537
_KEY_ID_LETTERS = 20


def discovery(base_url: str, *, issuer: str, authorization_url: str) -> dict[str, Any]:
    """Write the discovery document, with every member that Intuit's has."""
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{authorization_url}/connect/oauth2",
        "token_endpoint": f"{base_url}/oauth2/v1/tokens/bearer",
        "userinfo_endpoint": f"{base_url}/v1/openid_connect/userinfo",
        "revocation_endpoint": f"{base_url}/v2/oauth2/tokens/revoke",
        "jwks_uri": f"{base_url}/op/v1/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "email", "profile", "address", "phone"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
        "claims_supported": ["aud", "exp", "iat", "iss", "realmid", "sub"],
    }


def id_token(grant: Grant, *, issuer: str, client_id: str, now: datetime) -> str:
    """Write an ID token and sign it. As with Intuit, `aud` is an array; a sign-in alone has no `realmid`."""
    issued_at = int(now.timestamp())
    claims = {
        "sub": subject(grant.user),
        "aud": [client_id],
        **({"realmid": grant.realm} if grant.realm else {}),
        "auth_time": int(grant.granted_at.timestamp()),
        "iss": issuer,
        "exp": issued_at + ID_TOKEN_SECONDS,
        "iat": issued_at,
    }
    signed = f"{_part({'kid': _key_id(), 'alg': 'RS256'})}.{_part(claims)}"
    signature = _signing_key().sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{signed}.{_base64url(signature)}"


def key_set() -> dict[str, Any]:
    """Return the public key that checks the signatures, as a JWK set."""
    numbers = _signing_key().public_key().public_numbers()
    key = {
        "kty": "RSA",
        "e": _base64url(_bytes(numbers.e)),
        "use": "sig",
        "kid": _key_id(),
        "alg": "RS256",
        "n": _base64url(_bytes(numbers.n)),
    }
    return {"keys": [key]}


def user_info(bearer: Bearer) -> dict[str, Any] | None:
    """Tell about the user of an access token as much as its scopes allow; nothing if it is not for OpenID."""
    if "openid" not in bearer.scopes:
        return None
    user = bearer.user
    given_name, _, family_name = user.name.partition(" ")
    found: dict[str, Any] = {"sub": subject(user)}
    if "email" in bearer.scopes:
        found |= {"email": user.email, "emailVerified": True}
    if "profile" in bearer.scopes:
        found |= {"givenName": given_name, "familyName": family_name}
    return found


def subject(user: Person) -> str:
    """Return a user's id at Intuit: the same in every company, and with every sandbox."""
    return str(UUID(bytes=hashlib.sha256(user.email.encode()).digest()[:16], version=4))


@cache
def _signing_key() -> rsa.RSAPrivateKey:
    """Make the key when it is first asked for: that takes long, and its numbers can't come from a seed."""
    return rsa.generate_private_key(_PUBLIC_EXPONENT, _KEY_BITS)


@cache
def _key_id() -> str:
    """Name the key after its number, so that an app does not confuse it with the key before a restart."""
    return hashlib.sha256(_bytes(_signing_key().public_key().public_numbers().n)).hexdigest()[
        :_KEY_ID_LETTERS
    ]


def _part(value: Mapping[str, object]) -> str:
    return _base64url(msgspec.json.encode(value))


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
