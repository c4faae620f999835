"""Describe the machine of a measurement."""

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

from benchmarks import servers

LIBRARIES = ("SQLAlchemy", "msgspec", "asyncpg", "aiokafka", "httpx")


def description() -> dict[str, str]:
    """Return the machine's processor, system and versions of software."""
    return {
        "cores": str(os.cpu_count()),
        "processor": _processor(),
        "system": platform.system(),
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        **servers.versions(),
        **{library: version(library) for library in LIBRARIES},
    }


def _processor() -> str:
    """Return the processor's model, which Python does not provide on Linux."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
