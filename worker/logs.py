"""Logging: structlog to stderr, JSON lines for machines and colours for a terminal."""

import functools
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from worker.settings import Environment

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SECRET_NAME = re.compile(r"token$|secret|authorization|password|signature|^code$|cookie", re.IGNORECASE)


def configure(environment: Environment) -> None:
    """Set up logging for this process."""
    terminal = sys.stderr.isatty()
    level = _LEVELS[environment.log_level]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if terminal
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            mask_secrets,
            *([] if terminal else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")


def mask_secrets(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask what is named like a secret, should anybody ever log one."""
    return {key: "***" if _is_secret(key) else value for key, value in entry.items()}


@functools.cache
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None
