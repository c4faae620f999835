"""Run the demo from beginning to end."""

import asyncio
import base64
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
from msgspec import Struct
from msgspec.structs import replace
from pydantic import SecretStr

from events.clock import SystemClock, SystemEntropy
from worker.connections import consenting
from worker.demo import announced, market, noticed, proof, stage, story
from worker.demo.doors import Doors, open_workspace
from worker.demo.expected import AppliedSettings, Books, CompanyBooks
from worker.demo.noticed import Noticing
from worker.demo.place import Place, lay
from worker.demo.proof import Proof
from worker.demo.story import Tale
from worker.quote_to_cash.explain import list_deals
from worker.roles.idle import Idleness, wait_until_idle
from worker.runtime.environment import TOKEN_KEY_BYTES, Environment, environment
from worker.sandbox.books.traits import Traits
from worker.sandbox.failing.trouble import Plan
from worker.sandbox.service import Sandbox
from worker.services import Services, open_services

WORKSPACE = "demo"
SEED = 20_260_505
# A command with seven attempts waits two minutes in all; if nearly half of all requests fail, some need that many.
IDLE_SECONDS_MAX = 300.0
LATE_SECONDS = 1.5
NAME_BYTES = 4
SETTINGS = {
    "auto_invoice": "true",
    "income_account": "Services",
    "terms": "Net 30",
    "memo": "Deal {deal_id}: {deal_name} {po_number}",
}


class Performance(Struct, frozen=True):
    """The result of a demo: the proof, and the numbers of the run."""

    proof: Proof
    tales: Sequence[Tale]
    rows: Sequence[dict[str, Any]]
    books: dict[str, list[dict[str, Any]]]
    faults: dict[str, int]
    events_sent: int
    notices: int
    restarts: int
    seconds: float
    idleness: Idleness
    directory: Path
    url: str
    sandbox_url: str
    environment: dict[str, str]


async def play(
    *,
    deals: int,
    faults: float,
    say: Callable[[str], None],
    curtain: Callable[[Performance], Any],
    keep: Callable[[], Any] | None,
) -> None:
    """Run the demo; pass the result to `curtain`, and keep running while `keep` waits."""
    clock, entropy = SystemClock(), SystemEntropy()
    sandbox = Sandbox(clock, kinds=("us",), seed=SEED, plan=Plan(late_seconds=LATE_SECONDS))
    name = f"q2c-demo-{entropy.nonce(NAME_BYTES).hex()}"
    async with (
        lay(environment(), name, kept=keep is not None) as place,
        stage.running_sandbox(sandbox) as sandbox_url,
    ):
        port = stage.free_port()
        settings = environment_of(place, sandbox, sandbox_url, port)
        noticing = noticed.subscribe(sandbox, settings["public_url"])
        services = await open_services(Environment(**settings))
        variables = variables_of(settings)
        worker = stage.Worker(place.directory, variables, port)
        try:
            performance = await _act(
                services,
                worker,
                place.directory,
                sandbox,
                noticing,
                variables,
                deals=deals,
                faults=faults,
                say=say,
            )
            curtain(performance)
            if keep is not None:
                await keep()
        finally:
            await worker.stop()
            await services.database.close()


async def _act(
    services: Services,
    worker: stage.Worker,
    directory: Path,
    sandbox: Sandbox,
    noticing: Noticing,
    variables: dict[str, str],
    *,
    deals: int,
    faults: float,
    say: Callable[[str], None],
) -> Performance:
    clock = services.clock
    random = Random(SEED)  # noqa: S311 - a story that is the same every time
    url = services.environment.public_url
    started, began_at = clock.monotonic(), clock.now()
    say("Starting the worker")
    await worker.start()
    secrets = await open_workspace(services, WORKSPACE, sandbox.docusign_keys)
    tales = story.tales(deals, random, clock.now())
    async with httpx.AsyncClient(timeout=10) as http:
        doors = Doors(http, clock, random, url=url, secrets=secrets)
        say("Connecting QuickBooks: consent, callback, tokens")
        await doors.connect(await consenting.begin(services, WORKSPACE), next(iter(sandbox.companies)))
        cut_over = story.day_of_the_first(tales)
        await doors.api("settings", {"changes": {**SETTINGS, "cut_over": cut_over.isoformat()}})
        if faults:
            say(f"Making {faults:.0%} of all requests to QuickBooks fail")
        sandbox.trouble.follow(Plan(rate=faults, late_seconds=LATE_SECONDS, slow_seconds=0.5))
        await _tell(doors, worker, tales, random, say)
        say("Waiting until no work is left")
        await wait_until_idle(services, IDLE_SECONDS_MAX)
        await noticed.wait_until_delivered(sandbox, noticing, clock)
        idleness = await wait_until_idle(services, IDLE_SECONDS_MAX)
        sandbox.trouble.follow(Plan())
        books_url = (
            f"{services.environment.quickbooks_api_url}/_control/books/{next(iter(sandbox.companies))}"
        )
        books = msgspec.json.Decoder(dict[str, list[dict[str, Any]]], float_hook=Decimal).decode(
            (await http.get(books_url)).content
        )
    rows = await services.database.read(list_deals, WORKSPACE)
    messages = await services.database.read(announced.read, WORKSPACE)
    notices = await services.database.read(noticed.read, WORKSPACE)
    (realm, company), *_ = sandbox.companies.items()
    shown = company_of(WORKSPACE, realm, company.traits, books)
    chosen = settings_between(began_at, clock.now())
    proven = proof.prove(tales, rows, shown, chosen, messages)
    unnoticed = tuple(noticed.problems(sandbox, noticing, notices))
    return Performance(
        proof=replace(proven, wrong=(*proven.wrong, *unnoticed)),
        tales=tales,
        rows=rows,
        books=books,
        faults=dict(sorted(sandbox.trouble.counts.items())),
        events_sent=doors.sent,
        notices=len(notices),
        restarts=worker.restarts,
        seconds=round(clock.monotonic() - started, 1),
        idleness=idleness,
        directory=directory,
        url=url,
        sandbox_url=services.environment.quickbooks_api_url,
        environment={**variables, "Q2C_WORKSPACE": WORKSPACE},
    )


