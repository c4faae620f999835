"""Spreadsheets as CSV: as Excel writes and reads them, with a byte order mark, commas, semicolons or tabs."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from worker.cli.failing import Unusable

SHEET_BYTES_MAX = 256 * 1024 * 1024
# A cell that begins with one of these would be a formula; an apostrophe before it makes it a text.
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def write(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]], delimiter: str = ","
) -> None:
    """Write rows with a heading.

    Raises:
        Unusable: The file can't be written.
    """
    try:
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter)
            writer.writerow(columns)
            writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    except OSError as error:
        raise Unusable(f"{path} can't be written: {error.strerror}.") from error


def read(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows that are not empty, each with its line, by the headings in small letters.

    Raises:
        Unusable: The file is too large, no UTF-8, or no CSV.
    """
    heading: list[str] | None = None
    for line, cells in lines(path):
        if heading is None:
            heading = [cell.strip().casefold() for cell in cells]
            continue
        row = {name: _text(cell) for name, cell in zip(heading, cells, strict=False)}
        if any(row.values()):
            yield line, row


def lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the cells of each row, the heading first, with the number of the row's last line.

    Raises:
        Unusable: The file is too large, no UTF-8, or no CSV.
    """
    if path.stat().st_size > SHEET_BYTES_MAX:
        raise Unusable(f"{path} is larger than {SHEET_BYTES_MAX // 1024**2} MiB.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable(f"{path} is not UTF-8; save it as CSV UTF-8.") from error
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        for cells in reader:
            yield reader.line_num, cells
    except csv.Error as error:
        raise Unusable(f"{path}, line {reader.line_num}: {error}.") from error


def _cell(value: object) -> str:
    text = "" if value is None else ", ".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(FORMULAS) else text


def _text(cell: str) -> str:
    text = cell.strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULAS) else text
