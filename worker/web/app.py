"""Build the ASGI applications of the front door and of ops."""

from decimal import Decimal

from litestar import Litestar
from litestar.di import NamedDependency, Provide

from events.contract.envelope import EVENT_BYTES_MAX
from worker.actions.admin import Admin
from worker.quickbooks.gateway import Gateway
from worker.runtime.aside import Turns
from worker.services import Services
from worker.web.access import Access, actor, current, undeclared
from worker.web.api.conflicts import ConflictsApi
from worker.web.api.connection import ConnectionApi
from worker.web.api.dead_letters import DeadLettersApi
from worker.web.api.deals import DealsApi
from worker.web.api.docusign import DocusignApi
from worker.web.api.examples import EXAMPLES
from worker.web.api.invoices import InvoicesApi
from worker.web.api.judging import JudgingApi
from worker.web.api.log import LogApi
from worker.web.api.mappings import MappingsApi
from worker.web.api.product_reviews import ProductReviewsApi
from worker.web.api.reviews import ReviewsApi
from worker.web.api.settings import SettingsApi
from worker.web.api.sync import SyncApi
from worker.web.api.tokens import TokensApi
from worker.web.description import Structs, openapi_config
from worker.web.doors.docusign import open_door, post_docusign
from worker.web.doors.events import post_events
from worker.web.doors.feeds import get_feed
from worker.web.doors.health import livez, metrics, readyz, readyz_of_ops
from worker.web.doors.oauth import get_callback, get_start
from worker.web.doors.quickbooks import open_quickbooks_door, post_quickbooks
from worker.web.doors.rate import Rate
from worker.web.methods import name_methods
from worker.web.parameters import known_parameters
from worker.web.problems import HANDLERS
from worker.workspaces.api_tokens import Token


def create_app(services: Services, gateway: Gateway) -> Litestar:
    """Build the ASGI application of the front door on open services."""
    access = Access(services)

    def workspace(token: NamedDependency[Token]) -> str:
        return token.workspace

    def admin(token: NamedDependency[Token], actor: NamedDependency[str]) -> Admin:
        return Admin.of(services, token.workspace, actor)

    door = open_door(services)
    quickbooks_door = open_quickbooks_door(services)
    settings = services.environment
    rate = Rate(services.clock, settings.events_per_second, settings.events_burst)
    turns = Turns()
    app = Litestar(
        route_handlers=[
            post_events,
            post_docusign,
            post_quickbooks,
            get_feed,
            get_start,
            get_callback,
            DealsApi,
            InvoicesApi,
            MappingsApi,
            ReviewsApi,
            ProductReviewsApi,
            JudgingApi,
            ConflictsApi,
            LogApi,
            DeadLettersApi,
            SettingsApi,
            ConnectionApi,
            SyncApi,
            DocusignApi,
            TokensApi,
            livez,
            readyz,
        ],
        guards=[access.guard, known_parameters],
        dependencies={
            "services": Provide(lambda: services, sync_to_thread=False),
            "gateway": Provide(lambda: gateway, sync_to_thread=False),
            "access": Provide(lambda: access, sync_to_thread=False),
            "token": Provide(current, sync_to_thread=False),
            "actor": Provide(actor, sync_to_thread=False),
            "workspace": Provide(workspace, sync_to_thread=False),
            "door": Provide(lambda: door, sync_to_thread=False),
            "quickbooks_door": Provide(lambda: quickbooks_door, sync_to_thread=False),
            "rate": Provide(lambda: rate, sync_to_thread=False),
            "turns": Provide(lambda: turns, sync_to_thread=False),
            "admin": Provide(admin, sync_to_thread=False),
        },
        exception_handlers=HANDLERS,
        request_max_body_size=EVENT_BYTES_MAX,
        before_request=name_methods,
        type_encoders={Decimal: lambda amount: format(amount, "f")},
        plugins=[Structs(EXAMPLES)],
        openapi_config=openapi_config(),
        logging_config=None,
    )
    if lacking := list(undeclared(app)):
        raise RuntimeError(f"Each route says which scope it needs (worker/web/access.py); not {lacking}")
    app.state.access = access
    return app


def create_ops_app(services: Services) -> Litestar:
    """Build the ASGI application with health and metrics, which any process can serve."""
    return Litestar(
        route_handlers=[livez, readyz_of_ops, metrics],
        dependencies={"services": Provide(lambda: services, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        openapi_config=None,
        logging_config=None,
    )
