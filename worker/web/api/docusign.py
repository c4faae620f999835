"""`/api/v1/docusign`: whether DocuSign's messages are accepted, and its signing keys."""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

import sqlalchemy as sa
from litestar import Controller, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec
from litestar.params import JSONBody, PathParameter
from msgspec import Struct
from msgspec.structs import asdict

from projections.queries import Key as After
from projections.queries import Row
from worker.actions.admin import Admin
from worker.actions.docusign import add_docusign_key, remove_docusign_key, see_docusign_refusals
from worker.docusign.watch import Reception, shown
from worker.services import Services
from worker.web.api.paging import NUMBER_KEY, ROWS_USUAL, Cursor, Limit, Listing, page
from worker.web.description import described
from worker.workspaces import docusign_keys
from worker.workspaces.api_tokens import Scope
from worker.workspaces.docusign_keys import Key


class KeyGiven(Struct, frozen=True):
    """A signing key of DocuSign's.

    Attributes:
        key: The key, as DocuSign shows it.
    """

    key: str


class KeyAdded(Struct, frozen=True, omit_defaults=True):
    """An added key, without the key itself.

    Attributes:
        number: The key's number in the workspace.
        hint: Its last characters.
        added_at: When it was added.
        verified_at: When it last verified a message.
        added: False if the workspace already had the key.
        note: A warning about the key.
    """

    number: int
    hint: str
    added_at: datetime
    verified_at: datetime | None
    added: bool
    note: str | None = None


class Keys(Struct, frozen=True):
    """A page of keys, in the order in which they were added.

    Attributes:
        items: The keys.
        next_cursor: The `cursor` of the next page; none on the last one.
    """

    items: list[Key]
    next_cursor: str | None


class KeysWanted(Struct, frozen=True):
    """Which keys: all of them."""


def read(
    connection: sa.Connection, workspace: str, limit: int, _: KeysWanted, after: After | None
) -> list[Row]:
    """Return keys after a number; a workspace has at most a hundred."""
    found = [
        asdict(key)
        for key in docusign_keys.listed(connection, workspace)
        if after is None or key.number > int(after[0])
    ]
    return sorted(found, key=lambda key: key["number"])[:limit]


KEYS = Listing("docusign/keys", read, {"number": NUMBER_KEY})
THERE_ALREADY = {
    200: ResponseSpec(KeyAdded, generate_examples=False, description="The workspace already had the key.")
}


class DocusignApi(Controller):
    """DocuSign's side of the workspace of the token."""

    path = "/api/v1/docusign"
    tags = ("DocuSign",)

    @get(
        "/",
        **described(Scope.READ, 400),
        operation_id="readDocusignReception",
        summary="Show whether DocuSign's messages are accepted",
    )
    async def status(self, services: NamedDependency[Services], workspace: NamedDependency[str]) -> Reception:
        """Return the state, since when and why it holds, and the counts of accepted and refused messages."""
        return await services.database.read(shown, workspace, services.clock.now())

    @post(
        "/seen",
        **described(Scope.ACT, 400),
        operation_id="markDocusignRefusalsSeen",
        summary="Clear the warning about refused messages",
        status_code=HTTPStatus.OK,
    )
    async def see(self, services: NamedDependency[Services], admin: NamedDependency[Admin]) -> Reception:
        """Clear the warning, once DocuSign is configured right and has sent the refused messages again."""
        await see_docusign_refusals(admin)
        return await services.database.read(shown, admin.workspace, services.clock.now())

    @get(
        "/keys",
        **described(Scope.READ, 400),
        operation_id="listDocusignKeys",
        summary="List DocuSign's signing keys",
    )
    async def keys(
        self,
        services: NamedDependency[Services],
        workspace: NamedDependency[str],
        cursor: Cursor = None,
        limit: Limit = ROWS_USUAL,
    ) -> Keys:
        """Return the number, hint and dates of each key, never the key itself."""
        rows, next_cursor = await page(services, workspace, KEYS, KeysWanted(), cursor, limit)
        return Keys([Key(**row) for row in rows], next_cursor)

    @post(
        "/keys",
        **described(Scope.ACT, 400, 413, 422, also=THERE_ALREADY),
        operation_id="addDocusignKey",
        summary="Add a signing key of DocuSign's",
        status_code=HTTPStatus.CREATED,
    )
    async def add_key(
        self,
        services: NamedDependency[Services],
        admin: NamedDependency[Admin],
        data: JSONBody[KeyGiven],
    ) -> Response[KeyAdded]:
        """Add a key. The answer is 201, or 200 if the workspace already has the key."""
        found = await add_docusign_key(admin, services.vault, data.key)
        status = HTTPStatus.CREATED if found.added else HTTPStatus.OK
        return Response(KeyAdded(**asdict(found.key), added=found.added, note=found.note), status_code=status)

    @delete(
        "/keys/{number:int}",
        **described(Scope.ACT, 400, 404),
        operation_id="removeDocusignKey",
        summary="Remove a signing key of DocuSign's",
    )
    async def remove_key(
        self,
        services: NamedDependency[Services],
        admin: NamedDependency[Admin],
        number: Annotated[int, PathParameter(description="The key's number.")],
    ) -> None:
        """Remove a key. Messages signed only with it are refused from then on."""
        await remove_docusign_key(admin, services.vault, str(number))
