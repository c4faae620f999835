"""The settings of an installation, from the environment: `Q2C_…`."""

import base64
import contextlib
import os
import secrets
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEFAULT_DATABASE_URL = "sqlite:///q2c-data/q2c.sqlite3"
SQLITE = "sqlite:///"
SQLITE_MAGIC = b"SQLite format 3\0"
TOKEN_KEY_BYTES = 32


class ConfigurationError(Exception):
    """The installation is not set up right; the message names the setting and what it needs."""


class Environment(BaseSettings):
    """What the environment says. Secrets are masked wherever this is shown."""

    model_config = SettingsConfigDict(env_prefix="Q2C_", env_ignore_empty=True, frozen=True)

    database_url: str = Field(default=DEFAULT_DATABASE_URL, description="where the log is; a SQLite file")
    workspace: str | None = Field(default=None, description="the workspace that commands mean")
    public_url: str = Field(
        default="http://127.0.0.1:8000", description="how a browser reaches this installation"
    )
    token_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="keys that encrypt tokens, newest first, comma-separated; 32 bytes as base64url each",
    )
    quickbooks_api_url: str = Field(
        default="https://quickbooks.api.intuit.com", description="QuickBooks' API, without /v3"
    )
    quickbooks_discovery_url: str = Field(
        default="https://developer.intuit.com/.well-known/openid_configuration/",
        description="Intuit's OAuth discovery document",
    )
    quickbooks_client_id: str | None = Field(default=None, description="of our app at Intuit")
    quickbooks_client_secret: SecretStr | None = Field(default=None, description="of our app at Intuit")
    quickbooks_verifier_token: SecretStr | None = Field(
        default=None, description="of our app's webhooks at Intuit"
    )
    quickbooks_timeout_seconds: float = Field(
        default=30, gt=0, le=120, description="for one request to QuickBooks"
    )
    quickbooks_settle_seconds: float = Field(
        default=120, ge=0, description="how long QuickBooks may still apply a request that we gave up on"
    )
    quickbooks_throttled_seconds: float = Field(
        default=60, ge=0, description="how long a company is left alone after QuickBooks asked for quiet"
    )
    poll_seconds: float = Field(
        default=0.2, gt=0, le=60, description="how often each part looks for work where nobody woke it"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least level logged"
    )
    metrics_port: int | None = Field(
        default=None, ge=0, le=65535, description="where /metrics is served; unset: not"
    )

    @field_validator("token_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if not (value.startswith(SQLITE) and Path(value.removeprefix(SQLITE)).name) or ":memory:" in value:
            raise ValueError("is sqlite:/// and a path, such as sqlite:///q2c-data/q2c.sqlite3")
        return value

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return Path(self.database_url.removeprefix(SQLITE))


def environment() -> Environment:
    """Read the environment.

    Raises:
        ConfigurationError: Something does not fit; each problem is named by its variable.
    """
    try:
        return Environment()
    except ValidationError as error:
        raise ConfigurationError("; ".join(problems(error))) from None


def problems(error: ValidationError) -> list[str]:
    """Name what is wrong, by variable, never showing a value: it may be a secret."""
    return [
        f"Q2C_{'_'.join(str(part) for part in found['loc'][:1]).upper()}: {found['msg'].removeprefix('Value error, ')}"
        for found in error.errors(include_input=False, include_url=False)
    ]


def check_database_file(settings: Environment) -> None:
    """See that what is at the database's path, if anything is, is a SQLite file.

    Raises:
        ConfigurationError: It is something else, or can't be read.
    """
    path = settings.database_path
    try:
        with path.open("rb") as file:
            start = file.read(len(SQLITE_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigurationError(f"Q2C_DATABASE_URL: {path} can't be read: {error.strerror}") from None
    if start not in {b"", SQLITE_MAGIC}:
        raise ConfigurationError(f"Q2C_DATABASE_URL: {path} is not a SQLite file")


def token_keys(settings: Environment) -> tuple[str, ...]:
    """Return the keys that encrypt tokens; without any set, one is kept in a file beside the database."""
    if settings.token_keys:
        return tuple(key.get_secret_value() for key in settings.token_keys)
    path = settings.database_path.with_name("token.key")
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError), open(path, "x", encoding="ascii", opener=_private) as file:
        file.write(base64.urlsafe_b64encode(secrets.token_bytes(TOKEN_KEY_BYTES)).decode())
    return (path.read_text(encoding="ascii").strip(),)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
