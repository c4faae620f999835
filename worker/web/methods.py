"""Which methods an address has, for whoever asks by OPTIONS.

The framework's own answer names the methods of the route that it was registered with first, and not those that came to
the same address later.
"""

from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.routes import HTTPRoute


async def name_methods(request: Request[Any, Any, Any]) -> Response[None] | None:
    """Answer OPTIONS with all of them; leave other requests to their routes."""
    if request.method != "OPTIONS":
        return None
    path = request.scope["path_template"]
    routes = (route for route in request.app.routes if isinstance(route, HTTPRoute))
    methods = {str(method) for route in routes if route.path_format == path for method in route.methods}
    return Response(None, status_code=HTTPStatus.NO_CONTENT, headers={"allow": ", ".join(sorted(methods))})
