"""URLs as they may be shown: what may be a secret is masked, and so is whatever can't be told from one.

A password may hold any character, also those that mean something in a URL, so where a URL can be read in two ways the
reading that hides more is shown.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, unquote_plus

MASK = "***"
SECRET_CHARACTERS_MIN = 4  # of what is looked for in texts: a shorter one stands in every sentence
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PORTS = re.compile(r"(:[0-9]{1,5})?")
# Parameters whose values say nothing secret: libpq's that we know, and those of this kind that others use.
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
    """Return a URL, or several separated by commas, without what may be a secret."""
    scheme = _SCHEME.match(url)
    if scheme is None:
        return url
    start, rest = scheme[0], url[scheme.end() :]
    head, asked, query = rest.partition("?")
    if "@" in query or (asked and "#" in head) or "@" in head.partition("#")[2]:
        return f"{start}{MASK}"  # the question mark, or the hash, may stand in a password
    userinfo, at, place = head.rpartition("@")
    place, hashed, _ = place.partition("#")
    if not at and not _is_place(place):
        return f"{start}{MASK}"
    shown = f"{start}{_user(start, userinfo)}{at}{place}{f'#{MASK}' if hashed else ''}"
    return shown + (f"?{'&'.join(map(_parameter, query.split('&')))}" if asked else "")


def replacements(url: str) -> dict[str, str]:
    """Return what is said in place of a URL, and of what of it is secret, as it is written and as it is decoded."""
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
    """Return what is said in place of secrets."""
    return {secret: MASK for secret in secrets if len(secret) >= SECRET_CHARACTERS_MIN}


def scrubbed(text: str, said_instead: Mapping[str, str]) -> str:
    """Return a text without secrets, wherever it quotes one; the longest is looked for first."""
    for secret in sorted(said_instead, key=len, reverse=True):
        text = text.replace(secret, said_instead[secret])
    return text


def _user(start: str, userinfo: str) -> str:
    """Show who a database is used as; with others a user may be a key."""
    if not userinfo:
        return ""
    user, colon, _ = userinfo.partition(":")
    if not start.startswith("postgres") or not re.fullmatch(r"[\w.-]+", user):
        return MASK
    return f"{user}:{MASK}" if colon else user


def _is_place(place: str) -> bool:
    """Say whether a text without a user is hosts with ports, and a path: else it may be half of a password."""
    hosts = re.split("[/]", re.sub(r"[a-z]+://", "", place), maxsplit=1)[0]
    return all(
        _PORTS.fullmatch(re.sub(r"^(\[[0-9A-Fa-f:.]*\]|[^:\[\]]*)", "", host)) for host in hosts.split(",")
    )


def _parameter(text: str) -> str:
    name, equals, value = text.partition("=")
    if name in _SHOWN and equals:
        return text
    return f"{name}={MASK}" if name in _SECRET else (MASK if text else value)
