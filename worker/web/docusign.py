"""`POST /webhooks/docusign/{workspace}`: DocuSign Connect; stored before it is answered."""

from http import HTTPStatus
from typing import Any

from litestar import Request, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from events import intake, json
from events.errors import Unusable
from events.intake import Record
from worker.docusign import keys
from worker.docusign.signatures import Verifier, signatures
from worker.received import received_total
from worker.services import Services
from worker.sources import docusign
from worker.web.events import answer, store
from worker.web.problems import Problem, of_received


@post("/webhooks/docusign/{name:str}", status_code=HTTPStatus.OK, summary="DocuSign Connect messages")
async def post_docusign(
    request: Request[Any, Any, Any], services: NamedDependency[Services], name: FromPath[str]
) -> Response[Any]:
    """Check the signature over the raw body under every key of the workspace, then store the event."""
    raw = await request.body()
    records = await services.database.read(keys.sealed, name)
    if records is None:
        raise Problem(HTTPStatus.NOT_FOUND, "workspace_unknown", f"There is no workspace {name[:64]!r}")
    verifier = Verifier(keys.opened(services.vault, name, records).keys)
    verifier.update(raw)
    if not verifier.fitting(signatures(request.headers.multi_items())):
        received_total.labels("docusign", "refused").inc()
        raise Problem(
            HTTPStatus.UNAUTHORIZED,
            "signature_invalid",
            "No X-DocuSign-Signature fits the body under any key",
        )
    if not _is_needed(raw):
        return Response({"outcome": "ignored"})
    (result,) = await store(services, [record(name, raw)], "docusign")
    if result.reason is not None:
        raise of_received(result)
    return Response(answer(result))


def record(workspace: str, raw: bytes) -> Record:
    """Read one message."""
    return intake.record(
        raw, "docusign", workspace, lambda body: docusign.read_message(body, workspace=workspace)
    )


def _is_needed(raw: bytes) -> bool:
    try:
        return docusign.is_needed(json.parse(raw))
    except Unusable:
        return True  # reading it again keeps it as a dead letter with its reason
