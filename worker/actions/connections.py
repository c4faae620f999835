"""Connect a workspace to a QuickBooks company: begin the consent."""

from worker.actions.admin import Admin
from worker.connections import consenting
from worker.quickbooks.gateway import credentials
from worker.services import Services


async def begin_consent(services: Services, admin: Admin, *, another_company: bool = False) -> str:
    """Return the URL for an admin of the company to open in a browser; it works once, within ten minutes.

    Unless `another_company` is set, a consent that chooses another company than the workspace had before is refused.

    Raises:
        ConfigurationError: The client ID or secret of the app at Intuit is missing.
    """
    credentials(services.environment)
    return await consenting.begin(services, admin.workspace, by=admin.by, another_company=another_company)
