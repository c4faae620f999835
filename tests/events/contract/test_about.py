"""The deal that a message names is found even if the message is invalid, and is safe to show."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.contract.about import DEAL_CHARACTERS_MAX, deal_of
from events.contract.headers import Headers
from tests import stories
from worker.sandbox.webhooks import docusign
from worker.sandbox.webhooks.envelope import Envelope

AT = datetime(2026, 5, 2, tzinfo=UTC)
EVENT = json.dumps(stories.deal("D-17", name="x" * 600)).encode()
ENVELOPE = docusign.message(Envelope("e-1", "D-17", "bo@x.example", AT, completed_at=AT), "completed", AT)
WITHOUT = json.dumps({**stories.deal("D-17"), "data": {}}).encode()


@pytest.mark.parametrize(
    "raw",
    [
        EVENT,
        b"\xef\xbb\xbf" + EVENT,
        EVENT.decode().encode("utf-16"),
        EVENT.decode().encode("utf-16-be"),
        EVENT[: len(EVENT) // 2],
        EVENT + b"garbage",
        EVENT.replace(b'"owner"', b'"owner" NaN'),
        EVENT.replace(b"Acme", b"\xff\xfe"),
        b"\x00\x01" + EVENT,
        b"[" * 10 + EVENT + b"]" * 10,
        ENVELOPE,
        ENVELOPE[:-5],
        WITHOUT,
        WITHOUT[:-3],
        json.dumps({"dealId": "D-17"}).encode(),
        json.dumps({"Deal ID": " D-17\u200b\n"}).encode(),
        json.dumps({"data": {"deal_id": "", "deal": {"deal_id": "D-17"}}, "subject": "other"}).encode(),
    ],
    ids=range(17),
)
def test_a_message_that_names_a_deal_is_about_it(raw: bytes) -> None:
    assert deal_of(raw) == "D-17"


@pytest.mark.parametrize(
    "raw",
    [
        *(
            b"",
            b"{}",
            b"[]",
            b"null",
            b"17",
            b'"D-17"',
            b"\xff\xfe\x00",
            b'{"deal_id":',
            b'{"deal_id":"\\ud800"',
        ),
        *(
            b'{"deal_id":null}',
            b'{"deal_id":["D-17"]}',
            b'{"deal_id":true}',
            b'{"deal_id":"\\u0000"}',
            b'{"deal_id":"  "}',
        ),
        json.dumps(stories.account("A-1", revision=None)).encode(),
    ],
)
def test_a_message_without_a_deal_is_about_none(raw: bytes) -> None:
    assert deal_of(raw) is None


def test_a_number_is_a_deal_too() -> None:
    assert deal_of(b'{"deal_id": 17}') == deal_of(b'{"deal_id": 17') == "17"


@pytest.mark.parametrize(
    ("headers", "deal"),
    [
        ([("ce-subject", b"caf%C3%A9%201"), ("ce-id", b"%FF")], "café 1"),
        ([("ce_subject", b"D%2017")], "D%2017"),
        ([("CE_Subject", b"D-17"), ("ce_type", b"com.coeffection.contract.signed.v1")], "D-17"),
        ([("ce_subject", b"A-9"), ("ce_type", b"com.coeffection.account.updated.v1")], None),
        ([("ce_subject", b"\xff")], None),
        ([("ce_subject", None)], None),
    ],
)
def test_the_subject_in_headers_names_the_deal_too(headers: Headers, deal: str | None) -> None:
    for raw in (b"", b"{", b"{}", b"\xff"):
        assert deal_of(raw, headers) == deal
    assert deal_of(EVENT, headers) == "D-17", "what the data say comes first"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400) | st.integers())
def test_a_shown_deal_is_short_and_printable(named: Any) -> None:
    for raw in (json.dumps({"deal_id": named}), json.dumps({"deal_id": named})[:-1]):
        deal = deal_of(raw.encode())
        assert deal is None or (
            deal.isprintable() and deal.strip() == deal and len(deal) <= DEAL_CHARACTERS_MAX
        )


@given(st.binary(max_size=60) | st.just(EVENT).map(lambda raw: raw[:200]))
def test_any_bytes_give_a_deal_or_none(raw: bytes) -> None:
    deal_of(raw, [("ce-subject", raw), ("ce_subject", raw)])


def test_any_bytes_are_searched_fast() -> None:
    for raw in (
        b"[" * 1_000_000,
        b'{"deal_id":"' * 80_000,
        b'"deal_id":"' + b"\\" * 1_000_000,
        b"[0," * 300_000,
        b'{"name":"deal_id",' * 60_000,
        b'"deal_id":"\\u0000",' * 50_000,
    ):
        deal_of(raw)
    wide = json.dumps([{"x": n} for n in range(30_000)] + [{"deal_id": "D-17"}]).encode()
    assert deal_of(wide) is None, "so far nobody looks"
