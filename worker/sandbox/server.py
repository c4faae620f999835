"""The sandbox on a socket.

It is a plain ASGI application: every route is decided in `Sandbox.handle`, which runs without a server
too, so a framework would have nothing to do here.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

import uvicorn

from events.clock import Clock
from worker.runtime.serving import KeyPair, serve
from worker.sandbox.encoding import BODY_BYTES_MAX, compressed
from worker.sandbox.messages import Reply, Request
from worker.sandbox.service import Sandbox
from worker.sandbox.webhooks import on_demand
from worker.sandbox.webhooks.courier import Courier

Scope = dict[str, Any]


class SandboxApp:
    """Carries requests from a web server to a sandbox, and cuts the connections that are to break."""

    def __init__(self, sandbox: Sandbox, clock: Clock, courier: Courier) -> None:
        self._sandbox = sandbox
        self._clock = clock
        self._courier = courier

    async def __call__(self, scope: Scope, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        """Answer one HTTP request."""
        if scope["type"] != "http":
            return
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
        }
        reply = self._sandbox.handle(
            Request(
                method=scope["method"],
                path=scope["path"],
                query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
                headers=headers,
                body=await _body(receive),
                base_url=f"{scope['scheme']}://{headers.get('host', 'localhost')}",
            )
        )
        self._courier.wake()
        if reply.delivery is not None:
            reply = await on_demand.deliver(reply.delivery)
        if reply.delay_seconds:
            await self._clock.sleep(reply.delay_seconds)
        reply = compressed(reply, headers.get("accept-encoding", ""))
        if reply.broken is None:
            await _respond(reply, send, reply.body)
        else:
            if reply.broken == "half":
                await _respond(reply, send, reply.body[: len(reply.body) // 2], length=len(reply.body))
            await _cut(send, receive)


async def run(
    sandbox: Sandbox,
    clock: Clock,
    *,
    host: str,
    port: int,
    ready: Callable[[str], None],
    stopping: asyncio.Event,
    key_pair: KeyPair | None = None,
) -> None:
    """Serve, and send the sandbox's own messages, until told to stop; with a key pair, over https."""
    courier = Courier(sandbox.deliveries, clock, sandbox.now)
    sending = asyncio.create_task(courier.run())
    sending.add_done_callback(lambda _: stopping.set())
    try:
        app = SandboxApp(sandbox, clock, courier)
        await serve(app, host=host, port=port, ready=ready, stopping=stopping, key_pair=key_pair)
    finally:
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending


def ready_line(sandbox: Sandbox, url: str, key_pair: KeyPair | None = None) -> dict[str, object]:
    """Return the addresses and secrets that point an app at this sandbox."""
    return {
        "ready": True,
        "api": url,
        "discovery": f"{url}/.well-known/openid_sandbox_configuration",
        "client_id": sandbox.oauth.client_id,
        "client_secret": sandbox.oauth.client_secret,
        "verifier_token": sandbox.verifier_token,
        "realms": list(sandbox.companies),
        "docusign_keys": sandbox.docusign_keys,
        **({} if key_pair is None else {"certificate": str(key_pair.certificate)}),
    }


def exports(sandbox: Sandbox, url: str, key_pair: KeyPair | None = None) -> dict[str, str]:
    """Return the environment in which a worker takes this sandbox for QuickBooks, and trusts its certificate."""
    line = ready_line(sandbox, url)
    names = {
        "API_URL": "api",
        "DISCOVERY_URL": "discovery",
        "CLIENT_ID": "client_id",
        "CLIENT_SECRET": "client_secret",
        "VERIFIER_TOKEN": "verifier_token",
    }
    variables = {f"Q2C_QUICKBOOKS_{name}": str(line[key]) for name, key in names.items()}
    return variables if key_pair is None else {**variables, "SSL_CERT_FILE": str(key_pair.certificate)}


async def _body(receive: Callable[[], Any]) -> bytes:
    body = bytearray()
    while len(body) <= BODY_BYTES_MAX:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return bytes(body)


async def _respond(
    reply: Reply, send: Callable[[Any], Any], body: bytes, *, length: int | None = None
) -> None:
    headers = {
        "content-type": reply.content_type,
        "content-length": str(len(body) if length is None else length),
        **reply.headers,
    }
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": length is not None})


async def _cut(send: Callable[[Any], Any], receive: Callable[[], Any]) -> None:
    """Drop the connection as a dying network does. ASGI has no word for it, so uvicorn's own is used."""
    cycle: Any = getattr(send, "__self__", None)
    if cycle is None or not isinstance(cycle.transport, asyncio.Transport):
        raise RuntimeError(f"This server offers no way to drop a connection (uvicorn {uvicorn.__version__})")
    cycle.transport.abort()
    # Lets the server notice, so that it does not complain of a missing answer.
    while (await receive())["type"] != "http.disconnect":
        pass
