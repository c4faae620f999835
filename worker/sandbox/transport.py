"""The sandbox behind an httpx client, in the same process and on a clock that may be virtual."""

import httpx

from events.clock import Clock
from worker.sandbox.messages import Reply, Request
from worker.sandbox.service import Sandbox
from worker.sandbox.webhooks import on_demand


class SandboxTransport(httpx.AsyncBaseTransport):
    """Carries requests to a sandbox, and its broken connections back as a network would."""

    def __init__(self, sandbox: Sandbox, clock: Clock) -> None:
        self._sandbox = sandbox
        self._clock = clock

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer, or fail as a real connection does."""
        url = request.url
        reply = self._sandbox.handle(
            Request(
                method=request.method,
                path=url.path,
                query=dict(url.params.items()),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=await request.aread(),
                base_url=f"{url.scheme}://{url.netloc.decode()}",
            )
        )
        if reply.delivery is not None:
            reply = await on_demand.deliver(reply.delivery)
        return await self._carried(reply, request)

    async def _carried(self, reply: Reply, request: httpx.Request) -> httpx.Response:
        patience = request.extensions.get("timeout", {}).get("read")
        if patience is not None and reply.delay_seconds > patience:
            await self._clock.sleep(patience)
            raise httpx.ReadTimeout("No answer in time", request=request)
        if reply.delay_seconds:
            await self._clock.sleep(reply.delay_seconds)
        if reply.broken is not None:
            raise httpx.RemoteProtocolError("Server disconnected", request=request)
        headers = {"content-type": reply.content_type, **reply.headers}
        return httpx.Response(reply.status, headers=headers, content=reply.body, request=request)
