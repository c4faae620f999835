"""The keys of a workspace's state: the parts that change separately, and on which other streams wait.

Most events of a workspace change one setting or the company. A deal waits only on the keys that its gates have read, so
a change of another key does not reconsider it.
"""

from typing import Any, cast

from msgspec.structs import replace

from events.contract.administration import SettingsChanged
from events.contract.catalog import SYNC_CLOCK
from events.contract.observed import SyncBegan, SyncCompleted
from events.contract.values import Fact
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.view import DOCUSIGN, State, T, View, stream_of, waits_key
from worker.workspaces.settings import Settings

COMPANY = waits_key("company")
BEING_READ = waits_key("being_read")
CREATING = waits_key("creating")  # the rule by which customers of unmapped accounts are created now
IN_STEP = waits_key("in_step")  # all of a workspace that says how accounts and customers are kept in step
UNMAPPED_PRODUCT = waits_key("settings/unmapped_product")
_OF_THEIR_OWN = {
    DOCUSIGN: DOCUSIGN,
    "batches_since": SYNC_CLOCK,
    "being_read": BEING_READ,
    "default_item_realm": UNMAPPED_PRODUCT,
}  # the keys of parts that change on their own
# The settings from which a property of the settings follows.
_FROM_SETTINGS = {
    "unmapped_account_rule": ("unmapped_account", "customer_sync"),
    "unmapped_customer_rule": ("unmapped_customer", "customer_sync"),
}
# The readings of the company are counted by the rule that commands them, and by no gate.
_COUNTS = frozenset({"reads_wanted", "reads_commanded"})


def of_setting(name: str) -> str:
    """Return the key of a setting."""
    return waits_key(f"settings/{name}")


# The keys whose changes can delay an invoice's command until its outcome is known.
HOLDING_UP = (COMPANY, of_setting("paused"), of_setting("time_zone"))


def changed(before: WorkspaceState, after: WorkspaceState) -> list[str]:
    """Return the keys under which two states of a workspace differ."""
    settings = [
        of_setting(name)
        for name in Settings.__struct_fields__
        if getattr(before.settings, name) != getattr(after.settings, name)
    ]
    company = [COMPANY] if _of_company(before) != _of_company(after) else []
    docusign = [DOCUSIGN] if before.docusign != after.docusign else []
    being_read = [BEING_READ] if before.being_read != after.being_read else []
    chosen_again = [UNMAPPED_PRODUCT] if before.default_item_realm != after.default_item_realm else []
    creating = [CREATING] if before.creates_customers != after.creates_customers else []
    in_step = [IN_STEP] if before.in_step != after.in_step else []
    more = (*docusign, *being_read, *chosen_again, *creating, *in_step)
    return list(dict.fromkeys([*settings, *company, *more]))


def likely_changed(payload: Fact) -> list[str]:
    """Return the keys that an event of a workspace may change, to load the streams that wait on them at once."""
    if isinstance(payload, SettingsChanged):
        return [*(of_setting(name) for name in payload.changes), CREATING, IN_STEP]
    if isinstance(payload, SyncBegan | SyncCompleted):
        return [BEING_READ, CREATING]
    return [COMPANY, CREATING, IN_STEP]


def _of_company(state: WorkspaceState) -> WorkspaceState:
    """Return the state without its settings and the other parts that have keys of their own, and without counts."""
    counts = {"reads_wanted": 0, "reads_commanded": 0}
    return replace(
        state,
        chosen={},
        default_item_realm=None,
        instants={},
        docusign=None,
        batches_since=None,
        being_read=(),
        **counts,
    )


class ReadThrough:
    """A view that records the keys that are read through it. It implements `View`, for reading."""

    def __init__(self, view: View) -> None:
        self.workspace_name = view.workspace_name
        self.keys: dict[str, None] = {}
        self._view = view

    def get(self, kind: type[T], key: str = "") -> T:
        """Return the state of a stream, and record its key; for the workspace, record only the parts that are read."""
        state = self._view.get(kind, key)
        if kind is WorkspaceState:
            return cast(T, _WorkspaceRead(cast(WorkspaceState, state), self.keys))
        self.keys[stream_of(kind, key)] = None
        return state

    def put(self, state: State, key: str = "") -> None:
        """Raise an error: gates change no state."""
        raise TypeError(f"A gate replaced {stream_of(type(state), key)}")

    def waiting(self, key: str) -> list[str]:
        """Return the streams that wait on a key."""
        return self._view.waiting(key)

    def set_waits(self, stream: str, keys: tuple[str, ...]) -> None:
        """Raise an error: gates change no state."""
        raise TypeError(f"A gate changed the keys that {stream} waits on: {keys}")


class _WorkspaceRead:
    """The state of a workspace; it records the keys that are read."""

    def __init__(self, state: WorkspaceState, keys: dict[str, None]) -> None:
        self._state = state
        self._keys = keys

    def __getattr__(self, name: str) -> Any:
        if name in _COUNTS:
            raise TypeError(f"A gate read {name}, on which nothing waits")
        if name == "settings":
            return _SettingsRead(self._state.settings, self._keys)
        self._keys[_OF_THEIR_OWN.get(name, COMPANY)] = None
        return getattr(self._state, name)


class _SettingsRead:
    """The settings of a workspace; they record the keys that are read."""

    def __init__(self, settings: Settings, keys: dict[str, None]) -> None:
        self._settings = settings
        self._keys = keys

    def __getattr__(self, name: str) -> Any:
        for each in _FROM_SETTINGS.get(name, (name,)):
            self._keys[of_setting(each)] = None
        return getattr(self._settings, name)
