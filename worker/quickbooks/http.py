"""The one HTTP client to Intuit: its limits, its timeouts, and errors that are httpx's own."""

from typing import Any

import httpx

CONNECT_SECONDS = 10.0
CONNECTIONS_MAX = 128


class HttpClient(httpx.AsyncClient):
    """httpx's client, whose every failure of a connection is an `httpx.HTTPError`.

    A connection that is reset before its first use has no socket on uvloop any more; anyio asks for its peer all the same,
    and the `AttributeError` would end the process.
    """

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request.

        Raises:
            httpx.HTTPError: There is no answer.
        """
        try:
            return await super().send(request, **options)
        except AttributeError as error:
            raise httpx.ReadError(f"The connection was reset: {error}", request=request) from error


def http_client(
    timeout_seconds: float, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """Open the one HTTP client, with every limit and timeout stated.

    `timeout_seconds` is for a whole request to the API, however slowly its answer trickles.
    """
    connect_seconds = min(CONNECT_SECONDS, timeout_seconds / 2)
    return HttpClient(
        # Connecting ends well before the whole does, so that what was never sent is known as such.
        timeout=httpx.Timeout(timeout_seconds, connect=connect_seconds, pool=connect_seconds),
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
        follow_redirects=False,
        transport=transport,
        headers={"accept": "application/json", "user-agent": "coeffection-quickbooks"},
    )
