"""The HTTP client to Intuit, with limits, timeouts and httpx's errors."""

from typing import Any

import httpx

CONNECT_SECONDS = 10.0
CONNECTIONS_MAX = 256


class HttpClient(httpx.AsyncClient):
    """httpx's client, whose every connection failure is an `httpx.HTTPError`.

    On uvloop, a connection that is reset before its first use has no socket; anyio asks for its peer all the same, and
    the `AttributeError` would end the process.
    """

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """Send a request.

        Raises:
            httpx.HTTPError: There was no answer.
        """
        try:
            return await super().send(request, **options)
        except AttributeError as error:
            raise httpx.ReadError(f"The connection was reset: {error}", request=request) from error


def http_client(
    timeout_seconds: float, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """Open the HTTP client with explicit limits and timeouts.

    `timeout_seconds` limits a whole request to the API, even if its answer arrives slowly.
    """
    connect_seconds = min(CONNECT_SECONDS, timeout_seconds / 2)
    return HttpClient(
        # The connect timeout ends well before the whole request's, so that an unsent request is known to be unsent.
        timeout=httpx.Timeout(timeout_seconds, connect=connect_seconds, pool=connect_seconds),
        limits=httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=CONNECTIONS_MAX),
        follow_redirects=False,
        transport=transport,
        headers={"accept": "application/json", "user-agent": "coeffection-quickbooks"},
    )
