"""Verify Connect's signatures: HMAC-SHA256 over the raw bytes of a message, with one header for each active key.

The key is the text that DocuSign shows: its bytes are the text's, not those that its base64 would decode to.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence

HEADER = "x-docusign-signature-"
SIGNATURES_MAX = 100


class Verifier:
    """Computes the signatures of a message from its bytes in chunks, and finds the matching keys.

    Args:
        keys: The keys to try, by number.
    """

    def __init__(self, keys: Mapping[int, str]) -> None:
        self._digests = {
            number: hmac.new(key.encode(), digestmod=hashlib.sha256) for number, key in keys.items()
        }

    @property
    def count(self) -> int:
        """The number of keys."""
        return len(self._digests)

    def update(self, chunk: bytes) -> None:
        """Add the next bytes, exactly as they were sent."""
        for digest in self._digests.values():
            digest.update(chunk)

    def fitting(self, given: Sequence[str]) -> list[int]:
        """Return the numbers of the keys that match one of the signatures; all are compared, even after a match."""
        found = []
        for number, digest in self._digests.items():
            expected = base64.b64encode(digest.digest())
            if _any_fits(expected, given):
                found.append(number)
        return found


def signatures(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Return the signatures among a request's headers."""
    given = [value.strip() for name, value in headers if name.lower().startswith(HEADER)]
    return given[:SIGNATURES_MAX]


def is_signed(headers: Iterable[tuple[str, str]], body: bytes, keys: Sequence[str]) -> bool:
    """Return whether any signature among the headers matches the raw body under any of the keys."""
    verifier = Verifier(dict(enumerate(keys)))
    verifier.update(body)
    return bool(verifier.fitting(signatures(headers)))


def _any_fits(expected: bytes, given: Sequence[str]) -> bool:
    fits = False
    for signature in given:
        fits |= hmac.compare_digest(expected, signature.encode())
    return fits
