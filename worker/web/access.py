"""Check the bearer token of a request: a token belongs to one workspace, and each route declares the scope it needs.

Every route declares `needs=Scope.…`, or `needs=OPEN` if it needs no token: webhooks are signed, a consent has its state,
ops call from inside. The application refuses to start with a route that declares nothing.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

import structlog
from litestar import Litestar, Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.params import HeaderParameter

from events.errors import DatabaseUnavailable
from worker.services import Services
from worker.web.problems import Problem
from worker.workspaces import api_tokens
from worker.workspaces.api_tokens import Scope, Token

OPEN = "open"
NEEDS = "needs"
INVALID = 'Bearer error="invalid_token"'
PERSON = "Q2C-Actor"
PERSON_PATTERN = r"^[!-~]([ -~]{0,98}[!-~])?$"
NOTED_EVERY = timedelta(minutes=1)
logger = structlog.get_logger()


class Access:
    """Checks tokens at the door, and records when each was last used."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._uses = LastUses(services)

    async def guard(self, connection: ASGIConnection[Any, Any, Any, Any], route: BaseRouteHandler) -> None:
        """Admit a request whose token has the scope that the route needs; open routes need no token.

        Raises:
            Problem: 401 without a token, or with an unknown or revoked one; 403 if the token lacks the scope.
        """
        needs = _needs(route)
        if needs == OPEN:
            return
        token = await self.token_of(connection)
        if needs not in token.scopes:
            has = ", ".join(token.scopes)
            raise Problem(
                HTTPStatus.FORBIDDEN,
                "scope_missing",
                f"This request needs a token with the scope {needs}; yours has {has}."
                f" Add one: q2c workspace token add --scope {needs}",
                challenge=f'Bearer error="insufficient_scope", scope="{needs}"',
                needs=needs,
            )
        connection.state.token = token
        self._uses.note(token)

    async def token_of(self, connection: ASGIConnection[Any, Any, Any, Any]) -> Token:
        """Return the current state of a request's token.

        Raises:
            Problem: 401, as above.
        """
        scheme, _, text = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "token_missing",
                "Send an API token of the workspace: Authorization: Bearer …",
                challenge="Bearer",
            )
        token = await self._services.database.read(api_tokens.find, text.strip())
        if token is None:
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "token_unknown",
                "No workspace has this token",
                challenge=INVALID,
            )
        if token.revoked_at is not None:
            raise Problem(
                HTTPStatus.UNAUTHORIZED,
                "token_revoked",
                f"This token was revoked at {token.revoked_at:%Y-%m-%d %H:%M} UTC; use another token",
                challenge=INVALID,
            )
        return token

    async def close(self) -> None:
        """Finish writing the last uses."""
        await self._uses.close()


class LastUses:
    """Records when each token was last used, at most once a minute, so the stored time is at most a minute old.

    No request waits for it. A failed write is logged, and retried when the token is used again.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._written: dict[tuple[str, int], datetime] = {}  # by this process
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, token: Token) -> None:
        """Record that a token is used now."""
        key, now = (token.workspace, token.number), self._services.clock.now()
        noted = max(filter(None, (token.last_used_at, self._written.get(key))), default=None)
        if noted is not None and now - noted < NOTED_EVERY:
            return
        self._written[key] = now
        task = asyncio.create_task(self._write(key, now), name="last use of a token")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def close(self) -> None:
        """Finish running writes."""
        if self._writing:
            await asyncio.wait(self._writing)

    async def _write(self, key: tuple[str, int], now: datetime) -> None:
        try:
            await self._services.database.transaction(api_tokens.used, *key, now)
        except DatabaseUnavailable as error:
            self._written.pop(key, None)
            logger.warning("tokens.use_not_noted", token=key, problem=str(error))


def current(request: Request[Any, Any, Any]) -> Token:
    """Return the token of an admitted request."""
    token: Token = request.state.token
    return token


def actor(
    token: NamedDependency[Token],
    q2c_actor: Annotated[
        str | None,
        HeaderParameter(
            name=PERSON,
            pattern=PERSON_PATTERN,
            description="The person for whom a console sends the request, such as their e-mail address. The log names"
            " them after the token.",
            schema_extra={"examples": ["kim@coeffection.example"]},
        ),
    ] = None,
) -> str:
    """Return the actor of a request, as events name it: the token, and the person that its console names."""
    return token.actor if q2c_actor is None else f"{token.actor_alone} for {q2c_actor}"


def undeclared(app: Litestar) -> Iterable[str]:
    """Yield the routes that do not declare what they need."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", [getattr(route, "route_handler", None)]):
            if handler is not None and _needs(handler) not in {OPEN, *Scope}:
                yield f"{route.path} ({handler.handler_name})"


def _needs(route: BaseRouteHandler) -> object:
    """Return the declared need of a route; the framework's own answer about methods is open."""
    methods: object = getattr(route, "http_methods", None)
    return OPEN if methods == {"OPTIONS"} else route.opt.get(NEEDS)
