"""The connection of a workspace to a QuickBooks company: beginning a consent."""

from worker.connections import consenting
from worker.quickbooks.gateway import credentials
from worker.services import Services


async def begin_consent(services: Services, workspace: str) -> str:
    """Return the address that an admin of the company opens in a browser, once, within ten minutes.

    Raises:
        ConfigurationError: The client ID or secret of the app at Intuit is missing.
    """
    credentials(services.environment)
    return await consenting.begin(services, workspace)
