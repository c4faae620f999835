"""Mask URLs for display: every part that is or could be a secret.

A password may contain any character, including those with a meaning in a URL. So where a URL can be read in two ways,
the reading that hides more is used.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, unquote_plus

MASK = "***"
SECRET_CHARACTERS_MIN = 4  # shorter secrets are not replaced in texts: they would match in every sentence
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PORTS = re.compile(r"(:[0-9]{1,5})?")
# Parameters without secret values: libpq's, and similar ones of other clients.
_SHOWN = frozenset(
    [
        "application_name",
        "connect_timeout",
        "database",
        "dbname",
        "gssencmode",
        "host",
        "hostaddr",
        "keepalives",
        "mode",
        "port",
        "role",
        "sslcert",
        "sslcompression",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "sslsni",
        "target_session_attrs",
        "user",
    ]
)
_SECRET = frozenset(
    ["password", "sslpassword", "passfile", "passwd", "pwd", "token", "secret", "sasl_password"]
)


def masked(url: str) -> str:
    """Return a URL, or several separated by commas, with every possible secret masked."""
    scheme = _SCHEME.match(url)
    if scheme is None:
        return url
    start, rest = scheme[0], url[scheme.end() :]
    head, asked, query = rest.partition("?")
    if "@" in query or (asked and "#" in head) or "@" in head.partition("#")[2]:
        return f"{start}{MASK}"  # the question mark, or the hash, may be part of a password
    userinfo, at, place = head.rpartition("@")
    place, hashed, _ = place.partition("#")
    if not at and not _is_place(place):
        return f"{start}{MASK}"
    shown = f"{start}{_user(start, userinfo)}{at}{place}{f'#{MASK}' if hashed else ''}"
    return shown + (f"?{'&'.join(map(_parameter, query.split('&')))}" if asked else "")


def replacements(url: str) -> dict[str, str]:
    """Return the replacements of a URL and of its secret parts, as written and decoded."""
    scheme = _SCHEME.match(url)
    if scheme is None:
        return {}
    rest = url[scheme.end() :]
    userinfo = rest.rpartition("@")[0]
    user, colon, password = userinfo.partition(":")
    found = [password if colon or scheme[0].startswith("postgres") else user, rest.partition("#")[2]]
    for parameter in rest.partition("?")[2].split("&"):
        name, _, value = parameter.partition("=")
        if name not in _SHOWN:
            found.append(value)
    secrets = {written for secret in found for written in (secret, unquote(secret), unquote_plus(secret))}
    return {url: masked(url)} | secret_texts(secrets)


def secret_texts(secrets: Iterable[str]) -> dict[str, str]:
    """Return the replacement of each secret."""
    return {secret: MASK for secret in secrets if len(secret) >= SECRET_CHARACTERS_MIN}


def scrubbed(text: str, said_instead: Mapping[str, str]) -> str:
    """Return a text with its secrets replaced, longest first."""
    for secret in sorted(said_instead, key=len, reverse=True):
        text = text.replace(secret, said_instead[secret])
    return text


def _user(start: str, userinfo: str) -> str:
    """Return the user of a database's URL; in other URLs, mask it, since it may be a key."""
    if not userinfo:
        return ""
    user, colon, _ = userinfo.partition(":")
    if not start.startswith("postgres") or not re.fullmatch(r"[\w.-]+", user):
        return MASK
    return f"{user}:{MASK}" if colon else user


def _is_place(place: str) -> bool:
    """Return whether a text without a user is hosts with ports and a path: otherwise it may be part of a password."""
    hosts = re.split("[/]", re.sub(r"[a-z]+://", "", place), maxsplit=1)[0]
    return all(
        _PORTS.fullmatch(re.sub(r"^(\[[0-9A-Fa-f:.]*\]|[^:\[\]]*)", "", host)) for host in hosts.split(",")
    )


def _parameter(text: str) -> str:
    name, equals, value = text.partition("=")
    if name in _SHOWN and equals:
        return text
    return f"{name}={MASK}" if name in _SECRET else (MASK if text else value)
