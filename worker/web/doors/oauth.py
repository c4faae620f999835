"""The routes of a consent in the browser: redirect to Intuit's consent page, and the callback.

Every parameter is untrusted: it has to be short, printable and given once. No parameter is logged, and only an error's
code is shown. `docs/decisions/0015-proven-consents.md` gives the reason for each check.
"""

import re
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from string import Template
from typing import Any
from urllib.parse import urlsplit

import structlog
from litestar import HttpMethod, MediaType, Request, Response, route
from litestar.datastructures import Cookie
from litestar.di import NamedDependency

from events.errors import DatabaseUnavailable
from worker.connections import consenting
from worker.connections.consenting import ConsentRefused
from worker.connections.pending import ConsentStatus
from worker.quickbooks.consents import CONSENT_MINUTES, hashed
from worker.quickbooks.errors import NotSent
from worker.quickbooks.gateway import Gateway
from worker.services import Services
from worker.web.access import OPEN

PAGE = Template(
    """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$title</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 1rem}
h1{font-size:1.5rem}p{color:#444}</style><h1>$title</h1><p>$text</p></html>"""
)
HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}
QUERY_BYTES_MAX = 4096
# The allowed form of each parameter.
SECRET = re.compile(r"[A-Za-z0-9_-]{1,128}")
PARAMETERS = {
    "link": SECRET,
    "state": SECRET,
    "code": re.compile(r"[!-~]{1,1024}"),
    "realmId": re.compile(r"[0-9]{1,20}"),
    "error": re.compile(r"[a-z_]{1,60}"),
}
COOKIE_BYTES_MAX = 128
NOT_CONNECTED = "Not connected"
# Most programs that fetch an address before a person opens it identify themselves; they spend nothing.
LOOKS_AHEAD = re.compile(
    r"bot[/;)-]|preview|facebookexternalhit|whatsapp|embedly|slurp|crawler|spider|unfurl", re.IGNORECASE
)
logger = structlog.get_logger()


@route(
    consenting.START_PATH,
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    needs=OPEN,
    media_type=MediaType.HTML,
    include_in_schema=False,
)
async def get_start(
    request: Request[Any, Any, Any], services: NamedDependency[Services], gateway: NamedDependency[Gateway]
) -> Response[str]:
    """Redirect the browser to Intuit with a state that only this browser can return."""
    try:
        given = parameters(request, {"link"})
        if _looks_ahead(request):
            return page(HTTPStatus.OK, "Connect QuickBooks", "Open this address in a browser to continue.")
        opened = await consenting.open_link(services, gateway.oauth, given["link"])
    except ConsentRefused as problem:
        return page(HTTPStatus.BAD_REQUEST, NOT_CONNECTED, f"{problem}.")
    except NotSent as problem:
        logger.warning("consent.not_opened", problem=str(problem))
        return page(
            HTTPStatus.BAD_GATEWAY, NOT_CONNECTED, f"{problem}. Open the same address again in a moment."
        )
    except DatabaseUnavailable as problem:
        return _unavailable(problem, "Open the same address again in a moment.")
    return Response(
        "",
        status_code=HTTPStatus.SEE_OTHER,
        headers={**HEADERS, "location": opened.address},
        cookies=[_cookie(services, opened.state, opened.cookie, CONSENT_MINUTES * 60)],
        media_type=MediaType.HTML,
    )


@route(
    consenting.CALLBACK_PATH,
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    needs=OPEN,
    media_type=MediaType.HTML,
    include_in_schema=False,
)
async def get_callback(
    request: Request[Any, Any, Any], services: NamedDependency[Services], gateway: NamedDependency[Gateway]
) -> Response[str]:
    """Complete the connection, or show why it failed."""
    try:
        given = parameters(request, {"state", "error"}, {"state", "code", "realmId"})
        if _looks_ahead(request):
            return page(HTTPStatus.OK, "Connect QuickBooks", "Open this address in a browser.")
        answer = await _completed(request, services, gateway, given)
    except ConsentRefused as problem:
        logger.warning("consent.refused", problem=str(problem))
        return page(HTTPStatus.BAD_REQUEST, NOT_CONNECTED, f"{problem}.")
    except DatabaseUnavailable as problem:
        return _unavailable(
            problem, "q2c log shows the result in a minute; if it does not, start again with q2c connect."
        )
    answer.cookies.append(_cookie(services, given["state"], "", 0))
    return answer


