"""The messages to Kafka: CloudEvents in binary mode, valid ones and poison."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from events.contract import catalog
from worker.demo.doors import life
from worker.demo.story import StoryContract, Tale
from worker.sandbox.webhooks.envelope import Status

SOURCE = "https://crm.coeffection.example"
CONTRACTS = "urn:docusign:chaos"
TOO_LARGE_BYTES = 1024 * 1024 + 1
EXPECTED = "expected-reason"
"""A header that marks poison; it is not one of CloudEvents', so only the checks read it."""

Headers = dict[str, bytes]
Identity = tuple[str, str, str]
"""Workspace, source and ID."""


class Message(msgspec.Struct, frozen=True):
    """A message of a producer."""

    topic: str
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def identity(self) -> Identity | None:
        """The identity that the log must have exactly once; None for poison."""
        if EXPECTED in (headers := dict(self.headers)):
            return None
        workspace, source, name = (headers[f"ce_{name}"].decode() for name in ("workspace", "source", "id"))
        return workspace, source, name


def deal(workspace: str, data: Mapping[str, Any]) -> Message:
    """Return the message of a deal's snapshot, with the ID that the demo's CRM gives it."""
    name = f"deal.updated.v1-{data['deal_id']}-{data['revision']}"
    return _event(workspace, catalog.DEAL_UPDATED, SOURCE, name, data["deal_id"], data)


def account(workspace: str, data: Mapping[str, Any]) -> Message:
    name = f"account.updated.v1-{data['account_id']}-{data['revision']}"
    return _event(workspace, catalog.ACCOUNT_UPDATED, SOURCE, name, data["account_id"], data)


def contract(workspace: str, tale: Tale) -> list[Message]:
    """Return the messages of an envelope's statuses."""
    types = {
        "sent": catalog.CONTRACT_SENT,
        "delivered": catalog.CONTRACT_DELIVERED,
        "completed": catalog.CONTRACT_SIGNED,
        "declined": catalog.CONTRACT_DECLINED,
        "voided": catalog.CONTRACT_VOIDED,
    }
    return [
        _event(
            workspace,
            types[status],
            CONTRACTS,
            f"{sent.envelope_id}-{status}",
            tale.deal_id,
            {
                "contract_id": sent.envelope_id,
                "deal_id": tale.deal_id,
                "sent_at": sent.sent_at,
                "at": _instant(sent, status),
            },
        )
        for sent, status in life(tale)
    ]


def _instant(sent: StoryContract, status: Status) -> datetime:
    if status == "sent":
        return sent.sent_at
    return sent.sent_at + timedelta(minutes=1) if status == "delivered" else sent.ended_at


def conflicting(message: Message) -> Message:
    """Return a message with the same identity and other content."""
    value = (message.value or b"").replace(b'"revision":1', b'"revision":2')
    return msgspec.structs.replace(
        message, value=value, headers=(*message.headers, (EXPECTED, b"identity_conflict"))
    )


def spoilt(message: Message, how: str) -> Message:
    """Return poison, made of a valid message."""
    reason, changes = POISON[how]
    headers, value = changes(dict(message.headers), message.value or b"")
    more = [("ce_id", b"another")] if how == "two_ids" else []
    return msgspec.structs.replace(
        message, value=value, headers=(*headers.items(), *more, (EXPECTED, reason.encode()))
    )


Change = Callable[[Headers, bytes], tuple[Headers, bytes | None]]


def _with(**changed: bytes | None) -> Change:
    """Return a change of headers."""

    def change(headers: Headers, value: bytes) -> tuple[Headers, bytes]:
        merged = {**headers, **{name.replace("__", "-"): to for name, to in changed.items()}}
        return {name: to for name, to in merged.items() if to is not None}, value

    return change


def _value(change: Callable[[bytes], bytes | None]) -> Change:
    return lambda headers, value: (headers, change(value))


def _extra(field: bytes) -> Change:
    """Return a change that adds a field which the schema allows."""
    return _value(lambda value: value[:-1] + b"," + field + b"}")


POISON: dict[str, tuple[str, Change]] = {
    "half": ("undecodable", _value(lambda value: value[: len(value) // 2])),
    "no_text": (
        "undecodable",
        _value(lambda value: value.replace(b"deal", b"\xff\xfe").replace(b"acc", b"\xff")),
    ),
    "header_no_text": ("undecodable", _with(ce_subject=b"\xff\xfe")),
    "type": ("type_unknown", _with(ce_type=b"com.coeffection.deal.burnt.v1")),
    "version": ("version_unknown", _with(ce_type=b"com.coeffection.deal.updated.v9")),
    "ours": ("type_not_accepted", _with(ce_type=catalog.DEAL_INVOICED.encode())),
    "source": ("source_reserved", _with(ce_source=b"urn:coeffection:forged")),
    "no_workspace": ("workspace_missing", _with(ce_workspace=None)),
    "workspace": ("workspace_unknown", _with(ce_workspace=b"nobody")),
    "no_id": ("schema_invalid", _with(ce_id=None)),
    "two_ids": ("schema_invalid", _with()),
    "wrong_kind": ("schema_invalid", _value(lambda _: b'{"deal_id":17,"account_id":[]}')),
    "xml": ("content_type_unsupported", _with(content__type=b"text/xml")),
    "deletion": ("value_missing", _value(lambda _: None)),
    "deep": ("nesting_too_deep", _extra(b'"x":' + b"[" * 200 + b"]" * 200)),
    "nul": ("text_invalid", _extra(b'"x":"\\u0000"')),
    "too_large": ("too_large", _extra(b'"x":"' + b"x" * TOO_LARGE_BYTES + b'"')),
}


def _event(
    workspace: str, event_type: str, source: str, name: str, subject: str, data: Mapping[str, Any]
) -> Message:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": name,
        "ce_source": source,
        "ce_type": event_type,
        "ce_subject": subject,
        "ce_workspace": workspace,
        "content-type": "application/json",
    }
    topic = catalog.TYPES[event_type].topic
    assert topic is not None
    return Message(
        topic,
        f"{workspace}/{subject}".encode(),
        msgspec.json.encode(data),
        tuple((header, text.encode()) for header, text in headers.items()),
    )
