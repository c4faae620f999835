"""Who may call: a bearer token is one workspace's."""

from http import HTTPStatus
from typing import Any

from litestar import Request

from worker import workspaces
from worker.services import Services
from worker.web.problems import Problem


async def workspace_of(request: Request[Any, Any, Any], services: Services) -> str:
    """Return whose token the request brings.

    Raises:
        Problem: 401 without a token or with one that nobody has.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(
            HTTPStatus.UNAUTHORIZED, "token_missing", "Send a workspace's token: Authorization: Bearer …"
        )
    workspace = await services.database.read(workspaces.of_token, token.strip())
    if workspace is None:
        raise Problem(HTTPStatus.UNAUTHORIZED, "token_unknown", "No workspace has this token")
    return workspace
