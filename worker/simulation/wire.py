"""The network between a host and QuickBooks: requests outlive their sender, and each is checked against the protocol.

If only the books were checked, one safeguard could hide the absence of another: a request ID that QuickBooks remembers
makes up for a missing look-up. So each rule of the protocol is checked here by itself.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Any
from urllib.parse import parse_qs

import httpx
from msgspec import Struct

from events.clock import Clock
from worker.commands.claimed import Claimed
from worker.commands.companies import REALM_HELD_SECONDS
from worker.commands.kinds.all import UPDATES
from worker.sandbox.service import Sandbox
from worker.sandbox.transport import SandboxTransport
from worker.simulation.loop import SimulationLoop

NETWORK = "network"
LATENCY_SECONDS_MAX = 0.5
CLOCKS_APART_SECONDS = 300.0
INSTANT_SECONDS = 1e-5  # instants are stored in microseconds


class Sent(Struct):
    """A create request whose sender does not know the outcome."""

    at: float
    looked_up_at: float = -1.0


class Watch:
    """Checks requests, claims and outcomes against the rules of the protocol.

    Attributes:
        violations: The violations found.
        lenient: Hosts that were frozen once: they act late, on outdated state.
        gone: Hosts that were killed.
        clocks_wrong_seconds: By how much wall clocks may be wrong after they were set.
        kinds: The number of requests of each kind.
        refused: The request IDs of creates that QuickBooks rejected.
    """

    def __init__(
        self, loop: SimulationLoop, sandbox: Sandbox, clock: Clock, *, settle: float, pause: float, old: float
    ) -> None:
        self._loop = loop
        self._sandbox = sandbox
        self._clock = clock
        self._settle = settle
        self._pause_seconds = pause
        self._old = old
        self.violations: list[str] = []
        self.lenient: set[str] = set()
        self.gone: set[str] = set()
        self.clocks_wrong_seconds = 0.0
        self.requests = 0
        self.kinds: Counter[str] = Counter()
        self.refused: set[str] = set()
        self._bodies: dict[str, bytes] = {}
        self._request_ids: dict[tuple[str, bytes], str] = {}
        self._working: dict[str, str] = {}
        self._claims: dict[str, tuple[float, Claimed]] = {}
        self._queried_at: dict[tuple[str, str], float] = {}
        self._unknown: dict[str, Sent] = {}
        self._paused_until: dict[tuple[str, str], float] = {}
        self._rate_limited: set[tuple[str, str]] = set()
        self._paused_realms: dict[str, float] = {}
        self._claiming: dict[str, asyncio.Event] = {}
        self._served_by: dict[str, tuple[str, float]] = {}
        self._generations: dict[tuple[str, str, str, str], int] = {}
        self._refreshing: Counter[str] = Counter()

    @property
    def clocks_jumped(self) -> bool:
        """Whether wall clocks were set, so that waiting times can't be checked."""
        return self.clocks_wrong_seconds > 0

    def claimed(self, life: str, commands: Sequence[Claimed]) -> None:
        """Check that no other host works on the claimed commands or their companies, and that they may be claimed."""
        if commands and life in self._claiming:
            self._claiming.pop(life).set()
        for command in commands:
            other = self._working.get(command.request_id)
            if other not in {None, *self.gone} and not self.lenient and not self.clocks_jumped:
                self._violated(f"{life} claims {command.key.kind} of {command.key.subject} from {other}")
            held = self._paused_realms.get(command.realm, 0.0) > self._loop.time()
            if held and not self.clocks_jumped:
                self._violated(f"{life} claims {command.key.kind} though {command.realm} is paused")
            holder, until = self._served_by.get(command.realm, (life, 0.0))
            if holder != life and self._loop.time() < until - INSTANT_SECONDS and not self.clocks_jumped:
                self._violated(f"{life} claims {command.key.kind} though {holder} holds {command.realm}")
            first = self._generations.setdefault(_object(command), command.key.generation)
            self._generations[_object(command)] = min(first, command.key.generation)
            self._working[command.request_id] = life
            self._rate_limited.discard((life, command.request_id))
            self._claims[command.request_id] = (self._loop.time(), command)
            # Only a frozen host's own clock knows when its lease began.
            seconds = 0.0 if life in self.lenient else REALM_HELD_SECONDS
            self._served_by[command.realm] = (life, self._loop.time() + seconds)

    def wrote(self, life: str, command: Claimed) -> None:
        """Check that no host stores an outcome of a command that was claimed again since."""
        if self._claims[command.request_id][1] is not command:
            self._violated(f"{life} wrote about {command.key.kind} of {command.key.subject} after its lease")

    def forget(self) -> None:
        """Forget the requests since a copy, because the store was restored: only QuickBooks knows them."""
        for known in (self._bodies, self._request_ids, self._working, self._claims, self._unknown):
            known.clear()
        self._paused_realms.clear()
        self._served_by.clear()

    async def next_claim(self, life: str) -> None:
        """Wait until a host has claimed a command."""
        await self._claiming.setdefault(life, asyncio.Event()).wait()

    def gave_up(self, life: str) -> None:
        """Record that a host's attempt is over, without knowing which."""
        self._working = {key: other for key, other in self._working.items() if other != life}

    def finds(self, rules: Sequence[str]) -> None:
        """Add violations that were found elsewhere."""
        for rule in rules:
            self._violated(rule)

    def pauses(self, realm: str, until: datetime) -> None:
        """Record that a realm is paused for all hosts: from QuickBooks' answer on, which may be stored late."""
        left = (until - self._clock.now()).total_seconds()
        self._paused_realms[realm] = self._loop.time() + min(self._pause_seconds, left)

    def released(self, realm: str) -> None:
        """Record that a realm was connected again, which ends its pause."""
        self._paused_realms.pop(realm, None)

    def attempted(self, life: str, command: Claimed, *, paused: bool) -> None:
        """Record that an attempt is over; check that a rate limit pauses the realm for all hosts."""
        if (life, command.request_id) in self._rate_limited and not paused:
            self._violated(f"{life} does not store that QuickBooks rate-limited {command.realm}")
        if self._working.get(command.request_id) == life:
            del self._working[command.request_id]

    def sends(self, life: str, request: httpx.Request) -> None:
        """Check a request as it leaves its host."""
        self.requests += 1
        self.kinds[_kind(request)] += 1
        realm = _realm(request)
        if self._loop.time() < self._paused_until.get((life, realm), -1.0):
            self._violated(f"{life} sends a request to {realm} although QuickBooks rate-limited it")
        request_id = request.url.params.get("requestid")
        if request_id is None:
            return
        if self._bodies.setdefault(request_id, request.content) != request.content:
            self._violated(f"requestid {request_id} is sent with another body than before")
        if self._request_ids.setdefault((realm, request.content), request_id) != request_id:
            self._violated(f"a body that was sent before is sent under another requestid, {request_id}")
        before = self._unknown.get(request_id)
        if before is not None and life not in self.lenient:
            self._check_looked_up(request_id, before)
        self._unknown[request_id] = Sent(self._loop.time())
        claimed_at, command = self._claims.get(request_id, (0.0, None))
        if command is not None and command.holder != life and not self.clocks_jumped:
            self._violated(f"{life} sends {command.key.kind} of {command.key.subject} after its lease")
        looked_up = self._queried_at.get((life, realm), -1.0) >= claimed_at
        if command is not None and self._is_old(command) and not looked_up:
            self._violated(
                f"{command.key.kind} of {command.key.subject}, long due, is sent without a look-up"
            )
        if command is not None and self._is_anew(command) and not looked_up:
            self._violated(f"{command.key.kind} of {command.key.subject} is sent again without a look-up")

    def answered(self, life: str, request: httpx.Request, response: httpx.Response) -> None:
        """Record an answer as it reaches its host."""
        request_id = request.url.params.get("requestid")
        self._rate_limited.discard((life, request_id or ""))
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            self._paused_until[life, _realm(request)] = self._loop.time() + self._pause_seconds
            self._rate_limited.add((life, request_id or ""))
        is_fault = b"ault" in response.content
        if request_id is not None and is_fault:
            self.refused.add(request_id)
        if (
            request_id is not None
            and response.status_code < httpx.codes.INTERNAL_SERVER_ERROR
            and (response.is_success or is_fault)
        ):
            self._unknown.pop(request_id, None)
        # A batch has only look-ups.
        asks = request.url.path.endswith(("/query", "/batch"))
        if request_id is None and asks and response.is_success and not is_fault:
            self._queried_at[life, _realm(request)] = self._loop.time()
            for sent in self._unknown.values():
                sent.looked_up_at = self._loop.time()

    def refresh_begins(self, token: str) -> None:
        """Check that no other host refreshes with the same token."""
        self._refreshing[token] += 1
        if self._refreshing[token] > 1 and not self.lenient and not self.clocks_jumped:
            self._violated("two refreshes of one token are in flight")

    def refresh_ends(self, token: str) -> None:
        """Record that a refresh is over."""
        self._refreshing[token] -= 1

    def check_books(self) -> None:
        """Check that no mark is on two objects."""
        for company in self._sandbox.companies.values():
            for entity, note in (("Invoice", "PrivateNote"), ("Customer", "Notes")):
                marks = Counter(
                    str(found[note]).rpartition("q2c:")[2]
                    for found in company.books()[entity]
                    if "q2c:" in str(found.get(note) or "")
                )
                for mark, count in marks.items():
                    if count > 1:
                        self._violated(f"{count} {entity} objects carry the mark {mark}")

    def _is_anew(self, command: Claimed) -> bool:
        """Return whether an earlier generation was commanded in the same company; an update is safe by its version."""
        return (
            command.key.kind not in UPDATES and command.key.generation > self._generations[_object(command)]
        )

    def _is_old(self, command: Claimed) -> bool:
        """Return whether the request may have been sent before a restore, whatever a host's clock says."""
        age = self._clock.now() - command.cause_at
        return age.total_seconds() > self._old + max(CLOCKS_APART_SECONDS, self.clocks_wrong_seconds)

    def _is_update(self, request_id: str) -> bool:
        _, command = self._claims.get(request_id, (0.0, None))
        return command is not None and command.key.kind in UPDATES

    def _check_looked_up(self, request_id: str, before: Sent) -> None:
        if before.looked_up_at < before.at:
            self._violated(f"requestid {request_id} is sent again without a look-up")
        elif self._is_update(request_id) or self.clocks_jumped:
            return  # an update is refused if its first request was applied since
        elif before.looked_up_at < before.at + self._settle:
            self._violated(f"requestid {request_id} is sent again before it could not be applied any more")

    def _violated(self, rule: str) -> None:
        if rule not in self.violations:
            self.violations.append(rule)


