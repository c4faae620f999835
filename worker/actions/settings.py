"""The settings of a workspace, as people see them."""

import sqlalchemy as sa
from msgspec import Struct

from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.store import StateStore
from worker.workspaces.kinds import KindName
from worker.workspaces.settings import SETTINGS, Setting, Settings, settings_of


class CurrentSetting(Struct, frozen=True):
    """A setting with its current value.

    Attributes:
        key: Its name, as in `q2c set`.
        value: The current value.
        chosen: Whether a person chose it.
        reason: Where the default is from, or why there is none.
        default: The value when no person chose one.
        kind: What its values look like: true or false, an instant, a time zone, a name in QuickBooks, or a memo.
        label: Its name for people.
        help: What it does.
    """

    key: str
    value: object
    chosen: bool
    reason: str | None
    default: object
    kind: KindName
    label: str
    help: str


def current_settings(connection: sa.Connection, workspace: str) -> list[CurrentSetting]:
    """Return every setting of a workspace with its current value."""
    state = StateStore(connection, workspace).get(WorkspaceState)
    defaults = settings_of(state.defaults)
    return [_current(setting, state, defaults) for setting in SETTINGS]


def _current(setting: Setting, state: WorkspaceState, defaults: Settings) -> CurrentSetting:
    chosen = bool(state.chosen.get(setting.name))
    value, default = getattr(state.settings, setting.name), getattr(defaults, setting.name)
    reason = state.reasons.get(setting.name)
    if chosen and reason is not None:  # what was chosen stands beside the default, where they differ
        reason = f"{reason}: {default}" if default not in (None, value) else None
    return CurrentSetting(
        setting.name, value, chosen, reason, default, setting.kind.name, setting.label, setting.help
    )
