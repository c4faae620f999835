"""The worker recovers from a kill after a single step, and the absence of the guards against late sends is noticed."""

from collections.abc import Callable
from typing import Any

import pytest

from worker.commands import transitions
from worker.commands.attempts import Attempts
from worker.commands.claimed import Claimed
from worker.simulation import crashpoints
from worker.simulation.cluster import Cluster
from worker.simulation.database import Store
from worker.simulation.seed import run_seed


@pytest.mark.parametrize("workload", crashpoints.WORKLOADS, ids=lambda workload: workload.name)
def test_a_kill_after_a_step_is_recovered_from(store: Store, workload: crashpoints.Workload) -> None:
    last = crashpoints.steps_of(store, workload)
    assert last > 100
    point = crashpoints.CrashPoint(workload.name, crashpoints.FIRST_SEED, last // 2)
    verdict = crashpoints.kill_at(store, point)
    assert verdict.violations == (), verdict.name
    assert verdict.faults["freeze" if workload.frozen_seconds else "kill"] >= 1


@pytest.mark.parametrize(
    ("instead", "kind"),
    [
        ({"_is_noted": lambda _, command: command.noted_at is not None}, "create_customer"),
        ({"_is_noted": lambda *_: False, "_is_in_time": lambda *_: True}, "create_invoice"),
    ],
    ids=["a note holds for ever", "noting may take for ever"],
)
def test_a_host_that_sends_after_it_is_thawed_would_be_noticed(
    store: Store, monkeypatch: pytest.MonkeyPatch, instead: dict[str, Callable[..., bool]], kind: str
) -> None:
    """Suspended within a few steps of the send: recorded with the claim, or just before."""
    workload = next(workload for workload in crashpoints.WORKLOADS if workload.name == "frozen")
    send = Attempts._send
    steps_taken, about_to_send = 0, list[int]()

    def count(_: Cluster, life: str) -> None:
        nonlocal steps_taken
        steps_taken += life == "w1#1"

    async def sending(self: Attempts, command: Claimed) -> str:
        if command.key.kind == kind:
            about_to_send.append(steps_taken)
        return await send(self, command)

    for name, stand_in in instead.items():
        monkeypatch.setattr(Attempts, name, stand_in)
    with monkeypatch.context() as watching:
        watching.setattr(Attempts, "_send", sending)
        plan = crashpoints.plan(workload, crashpoints.FIRST_SEED)
        assert run_seed(store, crashpoints.FIRST_SEED, plan, count).violations == ()
    verdicts = (
        crashpoints.kill_at(
            store, crashpoints.CrashPoint(workload.name, crashpoints.FIRST_SEED, step + later)
        )
        for step in about_to_send
        for later in range(6)
    )
    assert any("after its lease" in violation for verdict in verdicts for violation in verdict.violations)


def test_ending_a_connection_made_meanwhile_is_noticed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    workload = next(workload for workload in crashpoints.WORKLOADS if workload.name == "frozen_cut_off")
    disconnected, is_cut_off = transitions.disconnected, transitions._is_cut_off
    steps_taken, noted_at = 0, list[int]()

    def count(_: Cluster, life: str) -> None:
        nonlocal steps_taken
        steps_taken += life == "w1#1"

    def noting(*args: Any) -> transitions.Transition:
        noted_at.append(steps_taken)
        return disconnected(*args)

    monkeypatch.setattr(transitions, "disconnected", noting)
    found: list[str] = []
    for seed in range(1, 9):  # an admin may or may not be faster than the thaw, and the pause of the company
        steps_taken = 0
        noted_at.clear()
        monkeypatch.setattr(transitions, "_is_cut_off", is_cut_off)
        assert run_seed(store, seed, crashpoints.plan(workload, seed), count).violations == ()
        monkeypatch.setattr(transitions, "_is_cut_off", lambda company, *_: company.connected)
        if not noted_at:
            continue
        for later in (0, 1, 2):
            point = crashpoints.CrashPoint(workload.name, seed, noted_at[0] + later)
            found += crashpoints.kill_at(store, point).violations
        if found:
            break
    assert any("has 2 events of an ended connection" in violation for violation in found)


def test_beyond_the_moments_of_a_seed_come_those_of_the_next(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crashpoints, "WORKLOADS", crashpoints.WORKLOADS[:2])
    beyond = len(crashpoints._moments(store, crashpoints.FIRST_SEED)) + 10
    moments = crashpoints.spread(store, beyond)
    assert len(set(moments)) == beyond
    assert {moment.seed for moment in moments} == {1, 2}
    verdict = crashpoints.kill_at(store, crashpoints.parse(moments[-1].name))
    assert verdict.violations == ()
    assert verdict.name == moments[-1].name
