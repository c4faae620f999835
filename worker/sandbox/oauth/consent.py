"""Consent: whether an app may ask, the person's answer, and the address to which the browser goes with it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

from msgspec import Struct

from worker.sandbox.oauth.grants import Consent
from worker.sandbox.people import OWNER, Person

# What each scope lets the app do; those of OpenID concern the person alone, all others a company.
OPENID_SCOPES = {
    "openid": "Know who you are",
    "profile": "See your name",
    "email": "See your e-mail address",
    "phone": "See your phone number",
    "address": "See your address",
}
SCOPES = {
    **OPENID_SCOPES,
    "com.intuit.quickbooks.accounting": "Read and write the company's books",
    "com.intuit.quickbooks.payment": "Take payments for the company",
    "payroll.compensation.read": "Read compensation",
    "project-management.project": "Manage projects",
    "app-foundations.custom-field-definitions": "Read and write definitions of custom fields",
    "app-foundations.custom-field-definitions.read": "Read definitions of custom fields",
    "app-foundations.custom-dimensions.read": "Read custom dimensions",
    "time-tracking.time-entry": "Track time",
    "indirect-tax.tax-calculation.quickbooks": "Calculate sales tax",
}


class Connectable(Struct, frozen=True):
    """A company that an app can be connected to, and the people who can sign in to do so."""

    name: str
    people: tuple[Person, ...] = (OWNER,)


def flaw(query: Mapping[str, str], client_id: str, redirect_uris: Sequence[str] | None) -> str | None:
    """Return the error of a request for consent, in Intuit's words to developers; None if there is none.

    Intuit names the parameter on a page of its own: it sends nobody to an address that it does not know.
    """
    if query.get("client_id") != client_id:
        return _invalid("client_id")
    if not _is_registered(query.get("redirect_uri", ""), redirect_uris):
        return (
            f"{_invalid('redirect_uri')} Make sure it is listed in the Redirect URIs section on your app's keys "
            "tab and matches it exactly."
        )
    if query.get("response_type") != "code":
        return _invalid("response_type")
    scopes = scopes_of(query)
    if not scopes or not scopes <= SCOPES.keys():
        return _invalid("scope")
    return None


def scopes_of(query: Mapping[str, str]) -> frozenset[str]:
    """Return the scopes that an app asks for."""
    return frozenset(query.get("scope", "").split())


def concerns_a_company(scopes: frozenset[str]) -> bool:
    """Tell a connection to a company from a sign-in alone."""
    return not scopes <= OPENID_SCOPES.keys()


def signers(companies: Mapping[str, Connectable]) -> dict[str, Person]:
    """Return everybody who can sign in, by e-mail address."""
    return {person.email: person for company in companies.values() for person in company.people}


def given(
    query: Mapping[str, str], form: Mapping[str, str], companies: Mapping[str, Connectable], now: datetime
) -> Consent | None:
    """Read the consent in the answer of the page; nothing if it names no company or no user of it.

    An answer without a user is that of the first one.
    """
    scopes = scopes_of(query)
    if not concerns_a_company(scopes):
        user = _chosen(signers(companies), form.get("user"))
        return None if user is None else Consent("", user, scopes, now)
    realm = form.get("realm", "")
    company = companies.get(realm)
    if company is None:
        return None
    people = {person.email: person for person in company.people}
    user = _chosen(people, form.get(user_field(realm)))
    return None if user is None else Consent(realm, user, scopes, now)


def user_field(realm: str) -> str:
    """Name the field of the page that holds who signs in, should this company be chosen."""
    return f"user-{realm}"


def refused_target(query: Mapping[str, str]) -> str:
    """Return where the browser goes when the person cancels."""
    return _target(query, {"error": "access_denied", **_state(query)})


def granted_target(query: Mapping[str, str], code: str, realm: str) -> str:
    """Return where the browser goes with a code; the realm is told here and nowhere else, and not after a sign-in."""
    return _target(query, {"code": code, **_state(query), **({"realmId": realm} if realm else {})})


def _target(query: Mapping[str, str], said: dict[str, str]) -> str:
    uri = query["redirect_uri"]
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(said)}"


def _state(query: Mapping[str, str]) -> dict[str, str]:
    return {"state": query["state"]} if "state" in query else {}


def _is_registered(uri: str, registered: Sequence[str] | None) -> bool:
    if registered is None:
        return uri.startswith(("http://", "https://"))
    return uri in registered


def _chosen(people: Mapping[str, Person], email: str | None) -> Person | None:
    return next(iter(people.values()), None) if email is None else people.get(email)


def _invalid(parameter: str) -> str:
    return f"The {parameter} query parameter value is invalid."
