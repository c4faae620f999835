"""The process manager's state in SQL: loaded when a decision reads it, written once for each batch."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from events.contract import json
from events.database import bulk
from events.log.tables import metadata
from worker.quote_to_cash import view
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.view import State, T, stream_of

# Compared by code points, as Python does: a portion of reconsidered streams begins after the last name of the one before.
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

process_state = sa.Table(
    "process_state",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("stream", sa.Text, primary_key=True),
    sa.Column("data", sa.Text, nullable=False),
)

process_waits = sa.Table(
    "process_waits",
    metadata,
    sa.Column("workspace", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("stream", _NAME, primary_key=True),
    # With every column, since SQLite would otherwise use the primary key, and read every waiting stream of the workspace.
    sa.Index("process_waits_stream", "workspace", "stream", "key"),
)

_STATE = sa.select(process_state.c.data).where(
    process_state.c.workspace == sa.bindparam("workspace_"),
    process_state.c.stream == sa.bindparam("stream_"),
)
_WAITING = (
    sa.select(process_waits.c.stream)
    .where(
        process_waits.c.workspace == sa.bindparam("workspace_"), process_waits.c.key == sa.bindparam("key_")
    )
    .order_by(process_waits.c.stream)
    .limit(sa.bindparam("limit_", type_=sa.Integer))
)
_STATE_KEY = (process_state.c.workspace, process_state.c.stream)
_WAITS_KEY = (process_waits.c.workspace, process_waits.c.key)
_WAITS = (process_waits.c.workspace, process_waits.c.key, process_waits.c.stream)
_WAITS_STREAM = (process_waits.c.workspace, process_waits.c.stream)


class StateStore:
    """The state of one workspace, read and written through a connection. It implements `View`."""

    def __init__(self, connection: sa.Connection, workspace: str) -> None:
        self.workspace_name = workspace
        self._connection = connection
        self._loaded: dict[tuple[type[State], str], Any] = {}  # each state is of the type in its key
        self._changed: dict[tuple[type[State], str], None] = {}
        self._waits: dict[str, tuple[str, ...]] = {}
        self._waiters: dict[str, set[str]] = {}
        self._read: dict[str, str] = {}
        self._known: set[str] = set()
        self._waiting: dict[str, set[str]] = {}

    def preload(self, streams: Sequence[str], waited_on: Sequence[str] = ()) -> None:
        """Load the state of streams, and the streams that wait on `waited_on`, in one query each."""
        keys = [(self.workspace_name, stream) for stream in dict.fromkeys(streams)]
        states = bulk.fetch(
            self._connection, (process_state.c.stream, process_state.c.data), _STATE_KEY, keys
        )
        self._read.update((stream, data) for stream, data in states)
        self._known.update(streams)
        keys = [(self.workspace_name, stream) for stream in dict.fromkeys(waited_on)]
        self._waiting.update((stream, set()) for stream in waited_on)
        for key, stream in bulk.fetch_few(
            self._connection, _WAITS_KEY, process_waits.c.stream, keys, view.AT_ONCE + 1
        ):
            self._waiting[key].add(stream)

    def get(self, kind: type[T], key: str = "") -> T:
        """Return the state of a stream; an unknown one is empty."""
        loaded: T | None = self._loaded.get((kind, key))
        if loaded is not None:
            return loaded
        stream = stream_of(kind, key)
        data = self._read.get(stream)
        if data is None and stream not in self._known:
            named = {"workspace_": self.workspace_name, "stream_": stream}
            data = self._connection.scalar(_STATE, named)
        state = json.decode(data, kind) if data is not None else kind()
        self._loaded[kind, key] = state
        return state

    def put(self, state: State, key: str = "") -> None:
        """Replace the state of a stream."""
        self._loaded[type(state), key] = state
        self._changed[type(state), key] = None

    def waiting(self, key: str) -> list[str]:
        """Return the streams that wait on `key`, in order; if they are more than AT_ONCE, only some of them."""
        stored = self._waiting.get(key)
        if stored is None:
            named = {"workspace_": self.workspace_name, "key_": key, "limit_": view.AT_ONCE + 1}
            stored = self._waiting[key] = set(self._connection.scalars(_WAITING, named))
        if len(stored) > view.AT_ONCE:
            return sorted(stored)
        waiters = self._waiters.get(key, ())
        return sorted((stored - self._waits.keys()).union(waiters)) if stored or waiters else []

    def set_waits(self, stream: str, keys: tuple[str, ...]) -> None:
        """Replace the keys that a stream waits on."""
        for key in self._waits.get(stream, ()):
            self._waiters[key].discard(stream)
        self._waits[stream] = keys
        for key in keys:
            self._waiters.setdefault(key, set()).add(stream)

    @property
    def workspace_changed(self) -> bool:
        """Whether the state of the workspace itself was replaced since the last flush."""
        return (WorkspaceState, "") in self._changed

    def flush(self) -> None:
        """Write the changed states and waits."""
        rows = [
            {
                "workspace": self.workspace_name,
                "stream": stream_of(*named),
                "data": json.encode(self._loaded[named]),
            }
            for named in self._changed
        ]
        bulk.upsert(self._connection, process_state, rows)
        self._flush_waits()
        self._changed.clear()

    def _flush_waits(self) -> None:
        """Write the keys that streams wait on, where they differ from the stored ones."""
        streams = [(self.workspace_name, stream) for stream in self._waits]
        stored = set(bulk.fetch(self._connection, _WAITS, _WAITS_STREAM, streams))
        wanted = {(self.workspace_name, key, stream) for stream, keys in self._waits.items() for key in keys}
        bulk.delete(self._connection, process_waits, _WAITS, sorted(stored - wanted))
        names = [column.name for column in _WAITS]
        added = [dict(zip(names, row, strict=True)) for row in sorted(wanted - stored)]
        bulk.insert(self._connection, process_waits, added)
        self._waits.clear()
        self._waiters.clear()
        self._waiting.clear()
