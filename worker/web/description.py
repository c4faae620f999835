"""The OpenAPI description: the scope and the answers of each route, and the meaning of every field.

A route declares `**described(Scope.READ, 400, 404)`: the scope that it needs, and the statuses of its refusals, beside
those that every route with a token has. The meanings of fields come from the structs' docstrings, so they are written
once.
"""

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Router
from litestar._openapi.schema_generation.plugins.struct import StructSchemaPlugin
from litestar.openapi import OpenAPIConfig, ResponseSpec
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec.base import BaseSchemaObject
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import PathParameter
from litestar.typing import FieldDefinition
from msgspec import Struct

from worker.web.access import NEEDS, OPEN
from worker.web.problems import MEDIA_TYPE, ProblemDetails
from worker.workspaces.api_tokens import Scope

SCHEMA_PATH = "/api/v1/schema"
TOKEN = "token"  # noqa: S105 - the name of the scheme

_ATTRIBUTES = re.compile(r"^Attributes:\n(.*)", re.MULTILINE | re.DOTALL)
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)
# An example for each status of a refusal: the reason and the detail.
_REFUSALS = {
    400: ("parameter_invalid", "limit: Expected `int` <= 1000"),
    401: ("token_missing", "Send an API token of the workspace: Authorization: Bearer …"),
    403: (
        "scope_missing",
        "This request needs a token with the scope act; yours has read. Add one: q2c workspace token add --scope act",
    ),
    404: ("deal_unknown", "No event has named a deal 'D-99'."),
    408: ("too_slow", "The message did not arrive in 60 s; send it again"),
    409: ("identity_conflict", "Another event has this source and id"),
    413: ("too_large", "A request can have at most 1048576 bytes"),
    422: ("schema_invalid", "currency: Expected `str` matching regex '^[A-Z]{3}(?!\\\\n)$'"),
    429: (
        "rate_limited",
        "This token has reached its rate limit; no event was stored. Send the request again in 3 s.",
    ),
    502: ("quickbooks_did_not_answer", "QuickBooks did not answer"),
    503: ("database_unavailable", "Nothing was stored. Please send the request again in a moment."),
}
_CHALLENGE = OpenAPIHeader(
    schema=Schema(type=OpenAPIType.STRING), description="How to authenticate (RFC 6750)."
)
_RETRY_AFTER = OpenAPIHeader(
    schema=Schema(type=OpenAPIType.INTEGER, minimum=0), description="Seconds to wait before the retry."
)
_HEADERS = {
    "401": ("WWW-Authenticate", _CHALLENGE),
    "403": ("WWW-Authenticate", _CHALLENGE),
    "429": ("Retry-After", _RETRY_AFTER),
    "503": ("Retry-After", _RETRY_AFTER),
}


@dataclass
class Described(Operation):
    """An operation whose refusals name their headers, and whose parameters are left out rather than null."""

    def __post_init__(self) -> None:
        """Change the operation's description accordingly."""
        for parameter in self.parameters or []:
            if isinstance(parameter, Parameter) and isinstance(parameter.schema, Schema):
                parameter.schema = _without_null(parameter.schema)
        if isinstance(self.request_body, RequestBody):
            self.request_body.required = not any(map(_takes_null, self.request_body.content.values()))
        for status, (name, header) in _HEADERS.items():
            response = (self.responses or {}).get(status)
            if isinstance(response, OpenAPIResponse):
                response.headers = {name: header}


@dataclass
class _Shown(BaseSchemaObject):
    """A body with its null values, which the framework would omit."""

    body: dict[str, Any]

    def to_schema(self) -> dict[str, Any]:
        """Return the body."""
        return self.body


