"""The pages that a person sees: the consent, and errors. Plain HTML, for a popup as well as for a full page."""

from collections.abc import Mapping
from html import escape
from string import Template
from urllib.parse import urlencode, urlsplit

from worker.sandbox.oauth.consent import (
    SCOPES,
    Connectable,
    concerns_a_company,
    scopes_of,
    signers,
    user_field,
)
from worker.sandbox.people import Person

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>$title</title><style>
:root{color-scheme:light dark;--ink:#21262a;--soft:#5c666e;--line:#c9d0d6;--card:#fff;--back:#f1f4f6;--green:#0b7a00}
@media(prefers-color-scheme:dark){:root{--ink:#eef1f3;--soft:#a9b3bb;--line:#4a545c;--card:#1e2428;--back:#12171a;
--green:#6fd35f}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;grid-template-columns:minmax(0,32rem);place-content:center;padding:1rem;
background:var(--back);color:var(--ink);
font:16px/1.5 system-ui,sans-serif}
main{padding:1.5rem 2rem 2rem;background:var(--card);border:1px solid var(--line);
border-radius:12px}
h1{margin:.25rem 0 .5rem;font-size:1.5rem;line-height:1.25}
p{margin:.5rem 0}ul{margin:.5rem 0 1.25rem;padding-left:1.25rem}small,.soft{color:var(--soft)}
strong{overflow-wrap:anywhere}
fieldset{min-width:0;margin:0;padding:0;border:0}legend{padding:0;font-weight:600}
.choices{max-height:45vh;overflow:auto;margin-top:.5rem;padding:2px}
.choice{margin-bottom:.5rem;border:1px solid var(--line);border-radius:8px}
.choice:has(input:checked){border-color:var(--green);box-shadow:0 0 0 1px var(--green)}
.choice label{display:flex;gap:.75rem;align-items:center;padding:.75rem 1rem;cursor:pointer}
.choice small{display:block}
.choice .user{flex-wrap:wrap;padding-top:0;padding-left:2.85rem;cursor:default}
.choice:has(input:not(:checked)) .user{display:none}
input{accent-color:var(--green);width:1.1rem;height:1.1rem;flex:none}
select{font:inherit;padding:.25rem .5rem;min-width:0;max-width:100%}
.actions{display:flex;gap:.75rem;margin-top:1.25rem}
button{font:inherit;font-weight:600;padding:.6rem 1.4rem;border:1px solid var(--line);border-radius:8px;
background:none;color:inherit;cursor:pointer}
button.first{background:var(--green);border-color:var(--green);color:var(--card)}
:focus-visible{outline:3px solid var(--green);outline-offset:2px}
</style></head><body><main>
<p class="soft">QuickBooks sandbox</p>
<h1>$title</h1>
$content
</main></body></html>
""")


def consent_page(query: Mapping[str, str], companies: Mapping[str, Connectable]) -> bytes:
    """Write the page on which a person chooses a company and consents, or signs in alone."""
    scopes = scopes_of(query)
    if concerns_a_company(scopes):
        title, legend, verb = "Connect to QuickBooks", "Choose a company", "Connect"
        choices = [
            _company(realm, company, checked=number == 0)
            for number, (realm, company) in enumerate(companies.items())
        ]
    else:
        title, legend, verb = "Sign in with Intuit", "Choose who signs in", "Sign in"
        choices = [
            _radio("user", person.email, person.name, person.email, checked=number == 0)
            for number, person in enumerate(signers(companies).values())
        ]
    asked = "".join(f"<li>{escape(SCOPES[scope])}</li>" for scope in SCOPES if scope in scopes)
    return _page(
        title,
        f"<p>The app at <strong>{escape(urlsplit(query['redirect_uri']).netloc)}</strong> asks to:</p>"
        f"<ul>{asked}</ul>"
        f'<form method="post" action="?{escape(urlencode(query))}">'
        f'<fieldset><legend>{legend}</legend><div class="choices">{"".join(choices)}</div></fieldset>'
        f'<div class="actions"><button class="first" name="decision" value="allow">{verb}</button>'
        '<button name="decision" value="deny">Cancel</button></div></form>'
        "<p><small>No real company is behind this page.</small></p>",
    )


def refusal_page(flaw: str) -> bytes:
    """Write the page that says why an app can't ask, or an answer can't be taken."""
    return _page(
        "There's a connection problem",
        "<p>The app could not be connected. Go back to it and try again.</p>"
        f"<details open><summary>For developers</summary><p>{escape(flaw)}</p></details>",
    )


def _company(realm: str, company: Connectable, *, checked: bool) -> str:
    users = _users(realm, company.people) if len(company.people) > 1 else ""
    return _radio("realm", realm, company.name, f"Company ID {realm}", users, checked=checked)


def _users(realm: str, people: tuple[Person, ...]) -> str:
    options = "".join(
        f'<option value="{escape(person.email)}">{escape(person.name)} ({person.role})</option>'
        for person in people
    )
    return f'<label class="user">Sign in as <select name="{escape(user_field(realm))}">{options}</select></label>'


def _radio(field: str, value: str, name: str, detail: str, more: str = "", *, checked: bool) -> str:
    attributes = (
        f'type="radio" name="{field}" value="{escape(value)}" required{" checked" if checked else ""}'
    )
    return (
        f'<div class="choice"><label><input {attributes}>'
        f"<span>{escape(name)} <small>{escape(detail)}</small></span></label>{more}</div>"
    )


def _page(title: str, content: str) -> bytes:
    return _PAGE.substitute(title=title, content=content).encode()
