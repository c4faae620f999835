"""The front door, put together."""

from litestar import Litestar, Router
from litestar.di import NamedDependency, Provide
from litestar.openapi import OpenAPIConfig

from events.envelope import EVENT_BYTES_MAX
from worker.administration import Administration
from worker.api_tokens import Token
from worker.aside import Turns
from worker.quickbooks.gateway import Gateway
from worker.services import Services
from worker.web.access import NEEDS, OPEN, Access, current, undeclared
from worker.web.api import Api
from worker.web.docusign import open_door, post_docusign
from worker.web.docusign_api import DocusignApi
from worker.web.events import post_events
from worker.web.feeds import get_feed
from worker.web.health import livez, metrics, readyz, readyz_of_ops
from worker.web.oauth import get_callback, get_start
from worker.web.problems import HANDLERS
from worker.web.rate import Rate
from worker.web.tokens_api import TokensApi

SCHEMA_PATH = "/api/v1/schema"


def create_app(services: Services, gateway: Gateway) -> Litestar:
    """Build the ASGI application over services that are open."""
    access = Access(services)

    def workspace(token: NamedDependency[Token]) -> str:
        return token.workspace

    def administration(token: NamedDependency[Token]) -> Administration:
        return Administration(
            services.database, services.clock, services.entropy, token.workspace, by=token.actor
        )

    door = open_door(services)
    settings = services.environment
    rate = Rate(services.clock, settings.events_per_second, settings.events_burst)
    turns = Turns()
    app = Litestar(
        route_handlers=[
            post_events,
            post_docusign,
            get_feed,
            get_start,
            get_callback,
            Api,
            DocusignApi,
            TokensApi,
            livez,
            readyz,
        ],
        guards=[access.guard],
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False),
            "gateway": Provide(lambda: gateway, sync_to_thread=False),
            "access": Provide(lambda: access, sync_to_thread=False),
            "token": Provide(current, sync_to_thread=False),
            "workspace": Provide(workspace, sync_to_thread=False),
            "door": Provide(lambda: door, sync_to_thread=False),
            "rate": Provide(lambda: rate, sync_to_thread=False),
            "turns": Provide(lambda: turns, sync_to_thread=False),
            "administration": Provide(administration, sync_to_thread=False),
        },
        exception_handlers=HANDLERS,
        request_max_body_size=EVENT_BYTES_MAX,
        openapi_config=OpenAPIConfig(
            title="Coeffection for QuickBooks",
            version="1",
            openapi_router=Router(SCHEMA_PATH, route_handlers=[], opt={NEEDS: OPEN}),
        ),
        logging_config=None,
    )
    if lacking := list(undeclared(app)):
        raise RuntimeError(f"Each route says which scope it needs (worker/web/access.py); not {lacking}")
    app.state.access = access
    return app


def create_ops_app(services: Services) -> Litestar:
    """Build what ops ask of any process, whatever its roles."""
    return Litestar(
        route_handlers=[livez, readyz_of_ops, metrics],
        dependencies={"services": Provide(lambda: services, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        openapi_config=None,
        logging_config=None,
    )
