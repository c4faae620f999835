"""The front door, put together."""

from typing import Any

from litestar import Litestar, Request
from litestar.di import NamedDependency, Provide
from litestar.openapi import OpenAPIConfig

from events.envelope import EVENT_BYTES_MAX
from worker.administration import Administration
from worker.quickbooks.gateway import Gateway
from worker.services import Services
from worker.web.access import workspace_of
from worker.web.api import Api
from worker.web.docusign import open_door, post_docusign
from worker.web.docusign_api import DocusignApi
from worker.web.events import post_events
from worker.web.feeds import get_feed
from worker.web.health import livez, metrics, readyz
from worker.web.oauth import get_callback
from worker.web.problems import HANDLERS


def create_app(services: Services, gateway: Gateway) -> Litestar:
    """Build the ASGI application over services that are open."""

    async def workspace(request: Request[Any, Any, Any]) -> str:
        return await workspace_of(request, services)

    def administration(workspace: NamedDependency[str]) -> Administration:
        return Administration(
            services.database, services.clock, services.entropy, workspace, by=f"api:{workspace}"
        )

    door = open_door(services)
    return Litestar(
        route_handlers=[post_events, post_docusign, get_feed, get_callback, Api, DocusignApi, livez, readyz],
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False),
            "gateway": Provide(lambda: gateway, sync_to_thread=False),
            "workspace": Provide(workspace),
            "door": Provide(lambda: door, sync_to_thread=False),
            "administration": Provide(administration, sync_to_thread=False),
        },
        exception_handlers=HANDLERS,
        request_max_body_size=EVENT_BYTES_MAX,
        openapi_config=OpenAPIConfig(title="Coeffection for QuickBooks", version="1", path="/api/v1/schema"),
        logging_config=None,
    )


def create_ops_app(services: Services) -> Litestar:
    """Build what ops ask of any process, whatever its roles."""
    return Litestar(
        route_handlers=[livez, readyz, metrics],
        dependencies={"services": Provide(lambda: services, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        openapi_config=None,
        logging_config=None,
    )
