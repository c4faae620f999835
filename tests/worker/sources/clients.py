"""Produce events with other Kafka clients."""

from typing import Any

import msgspec

from tests import stories

LONG = "x" * 400


def binary(document: dict[str, Any]) -> tuple[bytes, list[tuple[str, bytes]]]:
    attributes = {name: value for name, value in document.items() if name != "data"}
    headers = [(f"ce_{name}", value.encode()) for name, value in attributes.items()]
    return msgspec.json.encode(document["data"]), [
        ("content-type", b"application/json; charset=utf-8"),
        *headers,
    ]


def structured(document: dict[str, Any]) -> tuple[bytes, list[tuple[str, bytes]]]:
    return msgspec.json.encode(document), [("content-type", b"application/cloudevents+json; charset=utf-8")]


def bare(document: dict[str, Any]) -> tuple[bytes, list[tuple[str, bytes]]]:
    return msgspec.json.encode(document), []


def deal(number: int) -> dict[str, Any]:
    return {**stories.deal(f"D-{number}", name=LONG), "workspace": "acme"}
