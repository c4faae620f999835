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
    assert report.compared == {"nights": 1, "I10": 0, "I11": 0}
    assert report.people["review_decide"] > 0
    assert report.in_step["customers_created"] > 0
    left = {
        name: msgspec.json.decode((tmp_path / "out" / f"{name}.json").read_bytes())
        for name in ("books", "log", "counts")
    }
    assert left["counts"]["invoices"] == report.invoices
    assert sum(len(books["Invoice"]) for books in left["books"].values()) >= report.invoices
    positions = [event["position"] for event in left["log"]]
    assert positions == sorted(positions) != []


def test_what_accounts_and_customers_do_is_drawn_for_weeks() -> None:
    drawn = [business.draw(seed, 14) for seed in range(1, 31)]
    reviews = [each.plan.reviews for each in drawn if each.plan.reviews is not None]
    assert len(reviews) == len(drawn)
    assert {step.kind for review in reviews for step in review.steps} == business.OFTEN.keys()
    assert {int(step.at // business.DAY_SECONDS) for review in reviews for step in review.steps} == set(
        range(14)
    )
    chosen = {name for each in drawn for _, _, setting in each.choices for name in setting}
    assert {"sync_frequency", "customer_sync", "sync_email", "unmapped_customer", "auto_link"} <= chosen


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
