"""The CSV files of `q2c mappings`: what is suggested for accounts or products goes out, and decisions come back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from worker.actions.bulk_reviews import DECISIONS, AccountDecision, Decision, ProductDecision
from worker.cli import spreadsheets
from worker.cli.failing import Unusable
from worker.suggesting.stages import Stage

YES = frozenset({"yes", "true", "1", "x"})
UNCOMPARED = {
    "not_connected": "no company is connected",
    "being_read": "the company is being read for the first time",
    "being_compared": "it is being compared",
}
# What accounts and products are mapped to.
TARGETS = {"account": "customer", "product": "item"}


def columns(kind: str) -> tuple[str, ...]:
    """Return the columns of a file of accounts, or of products."""
    target = TARGETS[kind]
    decided = (kind, f"{kind}_name", "state", "decision", target, f"{target}_name")
    return (*decided, "score", "margin", "reasons", "runner_up", "decided_by", "decided_at")


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping as a row of a table: a customer or item is the mapped one, or else the suggested one.

    It has the columns of its own kind, and those of any kind: `id`, `name`, `target` and `target_name`.
    """
    kind, found = row["kind"], row["suggestion"] or {}
    of = TARGETS[kind]
    is_mapped = row["target"] is not None
    target = row["target"] if is_mapped else found.get(of)
    target_name = row["target_name"] if is_mapped else found.get(f"{of}_name")
    return {
        "kind": kind,
        "id": row["id"],
        "name": row["name"],
        "state": row["state"],
        "target": target,
        "target_name": target_name,
        kind: row["id"],
        f"{kind}_name": row["name"],
        of: target,
        f"{of}_name": target_name,
        "score": found.get("score"),
        "margin": found.get("margin"),
        "reasons": ", ".join(found.get("reasons", ())),
        "runner_up": found.get("runner_up_name"),
        "decided_by": row["by"],
        "decided_at": row["decided_at"],
    }


def with_stage(row: dict[str, Any], stage: Stage) -> dict[str, Any]:
    """Return a mapping with the reason that it was not compared yet, if it is unmatched for that reason."""
    return {**row, "unmatched": stage if row["state"] == "unmatched" and stage != "compared" else None}


def told(row: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping as a row of a table; its state has the reason that it was not compared yet."""
    state = f"{row['state']}: {UNCOMPARED[row['unmatched']]}" if row["unmatched"] else row["state"]
    return {**flat(row), "state": state}


def decisions(file: Path) -> Iterator[AccountDecision | ProductDecision]:
    """Yield the decisions of a file.

    Raises:
        Unusable: It has no column of accounts or products, or a decision that is none.
    """
    for line, row in spreadsheets.read(file):
        if "decision" not in row or not TARGETS.keys() & row.keys():
            raise Unusable(f"{file}: it needs the columns account and decision, or product and decision.")
        decision = next((each for each in DECISIONS if each == row["decision"].casefold()), None)
        if decision is None and row["decision"]:
            raise Unusable(
                f"{file}, line {line}: {row['decision']!r} is no decision; choose from {', '.join(DECISIONS)}."
            )
        if decision is not None:
            yield _decision(row, decision)


def _decision(row: dict[str, str], decision: Decision) -> AccountDecision | ProductDecision:
    if row.get("product"):
        return ProductDecision(row["product"], decision, row.get("item") or None)
    also = row.get("also", "").casefold() in YES
    return AccountDecision(row.get("account", ""), decision, row.get("customer") or None, also)
