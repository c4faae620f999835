"""The role `web`: the front door for events, webhooks, feeds and the API. Any number of processes may run it."""

from worker.roles.role import Role, RoleContext
from worker.runtime.serving import serve


async def run(context: RoleContext) -> None:
    """Serve the front door until the role is stopped."""
    from worker.web.app import create_app  # noqa: PLC0415 - only this role needs the web framework

    def listening(url: str) -> None:
        context.services.health.good(Role.WEB)
        context.listening(url)

    app = create_app(context.services, context.quickbooks())
    try:
        await serve(app, host=context.host, port=context.port, ready=listening, stopping=context.stopping)
    finally:
        await app.state.access.close()
