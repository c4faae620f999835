"""Fold the settings of a workspace, its connection, and the data of its company."""

from datetime import datetime

from msgspec.structs import replace

from events.contract import catalog
from events.contract.administration import (
    ConnectionAuthorized,
    ConnectionDisconnected,
    ConnectionExpired,
    SettingsChanged,
    SyncDue,
)
from events.contract.announcements import CompanyReadCommanded
from events.contract.docusign import DocusignReceptionChanged
from events.contract.observed import SyncBegan, SyncCompleted
from events.contract.quickbooks import CompanyObserved, CompanyRefused, CompanyServed, ReadingFailed
from worker.quote_to_cash.company.state import WorkspaceState
from worker.quote_to_cash.family import Folds
from worker.quote_to_cash.view import State, View, stream_of
from worker.workspaces.settings import SETTINGS


def remember_before(view: View, kind: type[State], key: str) -> None:
    """Store the stream of a mapping that was made before any company was connected."""
    state, stream = view.get(WorkspaceState), stream_of(kind, key)
    if stream not in state.mapped_before:
        view.put(replace(state, mapped_before=(*state.mapped_before, stream)))


def taken_before(view: View, kind: type[State]) -> list[str]:
    """Remove the streams of mappings that were made before any company was connected, and return their keys."""
    state = view.get(WorkspaceState)
    taken = [stream for stream in state.mapped_before if stream.startswith(f"{kind.kind}/")]
    if taken:
        view.put(
            replace(
                state, mapped_before=tuple(stream for stream in state.mapped_before if stream not in taken)
            )
        )
    return [stream.partition("/")[2] for stream in taken]


def _settings_changed(view: View, change: SettingsChanged, at: datetime) -> None:
    state = view.get(WorkspaceState)
    state = replace(state, chosen={**state.chosen, **change.changes})
    changed = [setting for setting in SETTINGS if setting.name in change.changes]
    for setting in changed:
        dated = setting.first_on_sets
        if dated is not None and getattr(state.settings, setting.name) and dated not in state.instants:
            state = replace(state, instants={**state.instants, dated: at.isoformat()})
    if "unmapped_product" in change.changes:
        state = replace(state, default_item_realm=state.realm)
    if any(setting.read_again for setting in changed) and state.connection is not None:
        state = replace(state, reads_wanted=state.reads_wanted + 1)
    _put_scheduled(view, state, at)


def _connected(view: View, connection: ConnectionAuthorized, at: datetime) -> None:
    state = view.get(WorkspaceState)
    same_realm = state.company is not None and state.company.realm == connection.realm
    connected = replace(
        state,
        connection=connection,
        authorizations=state.authorizations + 1,
        expired=False,
        disconnected=False,
        refused=None,
        # An item's ID names another item in another company. What was chosen before any connection is of the first company.
        default_item_realm=state.default_item_realm if state.connection else connection.realm,
        company=state.company if same_realm else None,
        reads_wanted=state.reads_wanted + 1,
    )
    _put_scheduled(view, connected, at)


def _put_scheduled(view: View, state: WorkspaceState, at: datetime) -> None:
    """Replace the state; if the schedule of batches changes, the first batch is the next one from now on."""
    changed = state.schedule != view.get(WorkspaceState).schedule
    view.put(replace(state, batches_since=at) if changed else state)


def _sync_due(view: View, tick: SyncDue, _at: datetime) -> None:
    state = view.get(WorkspaceState)
    if tick.frequency == state.settings.sync_frequency:
        view.put(replace(state, batches_since=tick.due))


def _connection_expired(view: View, expired: ConnectionExpired, _at: datetime) -> None:
    state = view.get(WorkspaceState)
    if state.realm == expired.realm and not state.disconnected:
        view.put(replace(state, expired=True))


def _disconnected(view: View, left: ConnectionDisconnected, _at: datetime) -> None:
    state = view.get(WorkspaceState)
    if state.realm == left.realm:
        view.put(replace(state, disconnected=True, expired=False))


def _reception_changed(view: View, changed: DocusignReceptionChanged, _at: datetime) -> None:
    view.put(replace(view.get(WorkspaceState), docusign=None if changed.state == "good" else changed))


def _company_observed(view: View, company: CompanyObserved, at: datetime) -> None:
    state = view.get(WorkspaceState)
    if state.realm == company.realm:
        _put_scheduled(view, replace(state, company=company, read_problem=None), at)


def _company_refused(view: View, refused: CompanyRefused, _at: datetime) -> None:
    state = view.get(WorkspaceState)
    if state.realm == refused.realm:
        view.put(replace(state, refused=refused))


def _company_served(view: View, served: CompanyServed, _at: datetime) -> None:
    state = view.get(WorkspaceState)
    if state.refused is not None and state.refused.realm == served.realm:
        view.put(replace(state, refused=None))


def _read_commanded(view: View, command: CompanyReadCommanded, _at: datetime) -> None:
    view.put(replace(view.get(WorkspaceState), reads_commanded=command.generation))


def _reading_failed(view: View, failed: ReadingFailed, _at: datetime) -> None:
    if failed.kind == "read_company":
        view.put(replace(view.get(WorkspaceState), read_problem=failed.message))


def _sync_began(view: View, began: SyncBegan, _at: datetime) -> None:
    state = view.get(WorkspaceState)
    if began.mode == "first" and began.realm not in state.being_read:
        view.put(replace(state, being_read=(*state.being_read, began.realm)))


def _sync_completed(view: View, completed: SyncCompleted, _at: datetime) -> None:
    state = view.get(WorkspaceState)
    if completed.mode in {"first", "full"} and completed.realm in state.being_read:
        others = tuple(realm for realm in state.being_read if realm != completed.realm)
        view.put(replace(state, being_read=others))


FOLDS: Folds = {
    catalog.SYNC_BEGAN: _sync_began,
    catalog.SYNC_COMPLETED: _sync_completed,
    catalog.SETTINGS_CHANGED: _settings_changed,
    catalog.SYNC_DUE: _sync_due,
    catalog.CONNECTION_AUTHORIZED: _connected,
    catalog.CONNECTION_EXPIRED: _connection_expired,
    catalog.CONNECTION_DISCONNECTED: _disconnected,
    catalog.DOCUSIGN_RECEPTION_CHANGED: _reception_changed,
    catalog.COMPANY_OBSERVED: _company_observed,
    catalog.COMPANY_REFUSED: _company_refused,
    catalog.COMPANY_SERVED: _company_served,
    catalog.COMPANY_READ_COMMANDED: _read_commanded,
    catalog.READING_FAILED: _reading_failed,
}
