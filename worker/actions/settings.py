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
        reason: The source of the default, or why there is none.
        default: The value while no person has chosen one.
        kind: The kind of its values: true or false, an instant, a time zone, a name in QuickBooks, or a memo.
        label: Its name for people.
        help: Its effect, in one or two sentences.
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
    """Change settings, all of them or none; return the position of the event.

    Raises:
        SettingInvalid: A setting does not exist, or its value is invalid.
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
    if chosen and reason is not None:  # a chosen value is shown with the default, if they differ
        reason = f"{reason}: {default}" if default not in (None, value) else None
    return CurrentSetting(
        setting.name, value, chosen, reason, default, setting.kind.name, setting.label, setting.help
    )