async def _tell(
    doors: Doors, worker: stage.Worker, tales: Sequence[Tale], random: Random, say: Callable[[str], None]
) -> None:
    """Send everything in a realistic disorder, and kill the worker twice meanwhile."""
    say(f"Sending {len(tales)} deals from the CRM and their contracts from DocuSign")
    await introduce(doors)
    acts = random.sample(tales, len(tales))
    kills = {len(acts) // 3, 2 * len(acts) // 3}
    for place, tale in enumerate(acts):
        if place in kills:
            say("Killing the worker (SIGKILL), and starting it again")
            await asyncio.gather(worker.kill(), tell(doors, tale, random))
        else:
            await tell(doors, tale, random)


async def introduce(doors: Doors) -> None:
    """Send the accounts, and request a customer for each account and an item for each product."""
    await doors.crm("account.updated.v1", market.accounts())
    for place in range(1, len(market.ACCOUNTS) + 1):
        await doors.api(f"mappings/accounts/A-{place:02}", {})
    for product_id, *_ in market.PRODUCTS:
        await doors.api(f"mappings/products/{product_id}", {})


async def tell(doors: Doors, tale: Tale, random: Random) -> None:
    """Send a deal's snapshots and contract, not always in order."""
    snapshots = list(tale.snapshots)
    overtaking = tale.twist not in story.IN_ORDER and random.random() < 0.5  # noqa: PLR2004 - half
    if overtaking:
        await doors.crm("deal.updated.v1", snapshots[:-1] or snapshots)
        await doors.contract(tale)
        await doors.crm("deal.updated.v1", snapshots[-1:])
    else:
        random.shuffle(snapshots)
        await doors.crm("deal.updated.v1", snapshots)
        await doors.contract(tale)


def company_of(workspace: str, realm: str, traits: Traits, books: Books) -> CompanyBooks:
    """Return a workspace and its company, in which `introduce` has created every item and customer."""
    accounts = {account["account_id"]: account for account in market.accounts()}
    return CompanyBooks(workspace, realm, traits, books, accounts, {}, {}, SETTINGS["income_account"])


def settings_between(since: datetime, until: datetime) -> AppliedSettings:
    """Return `SETTINGS` as applied to invoices that were sent between two instants."""
    return AppliedSettings(SETTINGS["memo"], SETTINGS["terms"], None, since, until)


def environment_of(place: Place, sandbox: Sandbox, sandbox_url: str, port: int) -> dict[str, Any]:
    """Return the settings of a worker that runs in a place, against a sandbox."""
    key = base64.urlsafe_b64encode(Random(SEED).randbytes(TOKEN_KEY_BYTES)).decode()  # noqa: S311 - guards a sandbox
    return {
        **place.settings,
        "public_url": f"http://{stage.HOST}:{port}",
        "token_keys": key,
        "quickbooks_api_url": sandbox_url,
        "quickbooks_discovery_url": f"{sandbox_url}/.well-known/openid_sandbox_configuration",
        "quickbooks_client_id": sandbox.oauth.client_id,
        "quickbooks_client_secret": SecretStr(sandbox.oauth.client_secret),
        "quickbooks_verifier_token": SecretStr(sandbox.verifier_token),
        "quickbooks_timeout_seconds": 1,
        "quickbooks_settle_seconds": 2,
        "quickbooks_throttled_seconds": 2,
    }


def variables_of(environment: dict[str, Any]) -> dict[str, str]:
    """Write settings as environment variables."""
    return {f"Q2C_{name.upper()}": _written(value) for name, value in environment.items()}


def _written(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return msgspec.json.encode(value).decode() if isinstance(value, dict) else str(value)
