"""Connect's signatures: HMAC-SHA256 over the raw bytes of a message, one header for each active key.

The key is the text that DocuSign shows, as it stands: its bytes are those of the text, never of what the
base64 in it would decode to.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence

HEADER = "x-docusign-signature-"
SIGNATURES_MAX = 100


class Verifier:
    """Takes a message's bytes as they come, and knows in the end under which keys it was signed.

    Args:
        keys: The keys to try, by their numbers.
    """

    def __init__(self, keys: Mapping[int, str]) -> None:
        self._digests = {
            number: hmac.new(key.encode(), digestmod=hashlib.sha256) for number, key in keys.items()
        }

    @property
    def count(self) -> int:
        """How many keys are tried."""
        return len(self._digests)

    def update(self, chunk: bytes) -> None:
        """Take the next bytes, exactly as they were sent."""
        for digest in self._digests.values():
            digest.update(chunk)

    def fitting(self, given: Sequence[str]) -> list[int]:
        """Return the numbers of the keys that one of the signatures fits; all are compared, whatever fits."""
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
    """Say whether any signature among the headers fits the raw body under any of the keys."""
    verifier = Verifier(dict(enumerate(keys)))
    verifier.update(body)
    return bool(verifier.fitting(signatures(headers)))


def _any_fits(expected: bytes, given: Sequence[str]) -> bool:
    fits = False
    for signature in given:
        fits |= hmac.compare_digest(expected, signature.encode())
    return fits
