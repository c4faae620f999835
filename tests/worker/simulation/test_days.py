"""Days of business on one virtual clock: what they leave, and that a defect is found."""

from pathlib import Path

import msgspec
import pytest

from worker.simulation import business, days
from worker.simulation.database import Store
from worker.sync import asking
from worker.sync.asking import ChangesSince


def test_days_of_business_end_in_step_with_the_books(store: Store, tmp_path: Path) -> None:
    report = days.play(store, 3, 2, tmp_path / "out")
    assert report.findings == ()
    assert report.won == report.invoices > 0
    assert report.virtual_days >= 2
    assert {"cdc", "batch", "query", "write"} <= report.requests.keys()
    assert report.changes >= report.changed_objects > report.invoices
    left = {
        name: msgspec.json.decode((tmp_path / "out" / f"{name}.json").read_bytes())
        for name in ("books", "log", "counts")
    }
    assert left["counts"]["invoices"] == report.invoices
    assert sum(len(books["Invoice"]) for books in left["books"].values()) >= report.invoices
    positions = [event["position"] for event in left["log"]]
    assert positions == sorted(positions) != []


def test_a_sync_that_reads_nothing_is_found(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = asking.changes

    async def nothing(*args: object) -> ChangesSince:
        found = await changes(*args)  # type: ignore[arg-type] # as `changes` takes them
        return ChangesSince({entity: [] for entity in found.rows}, found.answered_at)

    monkeypatch.setattr(asking, "changes", nothing)
    drawn = business.draw(3, 1)
    lost = msgspec.structs.replace(
        drawn.plan.sync.subscription,
        mishaps=msgspec.structs.replace(drawn.plan.sync.subscription.mishaps, probability={"lost": 1.0}),
    )
    sync = msgspec.structs.replace(
        drawn.plan.sync, subscription=lost, edits=tuple((40_000.0 + at, "acme") for at in range(5))
    )
    plan = msgspec.structs.replace(drawn.plan, sync=sync, disconnects=())
    monkeypatch.setattr(business, "draw", lambda *_: msgspec.structs.replace(drawn, plan=plan))
    report = days.play(store, 3, 1)
    assert any("is in QuickBooks and was not observed" in finding for finding in report.findings)
