"""`/api/v1/tokens`: the tokens of a workspace, to look at and to revoke.

None is made here. Whoever found a token could make others with it, and would keep them after it was revoked; so tokens
are made at the command line (`q2c workspace token add`), where no token is needed.
"""

from litestar import Controller, Response, delete, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from events.contract import json
from worker.services import Services
from worker.workspaces import api_tokens
from worker.workspaces.api_tokens import Scope, Token


class TokensApi(Controller):
    """The tokens of the workspace of the token."""

    path = "/api/v1/tokens"

    @get("/", needs=Scope.READ, summary="The tokens, never the tokens themselves")
    async def tokens(
        self, services: NamedDependency[Services], workspace: NamedDependency[str]
    ) -> Response[bytes]:
        """Return number, label, scopes, hint and dates of each token, revoked ones too."""
        found = await services.database.read(api_tokens.listed, workspace)
        return Response(json.encode(found).encode(), media_type="application/json")

    @delete("/{number:int}", needs=Scope.ACT, summary="Revoke a token")
    async def revoke_token(
        self, services: NamedDependency[Services], token: NamedDependency[Token], number: FromPath[int]
    ) -> None:
        """Refuse a token from now on, in every process; also the one that this is asked with."""
        now = services.clock.now()
        await services.database.transaction(
            api_tokens.revoke, token.workspace, str(number), now, by=token.actor
        )
