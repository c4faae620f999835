"""The simulation itself: it is repeatable, reaches all cases, and notices missing safeguards."""

import asyncio
import os
import subprocess
import sys
from inspect import Parameter, signature
from pathlib import Path
from random import Random
from typing import get_args

import pytest

from worker.demo.story import Twist
from worker.sandbox.failing.trouble import KINDS
from worker.sandbox.openings.seeds import KINDS as KINDS_OF_COMPANIES
from worker.simulation import campaign, prospects
from worker.simulation.ablations import BY_NAME, SAFEGUARDS, without
from worker.simulation.changing import FLURRIES, VOIDED_NOTES
from worker.simulation.companies import MEMOS, TERMS, TIME_ZONES, UNMAPPED_PRODUCTS
from worker.simulation.database import FAULTS, Store
from worker.simulation.loop import SimulationLoop, Stuck
from worker.simulation.plan import WORKSPACES, draw
from worker.simulation.seed import run_seed
from worker.workspaces.kinds import HOLD

POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
SEEDS = range(1, 11)  # as many as reach every fault; `make prove` runs these and more


@pytest.fixture(scope="module")
def report() -> campaign.Report:
    return campaign.run(SEEDS, processes=os.cpu_count() or 1)


def test_a_seed_breaks_no_invariant(report: campaign.Report) -> None:
    assert [(verdict.name, verdict.violations) for verdict in report.failed] == []
    assert report.seeds == len(SEEDS)


def test_every_kind_of_fault_is_reached(report: campaign.Report) -> None:
    cluster = {"kill", "freeze", "clock_jump", "disconnect", "pause", "requestid_forgotten"}
    assert set(KINDS) | set(FAULTS) | cluster <= report.faults.keys()


def test_people_decide_and_are_refused_if_others_were_faster(report: campaign.Report) -> None:
    assert {
        "review_decide",
        "review_race",
        "review_edit_account",
        "review_edit_customer",
    } <= report.faults.keys()
    assert {"create_done", "map_done", "reject_done", "map_customer_taken"} <= report.faults.keys()


@pytest.mark.parametrize("seed", range(1, 17))
def test_a_seed_is_of_the_promised_size(seed: int) -> None:
    plan = draw(seed)
    assert set(plan.tales) == set(WORKSPACES)
    assert sum(len(tales) for tales in plan.tales.values()) >= 6
    assert plan.hosts == 2


def test_everything_that_can_be_drawn_is_drawn() -> None:
    plans = [draw(seed) for seed in range(1, 301)]
    companies = [company for plan in plans for company in plan.companies.values()]
    tales = [tale for plan in plans for told in plan.tales.values() for tale in told]
    assert {company.kind for company in companies} == set(KINDS_OF_COMPANIES)
    assert {company.settings.get("terms") for company in companies} == set(TERMS)
    assert {company.settings.get("time_zone") for company in companies} == set(TIME_ZONES)
    assert {company.settings.get("memo") for company in companies} == {None, *MEMOS}
    assert {len(company.market.currencies) for company in companies} == {1, 3, 4}
    assert {company.cut_over_ago is None for company in companies} == {True, False}
    assert {tale.twist for tale in tales} == set(get_args(Twist))
    assert {tale.quote["tax_mode"] for tale in tales if tale.quote} == {"exclusive", "none"}
    for what in ("restores", "interludes", "switchings", "closings", "disconnects", "pauses", "full_disk"):
        assert {bool(getattr(plan, what)) for plan in plans} == {True, False}, what
    assert {flurry for plan in plans for flurry in plan.sync.flurries} == set(FLURRIES)
    notes = {traits["voided_note"] for plan in plans for traits in plan.sync.traits}
    assert notes == set(VOIDED_NOTES)
    assert {plan.reviews is None for plan in plans} == {True, False}
    reviews = [plan.reviews for plan in plans if plan.reviews is not None]
    assert {step.kind for review in reviews for step in review.steps} == {
        *prospects.OFTEN,
        *prospects.HURRIED,
    }
    for setting, values in {"customer_sync": prospects.SYNCS, "sync_email": prospects.RULES}.items():
        assert {of[setting] for review in reviews for of in review.settings.values()} == set(values)
    assert {company.settings.get("auto_link", "off") for company in companies} == set(prospects.AUTO_LINKS)
    assert {company.settings.get("unmapped_product", HOLD) for company in companies} == set(UNMAPPED_PRODUCTS)
    # Six in ten deals get their invoice; the held ones show that no other does.
    assert 0.5 < sum(tale.expects_invoice for tale in tales) / len(tales) < 0.75


