"""The settings of an installation, from the environment: `Q2C_…`."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from events.contract.envelope import BATCH_EVENTS_MAX
from events.errors import UserError
from events.log.dead_letters import LetterLimits
from worker.runtime.masking import MASK, masked, replacements, secret_texts

DEFAULT_DATABASE_URL = "sqlite:///q2c-data/q2c.sqlite3"
SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")
KAFKA = "kafka://"
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
SSL_FILES = ("sslrootcert", "sslcert", "sslkey", "sslcrl")
DEAD_LETTERS = ".dlq"
SQLITE_MAGIC = b"SQLite format 3\0"
TOKEN_KEY_BYTES = 32
BROKER = re.compile(r"[A-Za-z0-9._-]+:[0-9]{1,5}")


class ConfigurationError(UserError):
    """A setting of the installation is wrong; the message names the setting and the value it needs."""


class Environment(BaseSettings):
    """The settings of an installation. Secrets are masked wherever they are shown."""

    model_config = SettingsConfigDict(env_prefix="Q2C_", env_ignore_empty=True, frozen=True)

    database_url: str = Field(
        default=DEFAULT_DATABASE_URL,
        description="Database: sqlite:///PATH, or postgresql://user@host/name?sslmode=verify-full",
    )
    workspace: str | None = Field(default=None, description="Default workspace of q2c's commands")
    public_url: str = Field(
        default="http://127.0.0.1:8000", description="URL of this installation in a browser"
    )
    token_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        description="Keys that encrypt secrets in the database: 32 bytes in base64url each, comma-separated, newest first",
    )
    quickbooks_api_url: str = Field(
        default="https://quickbooks.api.intuit.com", description="Base URL of QuickBooks' API, without /v3"
    )
    quickbooks_discovery_url: str = Field(
        default="https://developer.intuit.com/.well-known/openid_configuration/",
        description="URL of Intuit's OAuth discovery document",
    )
    quickbooks_client_id: str | None = Field(default=None, description="Client ID of your Intuit app")
    quickbooks_client_secret: SecretStr | None = Field(
        default=None, description="Client secret of your Intuit app"
    )
    quickbooks_verifier_token: SecretStr | None = Field(
        default=None, description="Webhook verifier token of your Intuit app"
    )
    quickbooks_timeout_seconds: float = Field(
        default=30, gt=0, le=120, description="Timeout of one request to QuickBooks"
    )
    quickbooks_settle_seconds: float = Field(
        default=120,
        ge=0,
        description="How long QuickBooks may still apply a request whose answer was lost; nothing is sent again before",
    )
    quickbooks_throttled_seconds: float = Field(
        default=60, ge=0, description="How long to pause a company after QuickBooks rate-limits it (429)"
    )
    quickbooks_reads_per_month: int = Field(
        default=500_000,
        ge=1,
        description="Reads of QuickBooks that Intuit allows your app in a calendar month, for all companies together",
    )
    poll_seconds: float = Field(
        default=0.2, gt=0, le=60, description="How often a role polls for work when nothing wakes it"
    )
    events_per_second: int = Field(
        default=200,
        ge=0,
        description="Rate limit of POST /events: events a second for each token and process; 0: no limit",
    )
    events_burst: int = Field(
        default=2_000,
        ge=BATCH_EVENTS_MAX,
        description="Burst of POST /events: most events that a token may send at once",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Lowest level that is logged"
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port of /metrics, and of /livez and /readyz with reasons; default: not served",
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        description="Address that the metrics port listens on; it asks for no token",
    )

    kafka_url: str | None = Field(
        default=None, description="Kafka brokers: kafka://host:port,host:port; default: run without Kafka"
    )
    kafka_tls: bool = Field(
        default=False,
        description="Connect to the brokers over TLS; Q2C_KAFKA_CA_FILE and Q2C_KAFKA_CERT_FILE imply it",
    )
    kafka_ca_file: Path | None = Field(
        default=None,
        description="CA file that signed the brokers' certificates; default: this machine's trust store",
    )
    kafka_cert_file: Path | None = Field(
        default=None, description="Client certificate, if the brokers require one"
    )
    kafka_key_file: Path | None = Field(default=None, description="Private key of the client certificate")
    kafka_username: str | None = Field(default=None, description="SASL user name; needs TLS")
    kafka_password: SecretStr | None = Field(default=None, description="SASL password")
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        default="SCRAM-SHA-512", description="SASL mechanism"
    )
    kafka_group: str = Field(default="q2c-ingest", description="Consumer group of the ingest role")
    kafka_instance_id: str | None = Field(
        default=None,
        description="Static member ID, unique in the group: a quick restart then triggers no rebalance",
    )
    kafka_session_seconds: int = Field(
        default=45,
        ge=6,
        le=300,
        description="Session timeout: how long a process keeps its partitions without a heartbeat",
    )
    kafka_partitions: int = Field(default=12, ge=1, le=10_000, description="Partitions of a new topic")
    kafka_replication: int = Field(
        default=-1, ge=-1, le=10, description="Replication factor of a new topic; -1: the brokers' default"
    )
    kafka_topic_names: dict[str, str] = Field(
        default={}, description='Own names of topics, as JSON: {"crm.deals.v1": "sales.deals"}'
    )
    dead_letters_max: int = Field(
        default=10_000, ge=1, description="Most dead letters stored for a workspace; further ones are refused"
    )
    dead_letters_bytes_max: int = Field(
        default=256 * 1024 * 1024,
        ge=1024,
        description="Most bytes of dead letters stored for a workspace",
    )
    watchdog_seconds: float = Field(
        default=120, ge=5, description="A process with work, but without progress for this long, exits"
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
        if value.startswith(POSTGRES):
            try:
                _ = urlsplit(value).port
            except ValueError:
                raise ValueError(
                    "has a port that is not a number; percent-encode special characters in a password"
                ) from None
            return _with_tls_that_can_be(value)
        sqlite_path(value)
        return value

    @field_validator("kafka_url")
    @classmethod
    def _known_kafka(cls, value: str | None) -> str | None:
        if value is not None and "@" in value:
            raise ValueError("contains a user name; set Q2C_KAFKA_USERNAME and Q2C_KAFKA_PASSWORD instead")
        if value is not None and not all(BROKER.fullmatch(broker) for broker in _brokers(value)):
            raise ValueError("must be kafka:// and hosts with ports, such as kafka://one:9092,two:9092")
        return value

    @model_validator(mode="after")
    def _fitting_together(self) -> Self:
        if self.kafka_username is not None and not self.kafka_by_tls:
            raise ValueError(
                "Q2C_KAFKA_USERNAME: needs TLS, which protects the password; set Q2C_KAFKA_TLS or Q2C_KAFKA_CA_FILE"
            )
        if (self.kafka_username is None) != (self.kafka_password is None):
            raise ValueError("Q2C_KAFKA_USERNAME and Q2C_KAFKA_PASSWORD: set both or neither")
        if (self.kafka_cert_file is None) != (self.kafka_key_file is None):
            raise ValueError("Q2C_KAFKA_CERT_FILE and Q2C_KAFKA_KEY_FILE: set both or neither")
        return self

    @property
    def kafka_by_tls(self) -> bool:
        """Whether clients connect to the brokers over TLS."""
        return self.kafka_tls or self.kafka_ca_file is not None or self.kafka_cert_file is not None

    @property
    def embedded(self) -> bool:
        """Whether the database is a SQLite file: one process then runs everything."""
        return self.database_url.startswith(SQLITE)

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return sqlite_path(self.database_url)

    @property
    def kafka_brokers(self) -> list[str]:
        """The bootstrap brokers, as hosts with ports."""
        return _brokers(self.kafka_url or "")

    @property
    def dead_letter_limits(self) -> LetterLimits:
        """The limits of a workspace's dead letters."""
        return LetterLimits(self.dead_letters_max, self.dead_letters_bytes_max)

    def topic(self, name: str) -> str:
        """Return a topic's name in this installation; a topic of dead letters is named after its original topic."""
        of = name.removesuffix(DEAD_LETTERS)
        called = self.kafka_topic_names.get(of, of) + name.removeprefix(of)
        return self.kafka_topic_names.get(name, called)

    def shown(self) -> dict[str, object]:
        """Return every setting as it may be shown: without secrets, and without passwords in URLs."""
        return {name: _shown(getattr(self, name)) for name in type(self).model_fields}


