"""A workspace for each company of the sandbox: connected, with settings, accounts and products."""

from random import Random

import httpx

from tests.chaos.ground import Ground
from tests.chaos.pouring import Visitor
from worker.connections import consenting
from worker.demo import play
from worker.demo.doors import open_workspace

CUT_OVER = "2026-01-01T00:00:00Z"


async def open_companies(ground: Ground, http: httpx.AsyncClient, seed: int) -> dict[str, Visitor]:
    """Set up each company through the doors of the running worker."""
    visitors = {}
    for number, realm in enumerate(ground.sandbox.realms):
        visitor = await _open(ground, http, f"company-{number + 1}", realm, Random(f"{seed} visits {number}"))
        visitors[visitor.workspace] = visitor
    return visitors


async def _open(ground: Ground, http: httpx.AsyncClient, name: str, realm: str, random: Random) -> Visitor:
    services = ground.services
    secrets = await open_workspace(services, name, ground.sandbox.docusign_keys)
    visitor = Visitor(http, services.clock, random, url=services.environment.public_url, secrets=secrets)
    await visitor.connect(await consenting.begin(services, name), realm)
    await visitor.api("settings", {"changes": {**play.SETTINGS, "cut_over": CUT_OVER}})
    await play.introduce(visitor)
    return visitor
