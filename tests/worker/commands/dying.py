"""Kill the worker at a writing transaction."""

from collections.abc import Callable
from typing import Any

import pytest

from events.database.sqlite import InlineDatabase
from tests.world import World
from worker.quickbooks import reads


class Killed(BaseException):
    """Simulate that the process dies here."""


def kill_at(
    world: World, monkeypatch: pytest.MonkeyPatch, step: int, *, committed: bool
) -> Callable[[], bool]:
    """Die at the given writing transaction, before it commits or after."""
    database = world.services.database
    assert isinstance(database, InlineDatabase)
    transaction = database.transaction
    count = 0

    async def dying(work: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal count
        if work is reads.add:  # written beside the commands, at a moment of its own
            return await transaction(work, *args, **kwargs)
        count += 1
        if count == step and not committed:
            raise Killed
        result = await transaction(work, *args, **kwargs)
        if count == step:
            raise Killed
        return result

    monkeypatch.setattr(database, "transaction", dying)
    return lambda: count >= step
