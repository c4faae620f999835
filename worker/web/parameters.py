"""Refuse unknown parameters: a misspelt filter would return too many rows.

IDs in the address that contain U+0000 are refused too, since no database accepts it.
"""

import functools
from http import HTTPStatus
from typing import Any, get_args

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from worker.web.access import NEEDS, OPEN
from worker.web.problems import Problem


async def known_parameters(connection: ASGIConnection[Any, Any, Any, Any], route: BaseRouteHandler) -> None:
    """Check that a route knows every parameter of a request, and that each is given once; open routes ignore others.

    Raises:
        Problem: 400 `parameter_invalid`, `parameter_unknown` or `parameter_repeated`.
    """
    for name, value in connection.path_params.items():
        if isinstance(value, str) and "\0" in value:
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "parameter_invalid",
                f"{name}: The value contains the character U+0000",
                field=name,
            )
    if route.opt.get(NEEDS) in {OPEN, None}:
        return
    known = _known(route)
    given = [name for name, _ in connection.query_params.multi_items()]
    for name, value in connection.query_params.multi_items():
        if name not in known:
            there = f"choose from {', '.join(known)}" if known else "this route has no parameters"
            raise Problem(
                HTTPStatus.BAD_REQUEST,
                "parameter_unknown",
                f"Unknown parameter {name[:64]!r}; {there}",
                field=name[:64],
            )
        if given.count(name) > 1:
            raise Problem(HTTPStatus.BAD_REQUEST, "parameter_repeated", f"Give {name} once", field=name)
        if value.lower() == "null" and not known[name]:  # the framework would read it as a missing value
            raise Problem(
                HTTPStatus.BAD_REQUEST, "parameter_invalid", f"{name}: {value!r} is not a value", field=name
            )


@functools.cache  # there are as many routes as the code has
def _known(route: BaseRouteHandler) -> dict[str, bool]:
    """Return the names of a route's parameters, each with whether it accepts any text."""
    return {
        field.kwarg_definition.name or name: str in (field.annotation, *get_args(field.annotation))
        for name, field in route.parsed_fn_signature.parameters.items()
        if isinstance(field.kwarg_definition, QueryParameter)
    }
