"""The browser comes back from Intuit's consent page."""

from html import escape
from http import HTTPStatus
from string import Template
from typing import Annotated

import structlog
from litestar import MediaType, Response, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter

from worker import connections
from worker.connections import ConsentRefused
from worker.quickbooks.errors import QuickBooksError
from worker.quickbooks.gateway import Gateway
from worker.quickbooks.tokens import RealmTaken
from worker.services import Services
from worker.web.access import OPEN

PAGE = Template(
    """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$title</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 1rem}
h1{font-size:1.5rem}p{color:#444}</style><h1>$title</h1><p>$text</p></html>"""
)
logger = structlog.get_logger()


@get(connections.CALLBACK_PATH, needs=OPEN, media_type=MediaType.HTML, include_in_schema=False)
async def get_callback(
    services: NamedDependency[Services],
    gateway: NamedDependency[Gateway],
    consent: Annotated[str | None, QueryParameter(name="state")] = None,
    code: FromQuery[str | None] = None,
    realm: Annotated[str | None, QueryParameter(name="realmId")] = None,
    error: FromQuery[str | None] = None,
) -> Response[str]:
    """Complete the connection, or say why not."""
    if error is not None:
        return _page(
            HTTPStatus.OK, "Not connected", "The consent was refused in QuickBooks. Nothing was changed."
        )
    if not (consent and code and realm):
        return _page(HTTPStatus.BAD_REQUEST, "Not connected", "Open the address that q2c connect prints.")
    try:
        await connections.complete(
            services, gateway.oauth, gateway.tokens, state=consent, code=code, realm=realm
        )
    except (ConsentRefused, QuickBooksError, RealmTaken) as problem:
        logger.warning("connection.refused", realm=realm, problem=str(problem))
        return _page(HTTPStatus.BAD_REQUEST, "Not connected", f"{problem}.")
    return _page(
        HTTPStatus.OK,
        "QuickBooks is connected",
        "Won deals can be invoiced now. You can close this page.",
    )


def _page(status: int, title: str, text: str) -> Response[str]:
    return Response(
        PAGE.substitute(title=escape(title), text=escape(text)), status_code=status, media_type=MediaType.HTML
    )
