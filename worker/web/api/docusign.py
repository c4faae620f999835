"""`/api/v1/docusign`: whether DocuSign's messages are taken, and the keys that it signs with."""

from http import HTTPStatus
from typing import Any

from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from msgspec import Struct
from msgspec.structs import asdict

from events.contract import json
from worker.docusign import reception
from worker.docusign.watch import shown
from worker.services import Services
from worker.workspaces import docusign_keys
from worker.workspaces.api_tokens import Scope


class KeyGiven(Struct, frozen=True):
    """A key as DocuSign shows it."""

    key: str


class DocusignApi(Controller):
    """DocuSign's side of the workspace of the token."""

    path = "/api/v1/docusign"

    @get(
        "/", needs=Scope.READ, summary="Whether DocuSign's messages are taken, and if not, why and since when"
    )
    async def status(
        self, services: NamedDependency[Services], workspace: NamedDependency[str]
    ) -> Response[bytes]:
        """Return how it stands, and how many messages were taken and refused."""
        return _json(await services.database.read(shown, workspace, services.clock.now()))

    @post("/seen", needs=Scope.ACT, summary="What was refused is seen to", status_code=HTTPStatus.OK)
    async def see(
        self, services: NamedDependency[Services], workspace: NamedDependency[str]
    ) -> Response[bytes]:
        """Put down as over what DocuSign was set right about and has sent again."""
        now = services.clock.now()
        await services.database.transaction(reception.seen, workspace, now)
        return _json(await services.database.read(shown, workspace, now))

    @get("/keys", needs=Scope.READ, summary="The keys that DocuSign signs with, never the keys themselves")
    async def keys(
        self, services: NamedDependency[Services], workspace: NamedDependency[str]
    ) -> Response[bytes]:
        """Return number, hint and dates of each key."""
        return _json(await services.database.read(docusign_keys.listed, workspace))

    @post("/keys", needs=Scope.ACT, summary="Add a key that DocuSign made", status_code=HTTPStatus.CREATED)
    async def add_key(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        data: JSONBody[KeyGiven],
    ) -> Response[bytes]:
        """Keep a key; one that is there already is said to be, with 200."""
        found = await services.database.transaction(
            docusign_keys.add, services.vault, workspace, data.key, services.clock.now()
        )
        note = {"note": found.note} if found.note else {}
        status = HTTPStatus.CREATED if found.added else HTTPStatus.OK
        return _json({**asdict(found.key), "added": found.added, **note}, status)

    @delete("/keys/{number:int}", needs=Scope.ACT, summary="Remove a key that DocuSign no longer signs with")
    async def remove_key(
        self, services: NamedDependency[Services], workspace: NamedDependency[str], number: FromPath[int]
    ) -> None:
        """Forget a key; messages signed under it alone are refused from now on."""
        await services.database.transaction(docusign_keys.remove, services.vault, workspace, str(number))


def _json(value: Any, status: int = HTTPStatus.OK) -> Response[bytes]:
    return Response(json.encode(value).encode(), media_type="application/json", status_code=status)
