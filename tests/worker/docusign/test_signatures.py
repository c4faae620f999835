"""A signature is over raw bytes, whatever JSON they are."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.docusign.door import Connect, encoded, message
from worker.docusign.signatures import SIGNATURES_MAX, Verifier, is_signed, signatures

KEY, OTHER = "bm90IGEgc2VjcmV0LCBvZiAzMiBieXRlcyBhcyB0aGV5IGE=", "b3RoZXI="


def signature(body: bytes, key: str) -> str:
    """Sign as DocuSign's own example does: with the key's text as bytes."""
    return base64.b64encode(hmac.new(key.encode("utf-8"), body, hashlib.sha256).digest()).decode()


def reordered(document: Any) -> Any:
    if isinstance(document, dict):
        return {key: reordered(value) for key, value in reversed(document.items())}
    return [reordered(item) for item in document] if isinstance(document, list) else document


# The same JSON in other bytes.
FORMS: dict[str, Callable[[Any], bytes]] = {
    "compact": lambda document: json.dumps(document, separators=(",", ":")).encode(),
    "spaced": lambda document: json.dumps(document, separators=(" , ", " : ")).encode(),
    "indented": lambda document: json.dumps(document, indent=4).encode().replace(b"\n", b"\r\n"),
    "other key order": lambda document: json.dumps(reordered(document)).encode(),
    "sorted": lambda document: json.dumps(document, sort_keys=True).encode(),
    "raw non-ASCII": lambda document: json.dumps(document, ensure_ascii=False).encode(),
    "escaped": lambda document: json.dumps(document).encode(),
    "escaped slashes": lambda document: json.dumps(document).replace("/", "\\/").encode(),
    "escaped ASCII": lambda document: json.dumps(document).replace("D-1", "\\u0044-1").encode(),
    "blanks around": lambda document: b" \r\n" + json.dumps(document).encode() + b"\n\n",
    "byte order mark": lambda document: b"\xef\xbb\xbf" + json.dumps(document).encode(),
}


async def posted(connect: Connect, body: bytes, signed: str) -> httpx.Response:
    headers = {"X-DocuSign-Signature-1": signed}
    return await connect.http.post("/webhooks/docusign/acme", content=body, headers=headers)


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_is_taken_under_its_own_signature_and_under_no_others(
    connect: Connect, form: str
) -> None:
    document = message(emailSubject="Vertrag für Zoë \u2013 \u201cMSA\u201d 日本 / 🖋")
    body = FORMS[form](document)
    for other in {write(document) for write in FORMS.values()} - {body}:
        assert (await posted(connect, body, signature(other, connect.keys[0]))).status_code == 401
    right = await posted(connect, body, signature(body, connect.keys[0]))
    assert (right.status_code, right.json()["outcome"]) == (200, "appended")
    [recorded] = await connect.world.log()
    assert recorded.event.payload.deal_id == "D-1"


@given(
    body=st.binary(max_size=2000),
    keys=st.lists(
        st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1),
        min_size=1,
        max_size=6,
        unique=True,
    ),
    cuts=st.lists(st.integers(0, 2000), max_size=6),
    data=st.data(),
)
def test_any_chunks_and_any_keys_are_verified(
    body: bytes, keys: list[str], cuts: list[int], data: st.DataObject
) -> None:
    verifier = Verifier(dict(enumerate(keys)))
    places = sorted({0, len(body), *(cut for cut in cuts if cut < len(body))})
    for start, end in zip(places, [*places[1:], len(body)], strict=True):
        verifier.update(body[start:end])
    signing = data.draw(st.sets(st.sampled_from(range(len(keys)))))
    given_ = [signature(body, keys[number]) for number in sorted(signing)]
    assert verifier.fitting(["nonsense", "", "é", *reversed(given_)]) == sorted(signing)
    assert Verifier({0: keys[0]}).fitting([signature(body + b" ", keys[0])]) == []


def test_the_key_is_its_text_and_not_its_decoded_base64() -> None:
    body = encoded()
    meant = hmac.new(base64.b64decode(KEY), body, hashlib.sha256).digest()
    assert not is_signed([("X-DocuSign-Signature-1", base64.b64encode(meant).decode())], body, [KEY])
    assert not is_signed([("X-DocuSign-Signature-1", signature(body, KEY[:-1]))], body, [KEY])
    assert is_signed([("x-docusign-signature-7", f" {signature(body, KEY)} ")], body, [OTHER, KEY])


def test_as_many_signatures_as_docusign_sends_are_read() -> None:
    given_ = [(f"X-DocuSign-Signature-{number}", str(number)) for number in range(1, 200)]
    assert signatures([("content-type", "x"), *given_]) == [str(n) for n in range(1, SIGNATURES_MAX + 1)]
