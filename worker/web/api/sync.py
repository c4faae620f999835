"""`/api/v1/sync`: how the sync with QuickBooks stands, and a sync by hand."""

from http import HTTPStatus

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct

from worker.actions.admin import Admin
from worker.actions.syncs import request_sync
from worker.services import Services
from worker.sync.standing import SyncStanding, standing
from worker.web.api.accepted import Accepted
from worker.web.description import described
from worker.web.problems import Problem
from worker.workspaces.api_tokens import Scope


class SyncWish(Struct, frozen=True):
    """A sync by hand.

    Attributes:
        full: Whether to compare every object, instead of reading what changed.
    """

    full: bool = False


class SyncApi(Controller):
    """The sync of the workspace of the token with its QuickBooks company."""

    path = "/api/v1/sync"
    tags = ("QuickBooks",)

    @get("/", **described(Scope.READ, 422), operation_id="readSync", summary="Read how the sync stands")
    async def sync(
        self, services: NamedDependency[Services], workspace: NamedDependency[str]
    ) -> SyncStanding:
        """Return when the company was last synced and is next, and the counts of each kind of objects on both sides."""
        found = await services.database.read(standing, workspace, services.clock.now())
        if found is None:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "connection_missing",
                "No QuickBooks company is connected: connect one",
            )
        return found

    @post(
        "/",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="requestSync",
        summary="Read what changed in QuickBooks now, or compare everything",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def request_sync(self, admin: NamedDependency[Admin], data: JSONBody[SyncWish]) -> Accepted:
        """Ask for a sync, whatever the sync frequency is; its progress can be read."""
        return Accepted(await request_sync(admin, full=data.full))
