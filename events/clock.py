"""Time and randomness as ports, so that tests and the simulation control both."""

import asyncio
import os
import random
import secrets
import time
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID


class Clock(Protocol):
    """The source of time for every part of the system."""

    def now(self) -> datetime:
        """Return the current instant in UTC, timezone-aware."""
        ...

    def monotonic(self) -> float:
        """Return the seconds of a clock that never goes back, to measure durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        ...


class Entropy(Protocol):
    """The source of randomness for every part of the system."""

    def uuid7(self, now: datetime) -> UUID:
        """Return a UUID that sorts by time (RFC 9562)."""
        ...

    def token(self) -> str:
        """Return 32 unguessable bytes as URL-safe text."""
        ...

    def nonce(self, size_bytes: int) -> bytes:
        """Return `size_bytes` unguessable bytes."""
        ...

    def uniform(self, low: float, high: float) -> float:
        """Return a number between `low` and `high`, for jitter."""
        ...


def uuid7_of(now: datetime, random_bits: int) -> UUID:
    """Build a version 7 UUID from an instant and 74 random bits."""
    milliseconds = int(now.timestamp() * 1000)
    high = (random_bits >> 62) & 0xFFF
    low = random_bits & ((1 << 62) - 1)
    return UUID(int=(milliseconds << 80) | (7 << 76) | (high << 64) | (0b10 << 62) | low)


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Return the current instant in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the seconds of a clock that never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""
        await asyncio.sleep(seconds)


class SystemEntropy:
    """The operating system's randomness."""

    def __init__(self) -> None:
        self._jitter = random.Random()  # noqa: S311 - jitter is not a secret

    def uuid7(self, now: datetime) -> UUID:
        """Return a UUID that sorts by time."""
        return uuid7_of(now, secrets.randbits(74))

    def token(self) -> str:
        """Return 32 unguessable bytes as URL-safe text."""
        return secrets.token_urlsafe(32)

    def nonce(self, size_bytes: int) -> bytes:
        """Return `size_bytes` unguessable bytes."""
        return os.urandom(size_bytes)

    def uniform(self, low: float, high: float) -> float:
        """Return a number between `low` and `high`."""
        return self._jitter.uniform(low, high)
