"""`/api/v1/tokens`: list and revoke the API tokens of a workspace.

The API adds no token: a thief of one token could add others, and keep them after the first was revoked. So tokens are
added at the command line (`q2c workspace token add`), which needs no token.
"""

from typing import Annotated, Literal

import sqlalchemy as sa
from litestar import Controller, delete, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from msgspec import Struct
from msgspec.structs import asdict

from projections.queries import Key, Row
from worker.actions.admin import Admin
from worker.actions.tokens import revoke_token
from worker.services import Services
from worker.web.api.paging import NUMBER_KEY, ROWS_USUAL, Cursor, Limit, Listing, page
from worker.web.description import described
from worker.workspaces import api_tokens
from worker.workspaces.api_tokens import Scope, Token

Status = Literal["valid", "revoked"]


class TokensWanted(Struct, frozen=True):
    """The filters of a list of tokens."""

    status: Status | None = None
    scope: Scope | None = None


class Tokens(Struct, frozen=True):
    """A page of tokens, in the order in which they were added.

    Attributes:
        items: The tokens.
        next_cursor: The `cursor` of the next page; none on the last one.
    """

    items: list[Token]
    next_cursor: str | None


def read(
    connection: sa.Connection, workspace: str, limit: int, wanted: TokensWanted, after: Key | None
) -> list[Row]:
    """Return tokens after a number; a workspace has few."""
    found = [
        asdict(token)
        for token in api_tokens.listed(connection, workspace)
        if (after is None or token.number > int(after[0]))
        and (wanted.status is None or (token.revoked_at is not None) == (wanted.status == "revoked"))
        and (wanted.scope is None or wanted.scope in token.scopes)
    ]
    return found[:limit]


TOKENS = Listing("tokens", read, {"number": NUMBER_KEY})


class TokensApi(Controller):
    """The tokens of the workspace of the token."""

    path = "/api/v1/tokens"
    tags = ("Tokens",)

    @get(
        "/",
        **described(Scope.READ, 400),
        operation_id="listTokens",
        summary="List API tokens",
    )
    async def tokens(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        status: Annotated[Status | None, QueryParameter(description="Only tokens with this status.")] = None,
        scope_: Annotated[
            Scope | None, QueryParameter(name="scope", description="Only tokens with this scope.")
        ] = None,
        cursor: Cursor = None,
        limit: Limit = ROWS_USUAL,
    ) -> Tokens:
        """Return the number, label, scopes, hint and dates of each token, revoked ones included; never the token."""
        wanted = TokensWanted(status, scope_)
        rows, next_cursor = await page(services, workspace, TOKENS, wanted, cursor, limit)
        return Tokens([Token(**row) for row in rows], next_cursor)

    @delete(
        "/{number:int}",
        **described(Scope.ACT, 400, 404),
        operation_id="revokeToken",
        summary="Revoke a token",
    )
    async def revoke_token(
        self,
        admin: NamedDependency[Admin],
        number: Annotated[int, PathParameter(description="The token's number.")],
    ) -> None:
        """Revoke a token, at once and in every process; the request's own token can be revoked too."""
        await revoke_token(admin, str(number))
