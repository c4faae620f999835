"""`/api/v1/settings`: the settings of a workspace."""

from http import HTTPStatus
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import JSONBody
from msgspec import Meta, Struct

from worker.actions.admin import Admin
from worker.actions.effects import Effects, effects_of
from worker.actions.settings import CurrentSetting, change_settings, current_settings
from worker.services import Services
from worker.web.api.accepted import Accepted
from worker.web.description import described
from worker.web.problems import Problem
from worker.workspaces.api_tokens import Scope
from worker.workspaces.settings import SETTINGS, SettingInvalid

_CHANGES = {
    "properties": {
        setting.name: Schema(
            type=OpenAPIType.STRING, description=f"{setting.label}, {setting.kind.form}. {setting.help}"
        )
        for setting in SETTINGS
    },
    "additional_properties": False,
}


class SettingsList(Struct, frozen=True):
    """Every setting of the workspace.

    Attributes:
        items: The settings.
    """

    items: list[CurrentSetting]


class SettingsChange(Struct, frozen=True):
    """Settings to change, and the reason.

    Attributes:
        changes: The new values by key, as in `q2c set`; an empty value restores the default.
        why: The reason, kept in the log.
    """

    changes: Annotated[dict[str, str], Meta(extra_json_schema={"extra": _CHANGES})]
    why: str | None = None


class PlannedChange(Struct, frozen=True):
    """Settings that may be changed.

    Attributes:
        changes: The new values by key, as in `q2c set`; an empty value is the default.
    """

    changes: Annotated[dict[str, str], Meta(extra_json_schema={"extra": _CHANGES})]


class SettingsApi(Controller):
    """The settings of the workspace of the token."""

    path = "/api/v1/settings"
    tags = ("Settings",)

    @get("/", **described(Scope.READ, 400), operation_id="readSettings", summary="Read the current settings")
    async def settings(
        self, services: NamedDependency[Services], workspace: NamedDependency[str]
    ) -> SettingsList:
        """Return every setting: its current value and its default, whether a person chose it, and what it does."""
        return SettingsList(await services.database.read(current_settings, workspace))

    @post(
        "/",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="changeSettings",
        summary="Change settings: all of those given, or none",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def change_settings(
        self, admin: NamedDependency[Admin], data: JSONBody[SettingsChange]
    ) -> Accepted:
        """Change all of the given settings, or none."""
        try:
            return Accepted(await change_settings(admin, data.changes, data.why))
        except SettingInvalid as error:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, "setting_invalid", str(error), field="changes"
            ) from error

    @post(
        "/effects",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="countEffects",
        summary="Count the writes that a change of settings would cause",
        status_code=HTTPStatus.OK,
    )
    async def effects(self, admin: NamedDependency[Admin], data: JSONBody[PlannedChange]) -> Effects:
        """Count what the change would create and update at once in QuickBooks and in the CRM; nothing is changed."""
        try:
            return await effects_of(admin, data.changes)
        except SettingInvalid as error:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, "setting_invalid", str(error), field="changes"
            ) from error
