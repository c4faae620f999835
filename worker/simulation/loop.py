"""A deterministic event loop: virtual time, a seeded choice among ready handles, hosts that are killed or frozen.

One handle runs at a time, drawn by the seed; time advances only when no handle is ready, and then at once to the next
timer. A handle belongs to the host whose context scheduled it. A killed host's handles never run again: no `finally`, no
`except`, as after SIGKILL.
"""

import asyncio
import contextlib
import hashlib
import heapq
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

DRIVER = "driver"
STEPS_MAX = 150_000
TASKS_MAX = 10_000
host_name: ContextVar[str] = ContextVar("host_name", default=DRIVER)


class Stuck(Exception):
    """No handle can ever become ready, or the run does not end."""


class SimulationLoop(asyncio.BaseEventLoop):
    """Runs one seed.

    Attributes:
        random: The seed's randomness for scheduling.
        steps: The number of handles that ran.
        after_step: Called with the host after each step; it may kill the host.
    """

    # Attributes of BaseEventLoop that typeshed omits.
    _ready: Any
    _scheduled: list[Any]
    _stopping: bool

    def __init__(self, random: Random, steps_max: int = STEPS_MAX) -> None:
        super().__init__()
        self.random = random
        self._steps_max = steps_max
        self.steps = 0
        self.after_step: Callable[[str], None] | None = None
        self._now = 0.0
        self._dead: set[str] = set()
        self._frozen: dict[str, list[Any]] = {}
        self._trace = hashlib.blake2b(digest_size=8)
        # If a killed host's task were garbage-collected, its `finally` blocks would run: an orderly end, not a kill.
        self._graveyard: list[Any] = []
        self._tasks: list[asyncio.Task[Any]] = []
        self._tasks_max = TASKS_MAX
        self.set_task_factory(self._remembered)
        self._clock_resolution = 1e-9
        self.slow_callback_duration = float("inf")

    @property
    def trace(self) -> str:
        """A hash of every step, in order."""
        return self._trace.hexdigest()

    def note(self, said: str) -> None:
        """Add a text to the trace."""
        self._trace.update(said.encode())

    def time(self) -> float:
        """Return virtual seconds."""
        return self._now

    def spawn(self, host: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task on a host."""
        context = copy_context()
        context.run(host_name.set, host)
        return self.create_task(work, context=context)

    def kill(self, host: str) -> None:
        """Never run a handle of a host again."""
        self._dead.add(host)
        self._graveyard += self._frozen.pop(host, [])

    def freeze(self, host: str) -> None:
        """Run no handle of a host until it is thawed."""
        self._frozen.setdefault(host, [])

    def thaw(self, host: str) -> None:
        """Let a frozen host continue."""
        self._ready.extend(self._frozen.pop(host, []))

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Run until `main` is done, then drop all other tasks.

        Raises:
            Stuck: `main` can never finish.
        """
        asyncio.set_event_loop(self)
        try:
            return self.run_until_complete(main)
        finally:
            asyncio.set_event_loop(None)
            self._discard()

    def _discard(self) -> None:
        self._ready.clear()
        self._scheduled.clear()
        for task in self._tasks:
            if task.done():
                continue
            task._log_destroy_pending = False  # type: ignore[attr-defined] # noqa: SLF001 - it stays pending on purpose
            # A coroutine may await while it is closed; there is nothing left to await.
            with contextlib.suppress(Exception):
                task.get_coro().close()
        self._tasks.clear()
        self._graveyard.clear()
        self._ready.clear()
        self.close()

    def _remembered(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        context: Context | None = None,
        **options: Any,
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(work, loop=loop, context=context, **options)
        self._tasks.append(task)
        if len(self._tasks) > self._tasks_max:
            self._tasks = [each for each in self._tasks if not each.done()]
            self._tasks_max = 2 * len(self._tasks) + TASKS_MAX
        return task

    def _run_once(self) -> None:
        """Run one handle; BaseEventLoop calls this until it is stopped."""
        while True:
            self._wake_due()
            handle = self._next()
            if handle is None:
                return
            host = handle._context.get(host_name, DRIVER)  # noqa: SLF001 - a handle shows its context nowhere else
            if handle._cancelled or host in self._dead:  # noqa: SLF001 - as above
                if host in self._dead:
                    self._graveyard.append(handle)
                if self._stopping and not self._ready:
                    return
                continue
            if host in self._frozen:
                self._frozen[host].append(handle)
                continue
            self.steps += 1
            if self.steps > self._steps_max:
                raise Stuck(f"The run has not ended after {self._steps_max} steps")
            self._trace.update(f"{self.steps}|{self._now:.6f}|{host}\n".encode())
            handle._run()  # noqa: SLF001 - what BaseEventLoop does
            if self.after_step is not None:
                self.after_step(host)
            return

    def _next(self) -> Any:
        if not self._ready:
            if self._stopping:
                return None
            raise Stuck("Every task waits, and no timer is set")
        if len(self._ready) > 1:
            self._ready.rotate(-self.random.randrange(len(self._ready)))
        return self._ready.popleft()

    def _wake_due(self) -> None:
        """Make due timers ready; if no handle is ready, advance time to the next timer."""
        while True:
            while self._scheduled and (
                self._scheduled[0]._cancelled or self._scheduled[0]._when <= self._now  # noqa: SLF001 - as BaseEventLoop
            ):
                handle = heapq.heappop(self._scheduled)
                handle._scheduled = False  # noqa: SLF001 - as BaseEventLoop does
                if not handle._cancelled:  # noqa: SLF001 - as above
                    self._ready.append(handle)
            if self._ready or not self._scheduled or self._stopping:
                return
            self._now = self._scheduled[0]._when  # noqa: SLF001 - as above

    def _process_events(self, event_list: object) -> None:
        """There is no network, so there are no events."""

    def _write_to_self(self) -> None:
        """There is no other thread to wake this one."""

    def run_in_executor(self, _executor: object, work: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override] # no executor is ever used
        """Refuse threads: they would make two runs of a seed differ."""
        raise Stuck(f"{work!r} wants a thread with {args!r}")
