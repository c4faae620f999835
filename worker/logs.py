"""Logging: structlog to stderr, JSON lines for machines and colours for a terminal."""

import functools
import json
import logging
import re
import sys
from collections.abc import Callable, MutableMapping
from typing import Any

import msgspec
import structlog

from worker.settings import Environment

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SECRET_NAME = re.compile(r"token$|secret|authorization|password|signature|^code$|cookie", re.IGNORECASE)


def configure(environment: Environment) -> None:
    """Set up logging for this process."""
    level = _LEVELS[environment.log_level]
    if sys.stderr.isatty():
        rendered: list[Any] = [
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        ]
        factory: Any = structlog.PrintLoggerFactory(sys.stderr)
    else:
        rendered = [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_line),
        ]
        factory = structlog.BytesLoggerFactory(sys.stderr.buffer)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            mask_secrets,
            *rendered,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=factory,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")


def _line(entry: dict[str, Any], *, default: Callable[[Any], Any]) -> bytes:
    """Write an entry as JSON; one that can't be written in UTF-8 as it is, with escapes."""
    try:
        return msgspec.json.encode(entry, enc_hook=default)
    except UnicodeEncodeError:
        return json.dumps(entry, default=default).encode()


def mask_secrets(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask what is named like a secret, should anybody ever log one."""
    return {key: "***" if _is_secret(key) else value for key, value in entry.items()}


@functools.cache
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None
