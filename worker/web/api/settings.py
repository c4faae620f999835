"""`/api/v1/settings`: the settings of a workspace."""

from http import HTTPStatus

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from msgspec import Struct

from worker.actions.administration import Administration, Setting, shown_settings
from worker.services import Services
from worker.web.api.accepted import Accepted
from worker.web.description import described
from worker.web.problems import Problem
from worker.workspaces.api_tokens import Scope
from worker.workspaces.settings import SettingInvalid


class Settings(Struct, frozen=True):
    """Every setting of the workspace.

    Attributes:
        items: The settings.
    """

    items: list[Setting]


class SettingsChange(Struct, frozen=True):
    """Settings to change, and the reason.

    Attributes:
        changes: The new values by key, as in `q2c set`; an empty value restores the default.
        why: The reason, kept in the log.
    """

    changes: dict[str, str]
    why: str | None = None


class SettingsApi(Controller):
    """The settings of the workspace of the token."""

    path = "/api/v1/settings"
    tags = ("Settings",)

    @get("/", **described(Scope.READ, 400), operation_id="readSettings", summary="Read the current settings")
    async def settings(
        self, services: NamedDependency[Services], workspace: NamedDependency[str]
    ) -> Settings:
        """Return every setting with its current value, whether a person chose it, and the reason for a default."""
        return Settings(await services.database.read(shown_settings, workspace))

    @post(
        "/",
        **described(Scope.ACT, 400, 413, 422),
        operation_id="changeSettings",
        summary="Change settings: all of those given, or none",
        status_code=HTTPStatus.ACCEPTED,
    )
    async def change_settings(
        self, administration: NamedDependency[Administration], data: JSONBody[SettingsChange]
    ) -> Accepted:
        """Change all of the given settings, or none."""
        try:
            return Accepted(await administration.change_settings(data.changes, data.why))
        except SettingInvalid as error:
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, "setting_invalid", str(error), field="changes"
            ) from error