async def _completed(
    request: Request[Any, Any, Any], services: Services, gateway: Gateway, given: Mapping[str, str]
) -> Response[str]:
    """Spend the state in the browser that it belongs to, and continue with the code or the denial."""
    state = given["state"]
    cookie = request.cookies.get(cookie_name(services, state), "")[:COOKIE_BYTES_MAX] or None
    if "error" in given:
        workspace = await consenting.deny(services, state=state, cookie=cookie)
        logger.info("consent.denied", workspace=workspace, error=given["error"])
        said = "was refused" if given["error"] == "access_denied" else f"failed ({given['error']})"
        return page(
            HTTPStatus.OK, NOT_CONNECTED, f"The consent {said} in QuickBooks. No connection was changed."
        )
    standing = await consenting.complete(
        services, gateway, state=state, cookie=cookie, code=given["code"], realm=given["realmId"]
    )
    return _of(standing)


def _of(standing: ConsentStatus) -> Response[str]:
    match standing.state:
        case "connected":
            text = f"{standing.says}. Won deals can be invoiced now. You can close this page."
            return page(HTTPStatus.OK, "QuickBooks is connected", text)
        case "waiting":
            text = f"{standing.says}. q2c log shows the result. You can close this page."
            return page(HTTPStatus.ACCEPTED, "Not connected yet", text)
        case "refused":
            return page(HTTPStatus.BAD_REQUEST, NOT_CONNECTED, f"{standing.says}.")


def parameters(request: Request[Any, Any, Any], *needed: set[str]) -> dict[str, str]:
    """Return the known parameters of the address, and ignore others.

    Args:
        request: The request.
        needed: Sets of required parameters; the address must have all parameters of one set.

    Raises:
        ConsentRefused: The address is too long, a parameter is invalid or given twice, or required ones are missing.
    """
    if len(request.scope["query_string"]) > QUERY_BYTES_MAX:
        raise ConsentRefused(f"The address is longer than {QUERY_BYTES_MAX} bytes; {_again()}")
    given: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in PARAMETERS:
            continue
        if name in given:
            raise ConsentRefused(f"The address has {name} twice; {_again()}")
        if not PARAMETERS[name].fullmatch(value):
            raise ConsentRefused(f"The address has an invalid {name}; {_again()}")
        given[name] = value
    if not any(names <= given.keys() for names in needed):
        raise ConsentRefused("Open the address that q2c connect prints")
    return given


def cookie_name(services: Services, state: str) -> str:
    """Return the name of a consent's cookie, which is unique, so that two consents may be under way."""
    prefix = "__Host-" if _is_secure(services) else ""
    return f"{prefix}q2c-consent-{hashed(state)[:16]}"


def page(status: int, title: str, text: str) -> Response[str]:
    """Return an HTML page with a title and a text."""
    return Response(
        PAGE.substitute(title=escape(title), text=escape(text)),
        status_code=status,
        headers=HEADERS,
        media_type=MediaType.HTML,
    )


def _cookie(services: Services, state: str, value: str, seconds: int) -> Cookie:
    secure = _is_secure(services)
    # Only a cookie for every path can be limited to this host (`__Host-`), and only with https.
    path = "/" if secure else f"{urlsplit(services.environment.public_url).path.rstrip('/')}/oauth/quickbooks"
    return Cookie(
        key=cookie_name(services, state),
        value=value,
        max_age=seconds,
        path=path,
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def _is_secure(services: Services) -> bool:
    return urlsplit(services.environment.public_url).scheme == "https"


def _looks_ahead(request: Request[Any, Any, Any]) -> bool:
    """Return whether a program fetches the address as a preview, and no person has opened it."""
    said = (request.headers.get(name, "") for name in ("sec-purpose", "purpose", "x-purpose", "x-moz"))
    return (
        request.method == HttpMethod.HEAD
        or any("prefetch" in value.lower() or "preview" in value.lower() for value in said)
        or LOOKS_AHEAD.search(request.headers.get("user-agent", "")) is not None
    )


def _unavailable(problem: DatabaseUnavailable, text: str) -> Response[str]:
    logger.error("database.unavailable", problem=str(problem))
    return page(HTTPStatus.SERVICE_UNAVAILABLE, NOT_CONNECTED, f"The database does not answer. {text}")


def _again() -> str:
    return "start again with q2c connect"
