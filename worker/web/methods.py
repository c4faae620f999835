"""Answer OPTIONS with the methods of an address.

The framework's own answer names only the methods of the route that was registered first at the address.
"""

from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.routes import HTTPRoute


async def name_methods(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Answer OPTIONS with every method of the address; pass other requests to their routes."""
    if request.method != "OPTIONS":
        return None
    path = request.scope["path_template"]
    routes = (route for route in request.app.routes if isinstance(route, HTTPRoute))
    methods = {str(method) for route in routes if route.path_format == path for method in route.methods}
    return Response(None, status_code=HTTPStatus.NO_CONTENT, headers={"allow": ", ".join(sorted(methods))})
