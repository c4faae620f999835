"""The state of one workspace as rules see it: each kind of state is read and replaced by its class and key."""

from typing import ClassVar, Protocol, TypeVar

from msgspec import Struct

# If more streams than these wait on a changed stream, they are reconsidered in portions.
AT_ONCE = 100

WORKSPACE = "workspace"
DOCUSIGN = "docusign"


class State(Struct, frozen=True):
    """The state of one stream; `kind` is the first part of the stream's name, such as `deal` of `deal/D-17`.

    A field is filled either by events from outside or by our own decisions, never by both. So replaying the log gives the
    same state as the decisions did, although our own events are later in the log.
    """

    kind: ClassVar[str]


T = TypeVar("T", bound=State)


def waits_key(part: str) -> str:
    """Return the key of a part of a workspace's state, such as `workspace/settings/paused`."""
    return f"{WORKSPACE}/{part}"


def stream_of(kind: type[State], key: str = "") -> str:
    """Return the name of a stream, such as `deal/D-17`."""
    return f"{kind.kind}/{key}" if key else kind.kind


class View(Protocol):
    """The state of one workspace, as decisions see it."""

    workspace_name: str

    def get(self, kind: type[T], key: str = "") -> T:
        """Return the state of a stream; an unknown one is empty."""
        ...

    def put(self, state: State, key: str = "") -> None:
        """Replace the state of a stream."""
        ...

    def waiting(self, key: str) -> list[str]:
        """Return the streams, such as `deal/D-17`, that wait on `key`, such as `account/A-9`, in order.

        If there are more than AT_ONCE, only some of them are returned, enough to see that there are more.
        """
        ...

    def set_waits(self, stream: str, keys: tuple[str, ...]) -> None:
        """Replace the keys that a stream waits on."""
        ...