def _with_tls_that_can_be(url: str) -> str:
    """Check the TLS parameters of a PostgreSQL URL: with a wrong one, no connection would ever succeed."""
    said = dict(parse_qsl(urlsplit(url).query))
    mode = said.get("sslmode", SSL_MODES[0])
    if mode not in SSL_MODES:
        raise ValueError(f"has an unknown sslmode; choose from {', '.join(SSL_MODES)}")
    for name in SSL_FILES:
        if name in said and not os.access(said[name], os.R_OK):
            raise ValueError(f"has an {name} that is not a readable file")
    return url


def sqlite_path(url: str) -> Path:
    """Return the file that a SQLite URL names: everything after sqlite:///, unchanged.

    Raises:
        ValueError: The URL names no file, or its name is ambiguous.
    """
    path = url.removeprefix(SQLITE)
    if not url.startswith(SQLITE) or not Path(path).name or ":memory:" in path:
        raise ValueError(
            "must be sqlite:/// and a path, such as sqlite:///q2c-data/q2c.sqlite3, or postgresql://user@host/name"
        )
    if found := [character for character in "?#%" if character in path]:
        raise ValueError(
            f"contains {found[0]}: sqlite:/// takes only a path, without parameters and percent-encoding; choose a"
            " path without it"
        )
    if path.startswith(("file:", "~")):
        raise ValueError("must be sqlite:/// and a path, absolute or relative to the working directory")
    if path.endswith(("/", "/.", "/..")) or path in {".", ".."}:
        raise ValueError("names a directory; name a file in it, such as sqlite:///q2c-data/q2c.sqlite3")
    if path != path.strip() or not path.isprintable():
        raise ValueError("has a space at an end of its path, or an invisible character in it")
    return Path(path)


