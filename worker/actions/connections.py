"""Connect a workspace to a QuickBooks company: begin the consent."""

from worker.connections import consenting
from worker.quickbooks.gateway import credentials
from worker.services import Services


async def begin_consent(services: Services, workspace: str) -> str:
    """Return the URL for an admin of the company to open in a browser; it works once, within ten minutes.

    Raises:
        ConfigurationError: The client ID or secret of the app at Intuit is missing.
    """
    credentials(services.environment)
    return await consenting.begin(services, workspace)
