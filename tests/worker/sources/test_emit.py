"""A file is read correctly in any encoding, or refused whole with the remedy."""

import contextlib
import gzip
import io
import json
import os
import threading
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.contract.envelope import EVENT_BYTES_MAX
from events.log.dead_letters import listed
from tests import stories
from tests.world import World
from worker.sources import files, splitting
from worker.sources.files import FileUnusable, encoding_of, pieces
from worker.sources.inline import emit_file
from worker.sources.splitting import Broken

EVENTS = [
    stories.account("A-1", name="Müller & Söhne €"),
    stories.deal("D-1"),
    stories.deal("D-2"),
    stories.deal("D-3"),
]
LINES = [json.dumps(event, ensure_ascii=False) for event in EVENTS]
FORMS = {
    "lines": "\n".join(LINES),
    "lines with an end and empty ones": "\n\n".join(LINES) + "\n  \n\n",
    "CRLF": "\r\n".join(LINES) + "\r\n",
    "CR": "\r".join(LINES),
    "one behind the other": "".join(LINES),
    "over many lines": "\n".join(json.dumps(event, indent=2) for event in EVENTS),
    "over many lines with CRLF": "\r\n".join(json.dumps(event, indent="\t") for event in EVENTS).replace(
        "\n", "\r\n"
    ),
    "an array": json.dumps(EVENTS, ensure_ascii=False),
    "an array over many lines": json.dumps(EVENTS, indent=2),
    "an array with a line each": "[\n" + ",\n".join(LINES) + "\n]\n",
    "several arrays": f"[{LINES[0]}]\n[]\n[{','.join(LINES[1:])}]",
    "both": f"{LINES[0]}\n{json.dumps(EVENTS[1], indent=2)}\n{json.dumps(EVENTS[2:], indent=1)}",
}
ENCODINGS = {
    "utf-8": "utf-8",
    "utf-8 with a mark": "utf-8-sig",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "utf-32": "utf-32",
    "utf-32-le": "utf-32-le",
    "utf-32-be": "utf-32-be",
}


@pytest.fixture
async def acme(world: World) -> World:
    await world.add_workspace("acme")
    return world


async def emitted(world: World, path: Path) -> Counter[str]:
    return await emit_file(world.services.database, world.clock, path, "acme", lambda _: None)


async def emit(world: World, directory: Path, raw: bytes, name: str = "events.json") -> Counter[str]:
    path = directory / name
    path.write_bytes(raw)
    return await emitted(world, path)


def split(raw: bytes) -> list[tuple[int, str]]:
    return list(splitting.values(pieces(io.BytesIO(raw))))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("form", FORMS)
def test_an_event_is_the_same_in_any_encoding_of_its_file(form: str, encoding: str) -> None:
    raw = FORMS[form].encode(ENCODINGS[encoding])
    for written in (raw, gzip.compress(raw, mtime=0)):
        assert [json.loads(text) for _, text in split(written)] == EVENTS


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_of_a_file_is_read(acme: World, tmp_path: Path, form: str) -> None:
    assert await emit(acme, tmp_path, FORMS[form].encode()) == {
        "appended": 4,
        "duplicate": 0,
        "conflict": 0,
        "dead": 0,
    }
    assert await emit(acme, tmp_path, gzip.compress(FORMS["CRLF"].encode("utf-16"))) == {
        "appended": 0,
        "duplicate": 4,
        "conflict": 0,
        "dead": 0,
    }
    assert (await acme.log())[0].event.payload.name == "Müller & Söhne €"


