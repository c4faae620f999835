"""The files of an installation: the SQLite database, and the key beside it if the environment has none."""

import base64
import binascii
import contextlib
import os
import secrets
import tempfile
from pathlib import Path

import structlog

from events.database import files
from worker.runtime.environment import (
    DEFAULT_DATABASE_URL,
    TOKEN_KEY_BYTES,
    ConfigurationError,
    Environment,
    sqlite_path,
)

KEY_FILE = "token.key"
SQLITE_MAGIC = b"SQLite format 3\0"
logger = structlog.get_logger()


def check_database_file(settings: Environment) -> None:
    """Check that the file at the database's path, if there is one, is a SQLite file.

    Raises:
        ConfigurationError: It is another kind of file, truncated, or can't be read.
    """
    if not settings.embedded:
        return
    path = settings.database_path
    try:
        with path.open("rb") as file:
            start = file.read(len(SQLITE_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise ConfigurationError(f"Q2C_DATABASE_URL: {path} can't be read: {error.strerror}") from None
    if start not in {b"", SQLITE_MAGIC}:
        raise ConfigurationError(
            f"Q2C_DATABASE_URL: {path} is not a SQLite file. If it was your database, it is damaged: keep the file, and"
            " restore a backup (docs/operating.md, Backups)"
        )
    if not start and key_file(settings).exists() and not settings.token_keys:
        raise ConfigurationError(
            f"Q2C_DATABASE_URL: {path} is empty, but {KEY_FILE} beside it shows that there was a database: restore a backup"
            " (docs/operating.md, Backups), or remove the empty file to start with an empty database"
        )


def key_file(settings: Environment) -> Path:
    """Return the file of the key that encrypts secrets when the environment has no keys.

    It is beside a SQLite database. With PostgreSQL it serves the processes that start in the same directory; processes
    elsewhere have another key or none, and refuse to start.
    """
    database = settings.database_path if settings.embedded else sqlite_path(DEFAULT_DATABASE_URL)
    return database.with_name(KEY_FILE)


def token_keys(settings: Environment, *, make: bool = True) -> tuple[str, ...]:
    """Return the keys that encrypt secrets: those in the environment, otherwise the key in the file.

    Args:
        settings: The environment.
        make: Whether to create a missing key; only if no secret was ever encrypted.

    Raises:
        ConfigurationError: The file is missing and may not be created, can't be read, or contains no key.
    """
    if settings.token_keys:
        return tuple(key.get_secret_value() for key in settings.token_keys)
    path = key_file(settings)
    try:
        if not path.exists():
            if not make:
                raise ConfigurationError(_missing(path))
            files.make_directory(path.parent)
            _make_token_key(path)
        if files.keep_private(path):
            logger.warning(
                "token_key.was_not_private",
                file=str(path),
                remedy="Only its owner can read it now. If other people use this machine, rotate the key (q2c keys)",
            )
        text = path.read_bytes().decode("ascii", errors="replace").strip()
    except OSError as error:
        raise ConfigurationError(
            f"{path.absolute()}: the key that encrypts secrets can't be used: {error.strerror}. The file must belong to the"
            " user who runs q2c, with mode 0600"
        ) from None
    if not _is_key(text):
        raise ConfigurationError(
            f"{path.absolute()} contains no key ({TOKEN_KEY_BYTES} bytes as base64url): restore it from your backup"
        )
    return (text,)


def _missing(path: Path) -> str:
    return (
        f"{path.absolute()} is missing: the key that encrypts this database's secrets. Restore it from your backup, or"
        " set Q2C_TOKEN_KEYS to the keys that were used. If they are lost for good, the QuickBooks connections and"
        " DocuSign's keys are lost too; q2c keys lost --yes then starts with a new key"
    )


def _is_key(text: str) -> bool:
    try:
        return len(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)) == TOKEN_KEY_BYTES
    except (binascii.Error, ValueError):
        return False


def _make_token_key(path: Path) -> None:
    """Create a key file; if several processes do so at once, one whole key wins."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.") as made:  # ours alone to read
        made.write(base64.urlsafe_b64encode(secrets.token_bytes(TOKEN_KEY_BYTES)))
        made.flush()
        os.fsync(made.fileno())  # secrets that are sealed with it can't be opened without it
        with contextlib.suppress(FileExistsError):
            os.link(made.name, path)
