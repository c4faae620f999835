"""The real `q2c up`, killed at random moments while events arrive: it loses no acknowledged event."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec

from events.clock import SystemClock
from projections import queries
from tests.proof.amounts import AMOUNTS
from worker.connections import consenting
from worker.demo import announced, play, proof, stage, story
from worker.demo.doors import Doors, open_workspace
from worker.demo.place import Place
from worker.demo.story import Tale
from worker.roles.idle import wait_until_idle
from worker.runtime.environment import Environment
from worker.sandbox.failing.trouble import Plan
from worker.sandbox.service import Sandbox
from worker.services import Services, open_services

KILLS, SEED = AMOUNTS.kills, AMOUNTS.seed
WORKSPACE = "demo"
DEALS_PER_KILL = 0.6
UP_SECONDS_MAX = 1.0
TROUBLE = Plan(rate=0.2, late_seconds=1.5, slow_seconds=0.5)


class Diary(Doors):
    """The senders, which record acknowledged events."""

    acknowledged: set[str]

    async def crm(self, kind: str, data: Any) -> None:
        await super().crm(kind, data)
        names = (f"{kind}-{item.get('deal_id') or item['account_id']}-{item['revision']}" for item in data)
        self.acknowledged.update(names)


async def test_nothing_acknowledged_is_lost_and_the_books_are_right(tmp_path: Path) -> None:
    random = Random(SEED)
    clock = SystemClock()
    began_at = clock.now()
    sandbox = Sandbox(clock, seed=SEED)
    async with stage.running_sandbox(sandbox) as sandbox_url:
        port = stage.free_port()
        place = Place(tmp_path, {"database_url": f"sqlite:///{tmp_path / 'q2c.sqlite3'}"})
        environment = play.environment_of(place, sandbox, sandbox_url, port)
        services = await open_services(Environment(**environment))
        worker = stage.Worker(tmp_path, play.variables_of(environment), port)
        try:
            await worker.start()
            tales = story.tales(max(6, int(KILLS * DEALS_PER_KILL)), random, clock.now())
            async with httpx.AsyncClient(timeout=10) as http:
                diary = await _set_up(services, sandbox, http, random)
                sandbox.trouble.follow(TROUBLE)
                pouring = asyncio.create_task(_pour(diary, tales, random))
                for _ in range(KILLS):
                    await asyncio.sleep(random.uniform(0, UP_SECONDS_MAX))
                    await worker.kill()
                await pouring
            sandbox.trouble.follow(Plan())
            idleness = await wait_until_idle(services, 120)
            assert idleness.idle, idleness.waiting_for
            assert worker.restarts == KILLS
            rows = await services.database.read(queries.list_deals, WORKSPACE)
            messages = await services.database.read(announced.read, WORKSPACE)
            (realm, opened), *_ = sandbox.companies.items()
            company = play.company_of(WORKSPACE, realm, opened.traits, opened.books())
        finally:
            await worker.stop()
            await services.database.close()
        found = proof.prove(tales, rows, company, play.settings_between(began_at, clock.now()), messages)
        assert found.wrong == ()
        assert found.duplicates == 0
        assert await _verified(play.variables_of(environment)) == {"good": True}
    kept = sqlite3.connect(tmp_path / "q2c.sqlite3")
    assert kept.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert diary.acknowledged <= {name for (name,) in kept.execute("SELECT id FROM events")}


async def _set_up(services: Services, sandbox: Sandbox, http: httpx.AsyncClient, random: Random) -> Diary:
    secrets = await open_workspace(services, WORKSPACE, sandbox.docusign_keys)
    diary = Diary(http, services.clock, random, url=services.environment.public_url, secrets=secrets)
    diary.acknowledged = set()
    await diary.connect(await consenting.begin(services, WORKSPACE), next(iter(sandbox.companies)))
    await diary.api("settings", {"changes": {**play.SETTINGS, "cut_over": "2026-01-01T00:00:00Z"}})
    return diary


async def _pour(diary: Diary, tales: list[Tale], random: Random) -> None:
    await play.introduce(diary)
    for tale in tales:
        await play.tell(diary, tale, random)


async def _verified(variables: dict[str, str]) -> dict[str, Any]:
    verifying = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", "from worker.cli import main; main()", "verify", "--json"),
        stdout=subprocess.PIPE,
        env={**os.environ, **variables},
    )
    stdout, _ = await verifying.communicate()
    answer = msgspec.json.decode(stdout, type=dict[str, Any])
    broken = {name: found for name, found in answer["violations"].items() if found}
    return {"good": answer["good"], **broken}
