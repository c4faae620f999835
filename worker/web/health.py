"""`/livez` says that the process runs; `/readyz` that it can take events."""

from http import HTTPStatus

from litestar import Response, get
from litestar.di import NamedDependency

from events import log, subscriptions
from worker.services import Services


@get("/livez", include_in_schema=False)
async def livez() -> dict[str, bool]:
    """Answer as long as the process runs; nothing outside can make it fail."""
    return {"live": True}


@get("/readyz", include_in_schema=False)
async def readyz(services: NamedDependency[Services]) -> Response[dict[str, object]]:
    """Answer 200 when the log can be read, and say how far each subscription is behind."""
    head = await services.database.read(log.head)
    checkpoints = await services.database.read(subscriptions.checkpoints)
    behind = {name: head - position for name, position in sorted(checkpoints.items())}
    return Response({"ready": True, "head": head, "behind": behind}, status_code=HTTPStatus.OK)
