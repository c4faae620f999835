"""The addresses that messages are sent to."""

from typing import Annotated

import httpx
from msgspec import Meta

Url = Annotated[str, Meta(min_length=1, max_length=200)]


class InvalidDelivery(Exception):
    """The requested message or subscription is impossible; the text says why."""


def check_url(url: str) -> None:
    """Check the address of a receiver.

    Raises:
        InvalidDelivery: It is no address on the web.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise InvalidDelivery(f"{error} - at `$.url`") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise InvalidDelivery("Expected an http or https address - at `$.url`")
