"""Logging: structlog to stderr, JSON lines for machines and colours for a terminal.

Many logged texts come from outside. On a terminal, their control characters are escaped; in JSON, they stay in strings.
"""

import functools
import io
import json
import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, TextIO

import msgspec
import structlog

from events.contract import controls
from worker.runtime.environment import Environment, secret_replacements
from worker.runtime.masking import scrubbed

_OF_DEFECTS = frozenset({"exc_info", "stack_info"})
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SECRET_NAME = re.compile(r"token$|secret|authorization|password|signature|^code$|cookie", re.IGNORECASE)


def configure(environment: Environment) -> None:
    """Set up logging for this process."""
    level = _LEVELS[environment.log_level]
    secrets = secret_replacements()
    if sys.stderr.isatty():
        rendered: list[Any] = [
            show_controls,
            structlog.dev.ConsoleRenderer(exception_formatter=_traceback),
            lambda _logger, _method, line: scrubbed(line, secrets),
        ]
        factory: Any = structlog.PrintLoggerFactory(sys.stderr)
    else:
        rendered = [
            structlog.processors.format_exc_info,
            lambda _logger, _method, entry: _scrubbed(entry, secrets),
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
    logging.basicConfig(level=logging.WARNING, handlers=[_OfLibraries()], force=True)


class _OfLibraries(logging.Handler):
    """Writes the log records of libraries in our format."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as an entry of our log."""
        try:
            said = record.getMessage()
        except (TypeError, ValueError):  # its arguments do not fit its format
            said = str(record.msg)
        exc_info = {"exc_info": record.exc_info} if record.exc_info else {}
        structlog.get_logger().log(record.levelno, "library.logged", of=record.name, said=said, **exc_info)


def _scrubbed(value: Any, secrets: Mapping[str, str]) -> Any:
    """Return a logged value with the environment's secrets replaced."""
    if isinstance(value, str):
        return scrubbed(value, secrets)
    if isinstance(value, MutableMapping):
        return {key: _scrubbed(item, secrets) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_scrubbed(item, secrets) for item in value]
    return scrubbed(str(value), secrets) if isinstance(value, BaseException) else value


def _line(entry: dict[str, Any], *, default: Callable[[Any], Any]) -> bytes:
    """Write an entry as JSON, with escapes if it can't be encoded in UTF-8."""
    try:
        line = msgspec.json.encode(entry, enc_hook=default)
    except UnicodeEncodeError:
        line = json.dumps(entry, default=default).encode()
    return controls.shown_in_json(line.decode()).encode()


def mask_secrets(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask values whose names look like secrets' names, in case code logs one."""
    return {key: "***" if _is_secret(key) else value for key, value in entry.items()}


def show_controls(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape control characters in an entry, so that it stays one line; tracebacks are escaped later."""
    return {
        controls.shown(key, lines=False): value if key in _OF_DEFECTS else _shown(value)
        for key, value in entry.items()
    }


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return controls.shown(value, lines=False)
    return (
        value
        if value is None or isinstance(value, (int, float))
        else controls.shown(repr(value), lines=False)
    )


def _traceback(out: TextIO, exc_info: Any) -> None:
    """Write a traceback with each line indented: an exception's message may contain received lines."""
    plain = io.StringIO()
    structlog.dev.plain_traceback(plain, exc_info)
    out.write("\n".join(f"  {line}" for line in controls.shown(plain.getvalue()).split("\n")))


@functools.cache
def _is_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None
