"""OpenID Connect: discovery, ID tokens that an app can check by itself, and what it learns of the user."""

import base64
from random import Random
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.worker.sandbox.app import URL, App, decoded
from worker.sandbox.oauth import OAuthServer
from worker.sandbox.people import OWNER

ACCOUNTING = "com.intuit.quickbooks.accounting"
INTUIT = "https://oauth.platform.intuit.com/op/v1"


def from_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verified(app: App, id_token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Check the signature with the published numbers; return header and claims."""
    signed, _, signature = id_token.rpartition(".")
    header, claims = (msgspec.json.decode(from_base64url(part)) for part in signed.split("."))
    keys = decoded(app.request("GET", "/op/v1/jwks"))["keys"]
    [key] = [key for key in keys if key["kid"] == header["kid"]]
    assert (key["kty"], key["use"], key["alg"], header["alg"]) == ("RSA", "sig", "RS256", "RS256")
    e, n = (int.from_bytes(from_base64url(key[name]), "big") for name in ("e", "n"))
    public_key = rsa.RSAPublicNumbers(e, n).public_key()
    public_key.verify(from_base64url(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    return header, claims


def signed_in(scope: str, **settings: Any) -> App:
    app = App()
    app.sandbox.oauth = OAuthServer(Random(1), **settings)
    app.scope = scope
    app.tokens = decoded(app.exchange(app.consent()["code"]))
    return app


def test_discovery(app: App) -> None:
    for name in ("openid_sandbox_configuration", "openid_configuration/"):
        assert decoded(app.request("GET", f"/.well-known/{name}")) == {
            "issuer": f"{URL}/op/v1",
            "authorization_endpoint": f"{URL}/connect/oauth2",
            "token_endpoint": f"{URL}/oauth2/v1/tokens/bearer",
            "userinfo_endpoint": f"{URL}/v1/openid_connect/userinfo",
            "revocation_endpoint": f"{URL}/v2/oauth2/tokens/revoke",
            "jwks_uri": f"{URL}/op/v1/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "email", "profile", "address", "phone"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "claims_supported": ["aud", "exp", "iat", "iss", "realmid", "sub"],
        }


def test_an_id_token_says_who_signed_in_and_for_which_company() -> None:
    app = signed_in(f"{ACCOUNTING} openid")
    signed_in_at = int(app.clock.now().timestamp())
    app.later(600)
    _, claims = verified(app, app.tokens["id_token"])
    subject = claims.pop("sub")
    assert claims == {
        "aud": [app.sandbox.oauth.client_id],
        "realmid": app.company.realm,
        "auth_time": signed_in_at,
        "iss": f"{URL}/op/v1",
        "exp": signed_in_at + 600 + 3600,
        "iat": signed_in_at + 600,
    }
    again = signed_in("openid")
    _, claims = verified(again, again.tokens["id_token"])
    assert claims["sub"] == subject
    assert "realmid" not in claims


def test_a_changed_id_token_is_found_out() -> None:
    app = signed_in("openid")
    header, claims, signature = app.tokens["id_token"].split(".")
    changed = from_base64url(claims).replace(b'"auth_time":1', b'"auth_time":2')
    assert changed != from_base64url(claims)
    forged = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
    with pytest.raises(InvalidSignature):
        verified(app, f"{header}.{forged}.{signature}")


def test_the_issuer_can_be_intuit_for_clients_that_take_no_other() -> None:
    app = signed_in("openid", issuer=INTUIT)
    found = decoded(app.request("GET", "/.well-known/openid_configuration"))
    _, claims = verified(app, app.tokens["id_token"])
    assert found["issuer"] == claims["iss"] == INTUIT
    assert found["jwks_uri"] == f"{URL}/op/v1/jwks"


@pytest.mark.parametrize(
    ("scope", "told"),
    [
        ("openid", {}),
        ("openid email phone address", {"email": OWNER.email, "emailVerified": True}),
        (f"openid profile {ACCOUNTING}", {"givenName": "Grace", "familyName": "Pariente"}),
    ],
)
def test_user_info_has_the_claims_of_the_scopes(scope: str, told: dict[str, object]) -> None:
    app = signed_in(scope)
    reply = app.request(
        "GET", "/v1/openid_connect/userinfo", authorization=f"Bearer {app.tokens['access_token']}"
    )
    _, claims = verified(app, app.tokens["id_token"])
    assert (reply.status, decoded(reply)) == (200, {"sub": claims["sub"], **told})


def test_user_info_wants_a_token_for_openid(app: App) -> None:
    path = "/v1/openid_connect/userinfo"
    assert app.request("GET", path, authorization="Bearer x").status == 401
    assert app.request("GET", path, authorization=f"Bearer {app.tokens['access_token']}").status == 403


def test_a_sign_in_alone_opens_no_books() -> None:
    app = signed_in("openid")
    assert app.call("GET", "preferences").status == 401


def test_revoking_a_sign_in_ends_that_one_alone() -> None:
    app = signed_in("openid")
    first, second = app.tokens, decoded(app.exchange(app.consent()["code"]))
    assert app.revoke(first["refresh_token"]).status == 200
    assert app.refresh(first["refresh_token"]).status == 400
    assert app.refresh(second["refresh_token"]).status == 200
