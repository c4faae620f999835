"""The OpenAPI description of the bodies that doors read by themselves."""

from dataclasses import dataclass
from typing import Any

from litestar.openapi.spec import Example, OpenAPIMediaType, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from events.contract import catalog, media
from worker.web.description import Described

TYPES = [name for name, kind in catalog.TYPES.items() if kind.direction == "in"]
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "01J8Z6T4",
    "source": "https://crm.coeffection.example",
    "type": catalog.ACCOUNT_UPDATED,
    "subject": "A-9",
    "workspace": "acme",
    "time": "2026-05-05T16:30:12Z",
    "data": {"account_id": "A-9", "revision": 1, "name": "Acme Inc.", "currency": "USD"},
}
MESSAGE: dict[str, Any] = {
    "event": "envelope-completed",
    "generatedDateTime": "2026-05-05T16:30:12Z",
    "data": {
        "envelopeId": "e-1",
        "envelopeSummary": {
            "status": "completed",
            "completedDateTime": "2026-05-05T16:30:12Z",
            "customFields": {"textCustomFields": [{"name": "deal_id", "value": "D-17"}]},
        },
    },
}
CHANGE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "8a7c3f0e-5d0c-4a59-9f5b-0c6d1f3a2b11",
    "source": "intuit.dsJ8V2xyTbQ=",
    "type": "qbo.customer.updated.v1",
    "datacontenttype": "application/json",
    "time": "2026-05-05T16:30:12.179851517Z",
    "intuitentityid": "58",
    "intuitaccountid": "9341453908059621",
    "data": {},
}
CLASSIC: dict[str, Any] = {
    "eventNotifications": [
        {
            "realmId": "9341453908059621",
            "dataChangeEvent": {
                "entities": [
                    {
                        "id": "58",
                        "operation": "Update",
                        "name": "Customer",
                        "lastUpdated": "2026-05-05T16:30:12.179Z",
                    }
                ]
            },
        }
    ]
}


def _text(description: str, **more: Any) -> Schema:
    return Schema(type=OpenAPIType.STRING, description=description, **more)


def _optional(description: str) -> Schema:
    """Describe an attribute that may be empty or null, with the same meaning as missing."""
    return Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL], description=description)


def _event(*, with_data: bool = True) -> Schema:
    data = Schema(type=OpenAPIType.OBJECT, description="The event's data, in the shape of its type.")
    return Schema(
        type=OpenAPIType.OBJECT,
        description="A CloudEvent 1.0; attributes that are not named here are stored too.",
        required=["specversion", "id", "source", "type", *(["data"] if with_data else [])],
        properties={
            "specversion": Schema(const="1.0", description="The version of CloudEvents."),
            "id": _text("Unique for its source.", min_length=1, max_length=128),
            "source": _text("The producer of the event, such as a URN.", min_length=1, max_length=300),
            "type": _text("The event's type, which defines its data.", enum=TYPES),
            "subject": _optional("The deal, account or contract that it is about."),
            "workspace": _optional("The workspace of the token."),
            "time": _optional("When it happened, as RFC 3339 writes it; without it, now."),
            "data": data,
        },
    )


@dataclass
class EventsOperation(Described):
    """`POST /events`."""

    def __post_init__(self) -> None:
        """Describe the request's body."""
        batch = Schema(type=OpenAPIType.ARRAY, items=_event(), max_items=1000)
        anything = Schema(
            type=OpenAPIType.OBJECT,
            description="One CloudEvent; or in binary mode, with its attributes in headers ce-…, its data.",
        )
        self.request_body = RequestBody(
            required=True,
            description="One CloudEvent, or a batch of at most 1,000.",
            content={
                media.STRUCTURED: OpenAPIMediaType(
                    schema=_event(), examples={"account": Example(value=EVENT)}
                ),
                media.BATCH: OpenAPIMediaType(schema=batch, examples={"one": Example(value=[EVENT])}),
                "application/json": OpenAPIMediaType(
                    schema=anything, examples={"account": Example(value=EVENT)}
                ),
            },
        )
        super().__post_init__()


@dataclass
class DocusignOperation(Described):
    """`POST /webhooks/docusign/{workspace}`."""

    def __post_init__(self) -> None:
        """Describe the request's body."""
        message = Schema(
            type=OpenAPIType.OBJECT,
            description="A message of DocuSign Connect (JSON SIM), signed in X-DocuSign-Signature-… under a key of the"
            " workspace, with the deal's id in the envelope's custom field deal_id.",
        )
        self.request_body = RequestBody(
            required=True,
            content={
                "application/json": OpenAPIMediaType(
                    schema=message, examples={"completed": Example(value=MESSAGE)}
                )
            },
        )
        super().__post_init__()


@dataclass
class QuickBooksOperation(Described):
    """`POST /webhooks/quickbooks`."""

    def __post_init__(self) -> None:
        """Describe the request's body."""
        delivery = Schema(
            one_of=[
                Schema(
                    type=OpenAPIType.ARRAY,
                    items=Schema(type=OpenAPIType.OBJECT),
                    description="CloudEvents of Intuit's, in any companies.",
                ),
                Schema(
                    type=OpenAPIType.OBJECT,
                    description="The classic form: the changes by company.",
                ),
            ],
            description="A delivery of Intuit's webhooks, in either of their forms, signed in intuit-signature under the"
            " app's verifier token.",
        )
        self.request_body = RequestBody(
            required=True,
            content={
                "application/json": OpenAPIMediaType(
                    schema=delivery,
                    examples={"cloudevents": Example(value=[CHANGE]), "classic": Example(value=CLASSIC)},
                )
            },
        )
        super().__post_init__()
