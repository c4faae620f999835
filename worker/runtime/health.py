"""The health of each part of this process; `/readyz` reports it."""

import asyncio


class Health:
    """The parts that can't do their work now, with the reason. A part without a report is starting."""

    def __init__(self) -> None:
        self._problems: dict[str, str] = {}
        self._good = asyncio.Event()
        self._good.set()

    @property
    def problems(self) -> dict[str, str]:
        """Each part that can't do its work, with a sentence that says why."""
        return dict(self._problems)

    def starting(self, part: str) -> None:
        """Record that a part is starting."""
        self.bad(part, "Starting")

    def bad(self, part: str, problem: str) -> None:
        """Record that a part can't do its work, and why."""
        self._problems[part] = problem
        self._good.clear()

    def good(self, part: str) -> None:
        """Record that a part does its work."""
        self._problems.pop(part, None)
        if not self._problems:
            self._good.set()

    async def all_good(self) -> None:
        """Wait until no part has a problem."""
        await self._good.wait()