def described(
    needs: Scope | str,
    *statuses: int,
    operation: type[Described] = Described,
    also: Mapping[int, ResponseSpec] | None = None,
) -> Mapping[str, Any]:
    """Return the arguments of a route's declaration.

    Args:
        needs: The scope that the route needs, or `OPEN`.
        statuses: The statuses of its refusals, beside 503, and beside 401 and 403 if it needs a token.
        operation: The class that describes it, if the framework does not read its body.
        also: Its further answers.
    """
    of_tokens = () if needs == OPEN else (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    refusals = sorted({*statuses, *of_tokens, HTTPStatus.SERVICE_UNAVAILABLE})
    return {
        NEEDS: needs,
        "security": [] if needs == OPEN else [{TOKEN: []}],
        "responses": {**{int(status): _refusal(status) for status in refusals}, **(also or {})},
        "operation_class": operation,
    }


def identifier(description: str, example: str) -> PathParameter:
    """Describe an ID in the path; the action itself checks it, and names the field in its refusal."""
    extra = {"minLength": 1, "maxLength": 128, "examples": [example]}
    return PathParameter(description=description, schema_extra=extra)


def openapi_config() -> OpenAPIConfig:
    """Return the configuration of the OpenAPI description."""
    return OpenAPIConfig(
        title="Coeffection for QuickBooks",
        version="1",
        description="Invoices signed deals in QuickBooks Online. Every request is about the workspace of its token."
        " Amounts are decimals in strings; instants are in UTC. Lists have pages: send `next_cursor` as `cursor` until it"
        " is null. Every refusal is a problem (RFC 9457) with a stable `reason`.",
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                TOKEN: SecurityScheme(
                    type="http",
                    scheme="bearer",
                    description="An API token of the workspace, with the route's scope: q2c workspace token add",
                )
            }
        ),
        openapi_router=Router(SCHEMA_PATH, route_handlers=[], opt={NEEDS: OPEN}, include_in_schema=False),
    )


class Structs(StructSchemaPlugin):
    """Describes structs by their docstrings, and adds examples.

    Args:
        examples: An example of each struct that is a whole body.
    """

    def __init__(self, examples: Mapping[type[Struct], Struct]) -> None:
        self._examples = examples

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        """Return the schema of a struct with its descriptions."""
        schema = super().to_openapi_schema(field_definition, schema_creator)
        kind = field_definition.type_
        summary, fields = documented(kind)
        schema.description = summary
        for name, property_schema in (schema.properties or {}).items():
            if name in fields:
                property_schema.description = fields[name]
        example = self._examples.get(kind)
        if example is not None:
            schema.examples = [_Shown(msgspec.json.decode(msgspec.json.encode(example)))]
        return schema


def documented(kind: type) -> tuple[str, dict[str, str]]:
    """Return the description of a class, and of each of its attributes, including inherited ones, by the docstrings."""
    said: dict[str, str] = {}
    summary = ""
    for each in reversed(kind.__mro__):
        text = inspect.cleandoc(each.__doc__ or "")
        found = _ATTRIBUTES.search(text)
        summary = text[: found.start()] if found else text
        said |= {
            name: " ".join(words.split()) for name, words in _ATTRIBUTE.findall(found[1] if found else "")
        }
    return " ".join(summary.split()), said


def _without_null(schema: Schema) -> Schema:
    """Return the schema of an optional parameter without null: a parameter in an address is never null."""
    [kind] = [each for each in schema.one_of or () if not _is_null(each)] or [schema]
    if isinstance(kind, Reference):
        return replace(schema, one_of=None, all_of=[kind])
    return replace(
        schema,
        one_of=None,
        type=OpenAPIType.STRING if isinstance(kind.type, list) else kind.type,
        format=schema.format or kind.format,
        enum=None if schema.enum is None else [value for value in schema.enum if value is not None],
    )


def _takes_null(media: OpenAPIMediaType) -> bool:
    return isinstance(media.schema, Schema) and any(map(_is_null, media.schema.one_of or ()))


def _is_null(schema: Schema | Reference) -> bool:
    return isinstance(schema, Schema) and schema.type == OpenAPIType.NULL


def _refusal(status: int) -> ResponseSpec:
    reason, detail = _REFUSALS[status]
    example = ProblemDetails(
        type=f"urn:coeffection:problem:{reason}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        reason=reason,
    )
    return ResponseSpec(
        data_container=ProblemDetails,
        generate_examples=False,
        description=HTTPStatus(status).phrase,
        media_type=MEDIA_TYPE,
        examples=[Example(value=msgspec.to_builtins(example))],
    )
