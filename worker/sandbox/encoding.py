"""Bodies that are compressed with gzip, as Intuit's own SDKs send and ask for them."""

import gzip
import zlib

from msgspec.structs import replace

from worker.sandbox import faults
from worker.sandbox.messages import Reply, Request

BODY_BYTES_MAX = 8 * 1024 * 1024
# Shorter answers gain nothing.
_BYTES_MIN = 256
_GZIP = zlib.MAX_WBITS | 16  # what zlib calls its format with gzip's header


def decompressed(request: Request) -> Request:
    """Return a request with its body as it was before it was compressed.

    Raises:
        Fault: The body is damaged, incomplete, above the limit, or compressed in another way.
    """
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity" or not request.body:
        return request
    if encoding not in {"gzip", "x-gzip"}:
        raise faults.malformed(f"Content-Encoding {encoding} is not supported")
    reader = zlib.decompressobj(_GZIP)
    try:
        body = reader.decompress(request.body, BODY_BYTES_MAX)
    except zlib.error:
        raise faults.malformed("The body is not in gzip format") from None
    if not reader.eof or reader.unused_data:
        raise faults.malformed("The body is incomplete, or has more than 8 MB")
    return replace(request, body=body)


def compressed(reply: Reply, accepted: str) -> Reply:
    """Return an answer compressed if its receiver accepts gzip: `accepted` is its header Accept-Encoding."""
    if len(reply.body) < _BYTES_MIN or reply.broken is not None or not _accepts_gzip(accepted):
        return reply
    headers = {**reply.headers, "content-encoding": "gzip", "vary": "Accept-Encoding"}
    return replace(reply, body=gzip.compress(reply.body, compresslevel=1, mtime=0), headers=headers)


def _accepts_gzip(accepted: str) -> bool:
    for each in accepted.lower().split(","):
        name, _, quality = each.replace(" ", "").partition(";")
        if name in {"gzip", "x-gzip", "*"}:
            return quality.removeprefix("q=").rstrip("0") not in {"", "."} if quality else True
    return False