class SimulatedTransport(httpx.AsyncBaseTransport):
    """Carries the requests of one life of a host."""

    def __init__(
        self, life: str, loop: SimulationLoop, sandbox: Sandbox, clock: Clock, random: Random, watch: Watch
    ) -> None:
        self._life = life
        self._loop = loop
        self._inner = SandboxTransport(sandbox, clock)
        self._sandbox = sandbox
        self._clock = clock
        self._random = random
        self._watch = watch

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; it arrives even if its sender is killed before the answer."""
        await request.aread()
        self._watch.sends(self._life, request)
        under_way = self._loop.spawn(NETWORK, self._carry(request))
        await asyncio.wait({under_way})
        response = under_way.result()
        self._watch.answered(self._life, request, response)
        return response

    async def _carry(self, request: httpx.Request) -> httpx.Response:
        token = _refresh_token(request)
        if token is not None:
            self._watch.refresh_begins(token)
        try:
            await self._clock.sleep(self._random.uniform(0, LATENCY_SECONDS_MAX))
            lost = token is not None and self._random.random() < self._sandbox.trouble.plan.rate
            if lost and self._random.random() < 0.5:  # noqa: PLR2004 - half of them on the way there
                raise httpx.ConnectError("Lost before", request=request)
            response = await self._inner.handle_async_request(request)
            if lost:
                raise httpx.ReadError("Lost on the way back", request=request)
        finally:
            if token is not None:
                self._watch.refresh_ends(token)
        if "requestid" in request.url.params:
            self._watch.check_books()
        return response


def _object(command: Claimed) -> tuple[str, str, str, str]:
    """Return the identity of the object that a command creates, for all its generations."""
    return command.realm, command.key.workspace, command.key.kind, command.key.subject


def _realm(request: httpx.Request) -> str:
    parts = request.url.path.split("/")
    return parts[3] if parts[1:3] == ["v3", "company"] else ""


def _kind(request: httpx.Request) -> str:
    """Return the kind of a request: a query, change data capture, a batch, a write, a read by ID, or of OAuth."""
    if not _realm(request):
        return "oauth"
    name = request.url.path.split("/")[4]
    if name in {"query", "cdc", "batch"}:
        return name
    return "write" if request.method == "POST" else "read"


def _refresh_token(request: httpx.Request) -> str | None:
    if not request.url.path.endswith("/tokens/bearer"):
        return None
    form: dict[str, list[Any]] = parse_qs(request.content.decode())
    return form["refresh_token"][0] if "refresh_token" in form else None
