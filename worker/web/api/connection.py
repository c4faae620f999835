"""`/api/v1/connection`: the connection to QuickBooks."""

from http import HTTPStatus

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct

from worker.actions.admin import Admin
from worker.actions.connections import begin_consent, disconnect_company
from worker.connections.disconnecting import Disconnection
from worker.connections.standing import ConnectionStanding, connection_of
from worker.quickbooks.gateway import Gateway
from worker.services import Services
from worker.web.description import described
from worker.workspaces.api_tokens import Scope


class ConsentWish(Struct, frozen=True):
    """A consent to begin.

    Attributes:
        another_company: Whether it may connect another company than before; otherwise such a consent is refused.
    """

    another_company: bool = False


class BegunConsent(Struct, frozen=True):
    """A consent that was begun.

    Attributes:
        authorize_url: The address for an admin of the company to open in a browser; it works once, within ten minutes.
    """

    authorize_url: str


class ConnectionApi(Controller):
    """The connection of the workspace of the token to QuickBooks."""

    path = "/api/v1/connection"
    tags = ("QuickBooks",)

    @get("/", **described(Scope.READ, 400), operation_id="readConnection", summary="Read the connection")
    async def connection(
        self, services: NamedDependency[Services], workspace: NamedDependency[str]
    ) -> ConnectionStanding:
        """Return the company, the state of the connection, when it expires, and when it was and is synced."""
        return await services.database.read(connection_of, workspace, services.clock.now())

    @post(
        "/consents",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="beginConsent",
        summary="Begin a consent: connect a company, or authorise it again",
        status_code=HTTPStatus.CREATED,
    )
    async def begin_consent(
        self, services: NamedDependency[Services], admin: NamedDependency[Admin], data: JSONBody[ConsentWish]
    ) -> BegunConsent:
        """Return an address that an admin of the company opens in a browser to consent."""
        return BegunConsent(await begin_consent(services, admin, another_company=data.another_company))

    @delete(
        "/",
        **described(Scope.ACT, 400, 422),
        operation_id="disconnect",
        summary="Disconnect the company",
        status_code=HTTPStatus.OK,
    )
    async def disconnect(
        self,
        services: NamedDependency[Services],
        gateway: NamedDependency[Gateway],
        admin: NamedDependency[Admin],
    ) -> Disconnection:
        """Delete the tokens and revoke them at Intuit. Deals wait, and continue after the next connection."""
        return await disconnect_company(services, gateway, admin)