MARK = "\ufeff".encode()
GOOD = FORMS["an array over many lines"].encode()
REFUSED: dict[str, tuple[bytes, str]] = {
    "latin-1": (
        FORMS["lines"].replace("€", "").encode("latin-1"),
        "not UTF-8 in line 1 (byte 0xfc). Save it as UTF-8",
    ),
    "half of UTF-16": (FORMS["lines"].encode("utf-16")[:-1], "not UTF-16"),
    "half a surrogate": (
        b"\xff\xfe" + '"'.encode("utf-16-le") + b"\x00\xd8" + '"'.encode("utf-16-le"),
        "not UTF-16",
    ),
    "a byte in the middle": (FORMS["lines"].encode() + b'\n{"a":"\xff"}', "in line 5"),
    "half of gzip": (gzip.compress(os.urandom(100) + GOOD)[:-9], "truncated or damaged"),
    "damaged gzip": (gzip.compress(GOOD, mtime=0)[:-8] + b"\0" * 8, "truncated or damaged"),
    "no gzip": (b"\x1f\x8b" + GOOD, "truncated or damaged"),
    "a ZIP archive": (b"PK\x03\x04" + b"\0" * 30, "ZIP archive"),
    "half an array": (GOOD[:-2], "ends within an array"),
    "half an event of an array": (GOOD[: len(GOOD) // 2], "Invalid JSON"),
    "behind an array": (GOOD + b"garbage", "Expected an event, got 'garbage'"),
    "behind an event over many lines": (FORMS["over many lines"].encode() + b"\n--", "got '--'"),
    "a comma too many": (b"[" + LINES[0].encode() + b",]", "Invalid JSON"),
    "no comma": (("[\n" + "\n".join(LINES) + "\n]").encode(), "Expected a comma or the end of the array"),
    "text": (b"Dear all,\nplease find attached the events.\n", "Expected an event, got 'Dear all,'"),
    "CSV": (b"deal,amount\nD-1,5\n", "Expected an event"),
    "numbers": (b"1\n2\n3\n", "Expected an event"),
    "zeros": (bytes(10_000), "Expected an event"),
    "half an event over many lines": (json.dumps(EVENTS[0], indent=2).encode()[:-3], "Invalid JSON"),
    "a quote that never ends": (b'{"a":"' + b"x" * 3 * EVENT_BYTES_MAX, "more than 1 MiB"),
    "levels without end": (b"[" * 5 + b"[" * 2_000_000, "levels of nesting"),
}


@pytest.mark.parametrize(("raw", "said"), REFUSED.values(), ids=REFUSED)
async def test_an_unreadable_file_is_refused_whole(
    acme: World, tmp_path: Path, raw: bytes, said: str
) -> None:
    with pytest.raises(FileUnusable) as refused:
        await emit(acme, tmp_path, raw)
    assert said in str(refused.value)
    assert str(refused.value).endswith("no event was stored.")
    assert await acme.log() == []
    assert await acme.services.database.read(listed, "acme") == []


@pytest.mark.parametrize(
    "raw", [b"", b"\n \r\n", MARK, "".encode("utf-16"), b"[]", b"[\n]\n", gzip.compress(b"", mtime=0)]
)
async def test_a_file_without_events_has_none(acme: World, tmp_path: Path, raw: bytes) -> None:
    assert (await emit(acme, tmp_path, raw)).total() == 0


async def test_a_bad_line_spoils_no_other(acme: World, tmp_path: Path) -> None:
    bad = ["{broken", '{"a":' + "[" * 5000, '"' + "x" * (2 * EVENT_BYTES_MAX) + '"', "5"]
    text = "\ufeff" + "\n".join([LINES[0], bad[0], LINES[1], "", bad[1], bad[2], LINES[2], bad[3], LINES[3]])
    assert await emit(acme, tmp_path, text.encode()) == {
        "appended": 4,
        "duplicate": 0,
        "conflict": 0,
        "dead": 4,
    }
    letters = await acme.services.database.read(listed, "acme")
    assert {(letter["origin"], letter["reason"]) for letter in letters} == {
        ("file:events.json:2", "undecodable"),
        ("file:events.json:5", "nesting_too_deep"),
        ("file:events.json:6", "too_large"),
        ("file:events.json:8", "schema_invalid"),
    }


async def test_a_bad_event_is_named_by_the_line_where_it_begins(acme: World, tmp_path: Path) -> None:
    text = json.dumps([EVENTS[0], 5, {"specversion": "1.0"}, EVENTS[1]], indent=1)
    assert (await emit(acme, tmp_path, text.encode()))["appended"] == 2
    letters = await acme.services.database.read(listed, "acme")
    rows = text.split("\n")
    assert {letter["origin"] for letter in letters} == {
        f"file:events.json:{rows.index(' 5,') + 1}",
        f"file:events.json:{rows.index(' 5,') + 2}",
    }


async def test_files_put_together_keep_their_marks(acme: World, tmp_path: Path) -> None:
    raw = MARK + LINES[0].encode() + b"\n" + MARK + LINES[1].encode()
    assert (await emit(acme, tmp_path, raw))["appended"] == 2
    raw = MARK + LINES[2].encode() + b"\nbroken\n" + MARK + LINES[3].encode()
    assert (await emit(acme, tmp_path, raw))["appended"] == 2


async def test_a_pipe_is_read_like_a_file(acme: World, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writing = threading.Thread(target=lambda: path.write_bytes(FORMS["lines"].encode()))
    writing.start()
    assert (await emitted(acme, path))["appended"] == 4
    writing.join()


@pytest.mark.parametrize("form", ["lines", "an array", "over many lines"])
def test_the_size_of_a_file_does_not_matter(tmp_path: Path, form: str) -> None:
    path = tmp_path / "large"
    open_, between, close = {
        "lines": ("", "\n", ""),
        "an array": ("[", ",", "]"),
        "over many lines": ("", "", ""),
    }[form]
    event = json.dumps({**EVENTS[1], "x": "y" * 50_000}, indent=2 if form == "over many lines" else None)
    with path.open("w") as file:
        file.write(open_ + between.join([event] * 600) + close)
    tracemalloc.start()
    with files.opened(path) as opened:
        assert sum(1 for _ in splitting.values(pieces(opened))) == 600
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 12 * 1024 * 1024


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(FORMS)), st.sampled_from(sorted(ENCODINGS)), st.integers(4, 300))
def test_however_a_text_is_cut_into_pieces_it_is_the_same(form: str, encoding: str, size: int) -> None:
    raw = FORMS[form].encode(ENCODINGS[encoding])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "PIECE_BYTES", size)
        assert [json.loads(text) for _, text in split(raw)] == EVENTS


@given(st.text('[]{}",:0 \n\\xa\ufeff', max_size=30) | st.binary(max_size=30))
def test_any_file_is_taken_apart_or_refused(content: str | bytes) -> None:
    raw = content.encode() if isinstance(content, str) else content
    with contextlib.suppress(Broken, FileUnusable):
        for _, text in split(raw):
            json.loads(text, strict=False)


@pytest.mark.parametrize("encoding", ENCODINGS.values())
@pytest.mark.parametrize("text", ["{}", "[{", ' {"é', "\n{", '{"\u4e00'])
def test_an_encoding_is_recognised_by_the_first_bytes(text: str, encoding: str) -> None:
    raw = text.encode(encoding)
    assert raw.decode(encoding_of(raw)) == text