def _brokers(url: str) -> list[str]:
    return [part.strip().removeprefix(KAFKA) for part in re.split("[,;]", url) if part.strip()]


def _shown(value: object) -> object:
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    is_url = isinstance(value, str) and not value.startswith(SQLITE)  # a SQLite URL is only a path
    return masked(str(value)) if is_url else value


def environment() -> Environment:
    """Read the settings from the environment.

    Raises:
        ConfigurationError: A setting is invalid; the message names the variable of each problem.
    """
    try:
        return Environment()
    except ValidationError as error:
        raise ConfigurationError("; ".join(problems(error))) from None


def problems(error: ValidationError) -> list[str]:
    """Return the problems by variable, without values, which may be secrets."""
    return [
        "".join(f"Q2C_{str(part).upper()}: " for part in found["loc"][:1])
        + found["msg"].removeprefix("Value error, ")
        for found in error.errors(include_input=False, include_url=False)
    ]


def secret_replacements() -> Mapping[str, str]:
    """Return the replacement of each secret in the environment, valid or not, and of each URL with a secret."""
    found: dict[str, str] = {}
    for name, field in Environment.model_fields.items():
        text = os.environ.get(f"Q2C_{name.upper()}", "")
        if "SecretStr" in repr(field.annotation):
            found |= secret_texts((text, *(part.strip() for part in text.split(","))))
        else:
            found |= replacements(text)
    return found
