"""What each part of this process says of itself; `/readyz` tells it on."""

import asyncio


class Health:
    """Which parts can't do their work at present, and why. A part that has not spoken yet is starting."""

    def __init__(self) -> None:
        self._problems: dict[str, str] = {}
        self._good = asyncio.Event()
        self._good.set()

    @property
    def problems(self) -> dict[str, str]:
        """Each part that can't work, with one sentence."""
        return dict(self._problems)

    def starting(self, part: str) -> None:
        """Say that a part is not there yet."""
        self.bad(part, "Starting")

    def bad(self, part: str, problem: str) -> None:
        """Say that a part can't do its work, and why."""
        self._problems[part] = problem
        self._good.clear()

    def good(self, part: str) -> None:
        """Say that a part does its work."""
        self._problems.pop(part, None)
        if not self._problems:
            self._good.set()

    async def all_good(self) -> None:
        """Wait until no part has a problem."""
        await self._good.wait()
