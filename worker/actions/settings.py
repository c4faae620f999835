"""The settings of a workspace: reading and changing them."""

from collections.abc import Mapping

import sqlalchemy as sa
from msgspec import Struct

from events.contract import catalog
from events.contract.administration import SettingsChanged
from worker.actions.admin import Admin
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.store import StateStore
from worker.workspaces.kinds import KindName
from worker.workspaces.settings import SETTINGS, Setting, Settings, checked, settings_of


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


async def change_settings(admin: Admin, changes: Mapping[str, str], why: str | None = None) -> int:
    """Set settings; all of them or none. Return the position of the event.

    Raises:
        SettingInvalid: One of them does not exist or does not fit.
    """
    fact = SettingsChanged({name: checked(name, value) for name, value in changes.items()}, admin.by, why)
    return await admin.say(catalog.SETTINGS_CHANGED, fact)


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
