"""The sandbox: a QuickBooks and DocuSign to test against."""

import asyncio
import gc
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from events.clock import SystemClock
from worker.cli.failing import Unusable
from worker.cli.options import HOST, JsonOption
from worker.cli.output import people, print_exports, print_json
from worker.roles.supervisor import stop_signals
from worker.runtime.serving import KeyPair
from worker.sandbox import server
from worker.sandbox.certificate import made
from worker.sandbox.failing.throttles import NO_LIMITS, Limits
from worker.sandbox.failing.trouble import Plan
from worker.sandbox.openings import seeds
from worker.sandbox.openings.plausible import Amounts
from worker.sandbox.service import Sandbox
from worker.sandbox.webhooks.receivers import InvalidDelivery, check_url
from worker.sandbox.webhooks.subscriptions import QuickBooksSubscription


def sandbox(
    *,
    host: Annotated[str, typer.Option(help="Address the sandbox listens on.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Its port; 0 picks a free one.")] = 8089,
    company: Annotated[
        list[str] | None,
        typer.Option(help="Kind of company: us, us-ast, uk or ca; may be repeated. Default: us."),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            envvar="Q2C_SANDBOX_SEED", help="Seed of the companies and faults; the same seed repeats them."
        ),
    ] = 1,
    customers: Annotated[int, typer.Option(min=0, help="New customers of each company.")] = 0,
    items: Annotated[int, typer.Option(min=0, help="New products and services of each company.")] = 0,
    history: Annotated[
        int, typer.Option(min=0, max=120, help="Months of invoices, most of them paid, of each company.")
    ] = 0,
    client_id: Annotated[
        str | None,
        typer.Option(
            envvar="Q2C_SANDBOX_CLIENT_ID", help="Client ID of its app; default: made from the seed."
        ),
    ] = None,
    client_secret: Annotated[
        str | None, typer.Option(envvar="Q2C_SANDBOX_CLIENT_SECRET", help="Client secret of its app.")
    ] = None,
    verifier_token: Annotated[
        str | None,
        typer.Option(
            envvar="Q2C_SANDBOX_VERIFIER_TOKEN",
            help="Verifier token that signs its webhooks; default: made from the seed.",
        ),
    ] = None,
    webhooks: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Address that it sends QuickBooks' webhooks to, such as http://127.0.0.1:8000/webhooks/quickbooks.",
        ),
    ] = None,
    faults: Annotated[float, typer.Option(min=0, max=1, help="Share of requests that fail, 0 to 1.")] = 0,
    public_url: Annotated[
        str | None, typer.Option(help="URL of its consent page for browsers, if the worker uses another.")
    ] = None,
    limits: Annotated[
        bool, typer.Option(help="Whether QuickBooks' limits on requests apply: 500 a minute, 10 a second.")
    ] = True,
    issuer: Annotated[
        str | None,
        typer.Option(
            help="Issuer of its ID tokens; default: the sandbox itself. Some clients take only "
            "https://oauth.platform.intuit.com/op/v1."
        ),
    ] = None,
    redirect_uri: Annotated[
        list[str] | None,
        typer.Option(help="Redirect URI of its app; may be repeated. Default: any is accepted."),
    ] = None,
    tls: Annotated[
        bool,
        typer.Option("--tls", help="Serve https, with a certificate that it makes; the path is printed."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a QuickBooks and DocuSign to test against."""
    kinds = company or ["us"]
    if unknown := [kind for kind in kinds if kind not in seeds.KINDS]:
        raise Unusable(f"Unknown company {unknown[0]!r}; choose from {', '.join(seeds.KINDS)}.")
    if (client_id is None) != (client_secret is None):
        raise Unusable("Set --client-id and --client-secret together, or neither.")
    app = (client_id, client_secret) if client_id and client_secret else None
    clock = SystemClock()
    box = Sandbox(
        clock,
        kinds=kinds,
        seed=seed,
        plan=Plan(rate=faults),
        public_url=public_url,
        issuer=issuer,
        redirect_uris=redirect_uri,
        app=app,
        verifier_token=verifier_token,
        limits=Limits() if limits else NO_LIMITS,
        books=Amounts(customers, items, history),
    )

    gc.freeze()  # the books stay: looking through large ones for garbage would take longer than most answers
    if webhooks is not None:
        _subscribe(box, webhooks)

    def ready(url: str, key_pair: KeyPair | None) -> None:
        if as_json:
            print_json(server.ready_line(box, url, key_pair))
            return
        companies = ", ".join(f"{found.traits.name} ({realm})" for realm, found in box.companies.items())
        people.print(f"QuickBooks is at {url}, with {companies}. Stop with Ctrl-C.", soft_wrap=True)
        people.print("Its DocuSign signs with these keys; add them to your workspace once:", soft_wrap=True)
        for key in box.docusign_keys:
            people.print(f"q2c workspace docusign-key add {key}", soft_wrap=True)
        people.print("To point a worker at it:")
        print_exports(server.exports(box, url, key_pair))
        if key_pair is not None:
            people.print(f"Let other clients trust this certificate: {key_pair.certificate}", soft_wrap=True)

    async def work(key_pair: KeyPair | None) -> None:
        with stop_signals() as stopping:
            await server.run(
                box,
                clock,
                host=host,
                port=port,
                ready=lambda url: ready(url, key_pair),
                stopping=stopping,
                key_pair=key_pair,
            )

    with TemporaryDirectory(prefix="q2c-sandbox-") as directory:
        asyncio.run(work(made(Path(directory), host, clock.now()) if tls else None))


def _subscribe(box: Sandbox, url: str) -> None:
    """Have the sandbox send QuickBooks' webhooks to a worker, which may not run yet: they are sent until it answers."""
    try:
        check_url(url)
    except InvalidDelivery as error:
        raise Unusable(f"--webhooks {url}: expected an http or https address.") from error
    box.deliveries.subscribe(QuickBooksSubscription(url))
