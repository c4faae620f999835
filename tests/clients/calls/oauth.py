"""OAuth and OpenID Connect by intuit-oauth."""

from typing import Any

from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError
from quickbooks.exceptions import AuthorizationException
from quickbooks.objects import Preferences

from tests.clients.calls.line import Line, answered, raised

DAY_SECONDS = 86_400
WHO = (Scopes.ACCOUNTING, Scopes.OPENID, Scopes.PROFILE, Scopes.EMAIL, Scopes.PHONE, Scopes.ADDRESS)


def failed(call: Any, *args: Any) -> tuple[int, str]:
    """Make a call that OAuth refuses; return the status and the body."""
    error = raised(AuthClientError, call, *args)
    return error.status_code, error.content.decode()


def case_discovery(line: Line) -> None:
    app, api = line.app(), line.sandbox["api"]
    assert app.auth_endpoint == f"{api}/connect/oauth2"
    assert app.issuer_uri == "https://oauth.platform.intuit.com/op/v1", "the issuer of --issuer"
    endpoints = (app.token_endpoint, app.revoke_endpoint, app.user_info_url, app.jwks_uri)
    assert all(each.startswith(api) for each in endpoints)


def case_consent_and_exchange(line: Line) -> None:
    app, realm = line.app(), line.sandbox["realms"][0]
    came_back = line.consent(app, realm)
    assert came_back["state"] == app.state_token
    assert came_back["realmId"] == app.realm_id == realm
    assert app.expires_in == 3600
    assert app.x_refresh_token_expires_in > 100 * DAY_SECONDS
    assert len(app.access_token) > 900
    assert app.id_token is None
    assert "invalid_grant" in failed(app.get_bearer_token, came_back["code"])[1]


def case_a_cancelled_consent(line: Line) -> None:
    app = line.app()
    came_back = answered(app.get_authorization_url([Scopes.ACCOUNTING]), decision="deny")
    assert came_back == {"error": "access_denied", "state": app.state_token}


def case_an_unregistered_redirect_uri(line: Line) -> None:
    app = line.app()
    app.redirect_uri = "http://localhost:8000/another"
    error = raised(OSError, answered, app.get_authorization_url([Scopes.ACCOUNTING]), decision="deny")
    assert "400" in str(error)


def case_another_app(line: Line) -> None:
    app = line.app()
    app.client_secret = "wrong"
    status, said = failed(app.refresh, "AB11nothing")
    assert (status, "invalid_client" in said) == (401, True)


def case_revoke_by_the_refresh_token(line: Line) -> None:
    app = line.app()
    line.consent(app, line.sandbox["realms"][0])
    assert app.revoke(token=app.refresh_token) is True
    assert failed(app.refresh)[0] == 400
    assert failed(app.revoke, "unknown")[0] == 400


def case_revoke_by_the_access_token(line: Line) -> None:
    app = line.app()
    line.consent(app, line.sandbox["realms"][0])
    assert app.revoke(token=app.access_token) is True
    assert failed(app.refresh)[0] == 400


def case_the_id_token_is_valid(line: Line) -> None:
    app = line.app()
    line.consent(app, line.sandbox["realms"][0], WHO)
    assert app.id_token is not None, "the library keeps it only if signature, issuer and audience are right"
    app.refresh()
    assert app.id_token is not None


def case_user_info(line: Line) -> None:
    app = line.app()
    line.consent(app, line.sandbox["realms"][0], WHO)
    found = app.get_user_info().json()
    assert found["sub"]
    assert (found["email"], found["emailVerified"]) == ("grace@sandbox.example", True)
    assert (found["givenName"], found["familyName"]) == ("Grace", "Pariente")


def case_signing_in_without_a_company(line: Line) -> None:
    app = line.app()
    came_back = line.consent(app, "", (Scopes.OPENID, Scopes.EMAIL))
    assert "realmId" not in came_back
    assert app.get_user_info().json()["email"] == "grace@sandbox.example"


def case_user_info_without_the_scope(line: Line) -> None:
    app = line.app()
    line.consent(app, line.sandbox["realms"][0])
    assert failed(app.get_user_info)[0] == 403


# From here on the sandbox's clock is ahead of ours, so that ID tokens are of the future.


def case_refresh_and_rotation(line: Line) -> None:
    app = line.app()
    line.consent(app, line.sandbox["realms"][0])
    access, first = app.access_token, app.refresh_token
    app.refresh()
    assert (app.access_token != access, app.refresh_token) == (True, first)
    line.advance(DAY_SECONDS + 3600)
    app.refresh()
    assert app.refresh_token != first
    app.refresh(refresh_token=first)
    line.advance(DAY_SECONDS)
    assert failed(app.refresh, first)[0] == 400


def case_an_expired_access_token(line: Line) -> None:
    company = line.company(line.sandbox["realms"][0])
    assert Preferences.get(qb=company).Id == "1"
    line.advance(3601)
    assert "003200" in raised(AuthorizationException, Preferences.get, qb=company).detail
