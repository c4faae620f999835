"""The sandbox as one function from a request to a reply, independent of the transport.

`Sandbox.handle` knows no sockets and no waiting: a reply may say that the connection dies instead, or that
it comes late. A web server and an in-process transport both drive it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from events.clock import Clock
from worker.sandbox import api, faults
from worker.sandbox.books.company import Company
from worker.sandbox.books.entity import Act
from worker.sandbox.books.snapshots import Snapshot
from worker.sandbox.books.traits import Traits
from worker.sandbox.control import api as control
from worker.sandbox.encoding import decompressed
from worker.sandbox.failing.asked import asked
from worker.sandbox.failing.throttles import NO_LIMITS, Limits, Throttle
from worker.sandbox.failing.trouble import Kind, Plan, Trouble
from worker.sandbox.faults import Fault
from worker.sandbox.messages import HTML, XML, Reply, Request, envelope_time, json_reply
from worker.sandbox.oauth import CHALLENGE, Connectable, Lifetimes, OAuthServer, bearer_token
from worker.sandbox.openings import plausible, seeds
from worker.sandbox.openings.plausible import NO_BOOKS, Amounts
from worker.sandbox.webhooks.connect_keys import ConnectKeys
from worker.sandbox.webhooks.deliveries import Deliveries
from worker.sandbox.webhooks.envelopes import Envelopes

# What each answer of the API comes with, as recorded; the service time is that of one recorded answer.
API_HEADERS = {
    "server": "istio-envoy",
    "service-time": "total=332, db=199",
    "cache-control": "max-age=0, no-cache, no-store, must-revalidate, private",
    "expires": "0",
    "strict-transport-security": "max-age=31536000",
}


class Late(Struct, frozen=True):
    """A write that will be applied although its sender has long given up."""

    at: datetime
    apply: Callable[[], Reply]


class Sandbox:
    """Companies, their books, and the app's OAuth."""

    def __init__(
        self,
        clock: Clock,
        *,
        kinds: Sequence[str] = ("us",),
        seed: int = 1,
        plan: Plan | None = None,
        lifetimes: Lifetimes | None = None,
        public_url: str | None = None,
        issuer: str | None = None,
        redirect_uris: Sequence[str] | None = None,
        app: tuple[str, str] | None = None,
        verifier_token: str | None = None,
        limits: Limits = NO_LIMITS,
        books: Amounts = NO_BOOKS,
    ) -> None:
        random = Random(seed)  # noqa: S311 - reproducible on purpose; nothing here guards anything
        self._clock = clock
        self._ahead = timedelta(0)
        self.oauth = OAuthServer(random, lifetimes, public_url, issuer=issuer, redirect_uris=redirect_uris)
        if app is not None:
            self.oauth.client_id, self.oauth.client_secret = app
        since = plausible.begin(self.now(), books.months)
        opened = [seeds.seeded(kind, random, since) for kind in kinds]
        for company in opened:
            plausible.fill(company, books, seed, self.now())
        self.companies = {company.realm: company for company in opened}
        made = str(random.randrange(10**15, 10**16))
        self.verifier_token = verifier_token or made
        self.docusign = ConnectKeys(Random(seed + 3))  # noqa: S311 - as above
        self.trouble = Trouble(Random(seed + 1), plan)  # noqa: S311 - as above
        self.throttle = Throttle(limits)
        self.envelopes = Envelopes(Random(seed + 4))  # noqa: S311 - as above
        self.deliveries = Deliveries(
            Random(seed + 5),  # noqa: S311 - as above
            client_id=self.oauth.client_id,
            verifier_token=self.verifier_token,
            keys=self.docusign,
            journals=lambda: {realm: company.journal for realm, company in self.companies.items()},
            connected=lambda realm: self.oauth.grants_of(realm) > 0,
        )
        self.snapshots: dict[str, dict[str, Snapshot]] = {}
        self._tids = Random(seed + 2)  # noqa: S311 - as above
        self._late: list[Late] = []

    @property
    def docusign_keys(self) -> list[str]:
        """The keys that its DocuSign signs with at present."""
        return self.docusign.active

    def now(self) -> datetime:
        """Return the sandbox's present instant, which the control API can move ahead."""
        return self._clock.now() + self._ahead

    def handle(self, request: Request) -> Reply:
        """Answer a request."""
        self.apply_late()
        self.deliveries.read()
        try:
            reply = self._routed(decompressed(request))
        except Fault as fault:
            reply = self._fault(fault)
        return replace(reply, headers={**reply.headers, "intuit_tid": self._tid(), "qbo-version": "2073.223"})

    def _routed(self, request: Request) -> Reply:
        parts = [part for part in request.path.split("/") if part]
        if parts[:2] == ["v3", "company"] and len(parts) >= 4:  # noqa: PLR2004 - /v3/company/REALM/ENTITY
            reply = self._api(request, parts[2], parts[3:])
            return replace(reply, headers={**API_HEADERS, **reply.headers})
        if parts[:1] == ["_control"]:
            return control.answer(self, request, parts[1:])
        return self.oauth.handle(request, self._connectable(), self.now())

    def advance(self, seconds: float) -> None:
        """Move the present instant ahead."""
        self._ahead += timedelta(seconds=seconds)
        self.apply_late()

    def apply_late(self) -> None:
        """Apply the writes that are due by now."""
        now = self.now()
        due = [late for late in self._late if late.at <= now]
        self._late = [late for late in self._late if late.at > now]
        for late in due:
            late.apply()

    def change_traits(self, realm: str, changes: dict[str, Any]) -> None:
        """Change how a company is set up, as its owner does in QuickBooks."""
        company = self.companies[realm]
        traits = msgspec.convert({**msgspec.to_builtins(company.traits), **changes}, Traits)
        seeds.change_traits(company, traits, self.now())

    def _api(self, request: Request, realm: str, path: list[str]) -> Reply:
        refused = self._refused(request, realm, path)
        if refused is not None:
            return refused
        company = self.companies[realm]
        write = request.method == "POST" and path[0] != "query"
        kind = self.trouble.next(write=write)
        plan = self.trouble.plan
        if kind == "late" and write:
            at = self.now() + timedelta(seconds=plan.late_seconds)
            self._late.append(Late(at, lambda: self._answered(company, request, path)))
        before = self._before(kind)
        if before is not None:
            return before
        refusal = self.trouble.refusal(asked(request, path)) if plan.refusals else None
        if refusal is not None:
            if refusal.applied and write:
                self._answered(company, request, path)
            now = self.now()
            said = refusal.reply(envelope_time(now), int(now.timestamp() * 1000))
            return replace(said, delay_seconds=refusal.delay_seconds)
        return _spoilt(self._answered(company, request, path), kind, plan)

    def _before(self, kind: Kind | None) -> Reply | None:
        """Return the failure that comes before the request is applied."""
        if kind in {"lost_before", "late"}:
            return Reply(broken="before")
        if kind == "throttled":
            return self._fault(faults.throttled())
        if kind == "server_error":
            return self._fault(faults.application_error())
        if kind == "unauthorized":
            return self._token_refused("Token expired")
        return None

    def _answered(self, company: Company, request: Request, path: list[str]) -> Reply:
        """Apply a request once: a repeated requestid gets the first answer, byte for byte."""
        writes = request.method == "POST" and path[0] != "query"
        request_id = request.query.get("requestid") if writes else None
        if request_id and not company.traits.request_ids_of_any_entity:
            request_id = f"{request_id} {path[0]}"
        if request_id and request_id in company.replies:
            status, body = company.replies[request_id]
            return Reply(status, body)
        try:
            reply = api.answer(company, request, path, Act(self.now()))
        except Fault as fault:
            return self._fault(fault)
        if request_id:
            company.replies[request_id] = (reply.status, reply.body)
        return reply

    def _refused(self, request: Request, realm: str, path: list[str]) -> Reply | None:
        """Refuse a request without a good token, of a user without rights, or above the limits."""
        token, now = bearer_token(request), self.now()
        bearer = self.oauth.access(token, now)
        if bearer is None:
            return self._token_refused(self.oauth.refusal(token, now))
        if bearer.realm != realm or realm not in self.companies:
            return Reply(401, faults.OTHER_REALM_XML, XML)
        if bearer.user.email in self.companies[realm].traits.users_without_rights:
            return self._fault(faults.no_rights())
        read = request.method == "GET" or path[0] == "query"
        if self.throttle.refuses(realm, now, batch=path[0] == "batch", read=read):
            return self._fault(faults.throttled())
        return None

    def _connectable(self) -> dict[str, Connectable]:
        return {realm: Connectable(company.traits.name) for realm, company in self.companies.items()}

    def _fault(self, fault: Fault) -> Reply:
        return json_reply(fault.status, fault.body(envelope_time(self.now())))

    def _token_refused(self, detail: str | None) -> Reply:
        milliseconds = int(self.now().timestamp() * 1000)
        body = msgspec.json.encode(faults.authentication_body(detail, milliseconds))
        return Reply(401, body, headers=CHALLENGE)

    def _tid(self) -> str:
        return f"1-{int(self.now().timestamp()):08x}-{self._tids.getrandbits(96):024x}"


def _spoilt(reply: Reply, kind: Kind | None, plan: Plan) -> Reply:
    """Return a reply as a failure after the request spoils it."""
    if kind == "lost_answer":
        return Reply(broken="after")
    if kind == "half_body":
        return replace(reply, broken="half")
    if kind == "server_error_after":
        return Reply(503, b"<html>Service Unavailable</html>", HTML)
    return replace(reply, delay_seconds=plan.slow_seconds if kind == "slow" else plan.latency_seconds)
