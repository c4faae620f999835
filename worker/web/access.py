"""Who may call: a bearer token is one workspace's, and each route says which of its scopes it needs.

Every route declares `needs=Scope.…`, or `needs=OPEN` where it does without a token: webhooks are signed, a consent
has its state, ops ask from within. A route that declares nothing is refused when the application is built.
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
    """Asks for tokens at the door, and notes when each was used last."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._uses = LastUses(services)

    async def guard(self, connection: ASGIConnection[Any, Any, Any, Any], route: BaseRouteHandler) -> None:
        """Let in whoever brings a token with the scope that the route needs; others need none.

        Raises:
            Problem: 401 without a token, or with one that nobody has or that is revoked; 403 where it lacks the scope.
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
        """Return the token that a request brings, as it is now.

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
        """Finish noting what was used."""
        await self._uses.close()


class LastUses:
    """Notes when tokens are used, each at most once a minute, so that what is noted is at most a minute old.

    No request waits for it. What can't be written is said in the log, and tried again when the token is used again.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._written: dict[tuple[str, int], datetime] = {}  # by this process
        self._writing: set[asyncio.Task[None]] = set()

    def note(self, token: Token) -> None:
        """Note that a token is used now."""
        key, now = (token.workspace, token.number), self._services.clock.now()
        noted = max(filter(None, (token.last_used_at, self._written.get(key))), default=None)
        if noted is not None and now - noted < NOTED_EVERY:
            return
        self._written[key] = now
        task = asyncio.create_task(self._write(key, now), name="last use of a token")
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def close(self) -> None:
        """Finish what is being written."""
        if self._writing:
            await asyncio.wait(self._writing)

    async def _write(self, key: tuple[str, int], now: datetime) -> None:
        try:
            await self._services.database.transaction(api_tokens.used, *key, now)
        except DatabaseUnavailable as error:
            self._written.pop(key, None)
            logger.warning("tokens.use_not_noted", token=key, problem=str(error))


def current(request: Request[Any, Any, Any]) -> Token:
    """Return the token that the door let in."""
    token: Token = request.state.token
    return token


def actor(
    token: NamedDependency[Token],
    q2c_actor: Annotated[
        str | None,
        HeaderParameter(
            name=PERSON,
            pattern=PERSON_PATTERN,
            description="The person on whose behalf a console does this, such as their e-mail address. The log names them"
            " behind the token that vouches for them.",
            schema_extra={"examples": ["kim@coeffection.example"]},
        ),
    ] = None,
) -> str:
    """Return who did what is done, as events name it: the token, and the person that its console names."""
    return token.actor if q2c_actor is None else f"{token.actor_alone} for {q2c_actor}"


def undeclared(app: Litestar) -> Iterable[str]:
    """Name the routes that do not say what they need."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", [getattr(route, "route_handler", None)]):
            if handler is not None and _needs(handler) not in {OPEN, *Scope}:
                yield f"{route.path} ({handler.handler_name})"


def _needs(route: BaseRouteHandler) -> object:
    """Return what a route needs; that which methods there are is the framework's to say, to anybody."""
    methods: object = getattr(route, "http_methods", None)
    return OPEN if methods == {"OPTIONS"} else route.opt.get(NEEDS)
