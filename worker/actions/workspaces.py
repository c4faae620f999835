"""Workspaces: adding one."""

from msgspec import Struct

from worker.services import Services
from worker.workspaces import api_tokens, tenants


class AddedWorkspace(Struct, frozen=True):
    """A workspace that was added.

    Attributes:
        workspace: Its name.
        token: Its first API token, which has every scope; it is shown this once.
        docusign_url: The URL to which DocuSign Connect posts its messages.
    """

    workspace: str
    token: str
    docusign_url: str


async def add_workspace(services: Services, name: str, by: str) -> AddedWorkspace:
    """Add a workspace with its first API token.

    Raises:
        WorkspaceInvalid: The name is invalid, or the workspace exists already.
    """
    token = api_tokens.new(services.entropy)
    await services.database.transaction(tenants.add, name, token, services.clock.now(), by)
    address = f"{services.environment.public_url.rstrip('/')}/webhooks/docusign/{name}"
    return AddedWorkspace(name, token, address)
