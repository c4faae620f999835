"""Read a file of events as text in any supported encoding, in pieces, so that it may have any size."""

import codecs
import gzip
import io
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PIECE_BYTES = 1024 * 1024
GZIP = b"\x1f\x8b"
_OTHERS = {
    b"PK\x03\x04": "a ZIP archive or an Office document",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"SQLite format 3": "a SQLite database",
    b"%PDF": "a PDF",
}


class FileUnusable(Exception):
    """A file can't be read as events; the message has the problem and the remedy. No event of it was stored."""


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file so that it can be read more than once; a pipe is copied to disk first."""
    with path.open("rb") as file:
        if path.is_file():
            yield file
            return
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(file, copy)
            yield copy


def pieces(file: BinaryIO) -> Iterator[str]:
    """Yield a file's text from its beginning: decompressed, without a byte order mark, lines ending in a line feed.

    Raises:
        FileUnusable: The file is no text.
    """
    file.seek(0)
    packed = file.read(len(GZIP)) == GZIP
    file.seek(0)
    source: BinaryIO = gzip.GzipFile(fileobj=file) if packed else file  # type: ignore[assignment] # it reads like one
    piece = _read(source)
    for magic, kind in _OTHERS.items():
        if piece.startswith(magic):
            raise FileUnusable(f"The file is {kind}. Unpack or export it as JSON first; no event was stored.")
    encoding = encoding_of(piece)
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(), translate=True)
    line = 1
    while True:
        try:
            text = decoder.decode(piece, final=not piece)
        except UnicodeError as error:
            raise FileUnusable(_no_text(error, encoding, line)) from error
        line += text.count("\n")
        yield text
        if not piece:
            return
        piece = _read(source)


def encoding_of(beginning: bytes) -> str:
    """Return the encoding of JSON by its first bytes: by a byte order mark, or because JSON begins in ASCII."""
    if beginning.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    zeros = "".join("-0"[byte == 0] for byte in beginning[:4])
    without_mark = {"000-": "utf-32-be", "-000": "utf-32-le", "0-0-": "utf-16-be", "-0-0": "utf-16-le"}
    return without_mark.get(zeros, "utf-8-sig")


def _read(source: BinaryIO) -> bytes:
    try:
        return source.read(PIECE_BYTES)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileUnusable(
            f"The gzip file is truncated or damaged ({error}). Copy it again; no event was stored."
        ) from error


def _no_text(error: UnicodeError, encoding: str, line: int) -> str:
    name = encoding.removesuffix("-sig").upper()
    where, what = f"near line {line}", ""
    if isinstance(error, UnicodeDecodeError):
        before = error.object[: error.start].decode(encoding, "ignore")
        where = f"in line {line + before.count(chr(10))}"
        what = f" (byte 0x{error.object[error.start : error.start + 1].hex()})"
    return f"The file is not {name} {where}{what}. Save it as UTF-8; no event was stored."
