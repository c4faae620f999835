"""An HTTP answer of QuickBooks, and its meaning: the answer's document, or an error."""

from collections.abc import Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import Struct

from worker.quickbooks.errors import (
    APPLICATION_ERROR,
    GATE_OF_COMPANY,
    THROTTLED,
    CompanyBlocked,
    FaultError,
    OutcomeUnknown,
    QuickBooksError,
    Rejected,
    Throttled,
    Unauthorized,
)

Entity = dict[str, Any]


class ApiReply(Struct, frozen=True):
    """An HTTP answer of QuickBooks."""

    status: int
    body: bytes
    faults: tuple[FaultError, ...]
    intuit_tid: str | None

    @property
    def throttled(self) -> bool:
        """Whether QuickBooks rate-limited the request, and did not apply it."""
        return self.status == HTTPStatus.TOO_MANY_REQUESTS or self._says(THROTTLED)

    @property
    def failed(self) -> bool:
        """Whether QuickBooks failed; it may have applied the request all the same."""
        late = self.status == HTTPStatus.REQUEST_TIMEOUT
        return late or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR or self._says(APPLICATION_ERROR)

    @property
    def token_refused(self) -> bool:
        """Whether a fresh token could help; not if the user or the app lacks the right."""
        return self.status == HTTPStatus.UNAUTHORIZED and not self.company_refused

    @property
    def company_refused(self) -> bool:
        """Whether QuickBooks refuses every request for the company; such an answer may have status 200."""
        return any(self._says(code) for code in GATE_OF_COMPANY)

    @property
    def served(self) -> bool:
        """Whether QuickBooks may count the request: it was neither refused for its token nor rate-limited."""
        return not (self.throttled or self.token_refused)

    @property
    def refused(self) -> bool:
        """Whether QuickBooks rejected the request with a code. An answer without a code may come from a proxy."""
        return any(fault.code for fault in self.faults)

    def _says(self, code: str) -> bool:
        return any(fault.code == code for fault in self.faults)


def error_of(reply: ApiReply) -> QuickBooksError | None:  # noqa: PLR0911 - one for each kind of error
    """Return the error that an answer means; None if QuickBooks did as it was asked."""
    status, faults = reply.status, reply.faults
    if reply.throttled:
        return Throttled("QuickBooks rate-limited the company")
    if reply.token_refused:
        return Unauthorized(f"QuickBooks refuses the access token{_quoted(faults)}", faults)
    if reply.company_refused:
        return CompanyBlocked(Rejected(status, faults, reply.intuit_tid))
    if reply.failed:
        return OutcomeUnknown(f"QuickBooks failed: HTTP {status}{_quoted(faults)}")
    if reply.refused:
        return Rejected(status, faults, reply.intuit_tid)
    if status >= HTTPStatus.BAD_REQUEST:
        return OutcomeUnknown(f"The answer is not from QuickBooks: HTTP {status} without an error code")
    return None


def document(reply: ApiReply) -> Entity:
    """Return the document of an answer.

    Raises:
        QuickBooksError: The error that the answer means.
    """
    error = error_of(reply)
    if error is not None:
        raise error
    try:
        found = _decoder.decode(reply.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise OutcomeUnknown(f"QuickBooks' answer could not be read: HTTP {reply.status}") from error
    if reply.status != HTTPStatus.OK or not isinstance(found, dict):
        raise OutcomeUnknown(f"QuickBooks' answer has an unknown status: HTTP {reply.status}")
    return found


def _quoted(faults: Sequence[FaultError]) -> str:
    return f" ({faults[0].code}: {faults[0].message})" if faults else ""


_decoder = msgspec.json.Decoder(float_hook=Decimal)