def test_the_same_seed_is_the_same_in_any_process(store: Store) -> None:
    code = (
        "import sys, tempfile; from pathlib import Path; from worker.simulation import campaign\n"
        "from worker.simulation.database import Store; from worker.simulation.seed import run_seed\n"
        "campaign.silence_logs()\n"
        "with tempfile.TemporaryDirectory() as directory:\n"
        "    store = Store(Path(directory))\n"
        "    print(*(run_seed(store, seed).trace for seed in (5, 10)))"
    )
    # Both seeds fill the disk, whose size must not depend on the store's earlier content.
    other_order = {seed: run_seed(store, seed).trace for seed in (10, 5)}
    for hash_seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[3],
        )
        assert done.stdout.split() == [other_order[5], other_order[10]]


def test_a_safeguard_is_removed_only_within_the_context() -> None:
    def attributes() -> list[object]:
        return [
            getattr(target, attribute)
            for safeguard in SAFEGUARDS
            for target, attribute, _ in safeguard.without()
        ]

    before = attributes()
    with without(list(BY_NAME)):
        assert all(now is not then for now, then in zip(attributes(), before, strict=True))
    assert attributes() == before


def test_a_stand_in_takes_the_arguments_of_its_original() -> None:
    """Otherwise a seed fails because of the stand-in, instead of the missing safeguard."""
    for safeguard in SAFEGUARDS:
        for target, attribute, stand_in in safeguard.without():
            replaced = getattr(target, attribute)
            if callable(replaced) and callable(stand_in) and not isinstance(replaced, type):
                given = [p for p in signature(replaced).parameters.values() if p.kind in POSITIONAL]
                signature(stand_in).bind(*given)


def test_a_failure_names_the_line_that_replays_it() -> None:
    [failed] = campaign.run([2], ablated=["unique_event_id"]).failed
    line = campaign.replay_line(failed, ["unique_event_id"])
    assert line == "q2c simulate --seeds 2:3 --without unique_event_id"


def test_the_loop_notices_when_no_task_can_run() -> None:
    async def wait_for_nobody() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Stuck, match="Every task waits"):
        SimulationLoop(Random(1)).run(wait_for_nobody())


def test_the_loop_notices_an_endless_run() -> None:
    async def spin() -> None:
        while True:  # noqa: ASYNC110 - going round for ever is the point
            await asyncio.sleep(0)

    with pytest.raises(Stuck, match="not ended"):
        SimulationLoop(Random(1)).run(spin())


def test_a_killed_host_runs_no_finally_and_a_frozen_one_continues() -> None:
    said: list[str] = []
    loop = SimulationLoop(Random(1))

    async def work(name: str) -> None:
        try:
            await asyncio.sleep(10)
            said.append(f"{name} goes on at {loop.time():.0f}")
        finally:
            said.append(f"{name} ends")

    async def main() -> list[str]:
        loop.spawn("killed", work("killed"))
        loop.spawn("frozen", work("frozen"))
        await asyncio.sleep(1)
        loop.kill("killed")
        loop.freeze("frozen")
        loop.call_later(49, loop.thaw, "frozen")
        await asyncio.sleep(100)
        return list(said)

    assert loop.run(main()) == ["frozen goes on at 50", "frozen ends"]
