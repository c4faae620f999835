"""Requests that are refused on purpose: which, in which words and form, how often.

The real service refuses reads as well as writes, for reasons that have nothing to do with what was asked: a query
because of another invoice's bad e-mail address, everything because a subscription lapsed, anything because of a
proxy on the way. Such a refusal comes as JSON of either case, as XML, as a page in HTML, or with HTTP 200.
"""

from http.client import responses
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from worker.sandbox.failing.asked import Operation, OperationAsked
from worker.sandbox.faults import Fault
from worker.sandbox.messages import HTML, XML, Reply, json_reply

Form = Literal["json", "lower_case", "xml", "html"]
_XML = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><IntuitResponse time="{time}" '
    'xmlns="http://schema.intuit.com/finance/v3"><Fault type="{kind}"><Error code="{code}"><Message>{message}'
    "</Message><Detail>{detail}</Detail></Error></Fault></IntuitResponse>"
)


class Refusal(Struct, frozen=True, forbid_unknown_fields=True):
    """A rule by which requests are refused.

    Attributes:
        code: QuickBooks' code, such as 4002.
        status: The HTTP status; some refusals come with 200.
        form: How it is written; a page in HTML is a proxy's, and holds no code.
        message: In a few words.
        detail: In more.
        operations: The refused operations; all if none is named.
        entities: Of which entities, such as Invoice; of all if none is named.
        containing: Only where a statement or a body holds this text.
        rate: The share of such requests.
        times: How many of them at most.
        applied: Whether a write is applied all the same.
        delay_seconds: How long the refusal takes.
    """

    code: str = "4002"
    status: Annotated[int, Meta(ge=200, le=599)] = 400
    form: Form = "json"
    message: str = "Error in data"
    detail: str = "An error that has nothing to do with the request"
    operations: tuple[Operation, ...] = ()
    entities: tuple[str, ...] = ()
    containing: str = ""
    rate: Annotated[float, Meta(ge=0, le=1)] = 1.0
    times: Annotated[int, Meta(ge=0)] | None = None
    applied: bool = False
    delay_seconds: Annotated[float, Meta(ge=0)] = 0

    def concerns(self, asked: OperationAsked) -> bool:
        """Return whether it is about a request; about a request with several entities if it is about one of them."""
        entities = {name.casefold() for name in self.entities}
        return (
            asked.operation in (self.operations or (asked.operation,))
            and not (entities and entities.isdisjoint(name.casefold() for name in asked.entities))
            and self.containing in asked.text
        )

    def reply(self, instant: str, milliseconds: int) -> Reply:
        """Write it in its form."""
        if self.form == "html":
            title = f"{self.status} {responses.get(self.status, '')}".strip()
            page = f"<html><head><title>{title}</title></head><body>{title}</body></html>"
            return Reply(self.status, page.encode(), HTML)
        kind = "SERVICE" if self.status == 403 else "ValidationFault"  # noqa: PLR2004 - Forbidden
        if self.form == "xml":
            fields = {"code": self.code, "message": self.message, "detail": self.detail}
            return Reply(self.status, _XML.format(time=instant, kind=kind, **fields).encode(), XML)
        if self.form == "lower_case":
            error = {"message": self.message, "detail": self.detail, "code": self.code, "element": None}
            fault = {"error": [error], "type": kind}
            body = {"warnings": None, "fault": fault, "queryResponse": None, "time": milliseconds}
            return Reply(self.status, msgspec.json.encode(body))
        fault_ = Fault(self.code, self.message, self.detail, status=self.status, kind=kind)
        return json_reply(self.status, fault_.body(instant))
