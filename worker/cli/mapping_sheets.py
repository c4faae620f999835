"""The CSV files of `q2c mappings`: what is suggested for accounts or products goes out, and decisions come back."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from worker.actions.bulk_reviews import DECISIONS, MappingDecision, decision_about
from worker.actions.reviewed import ACCOUNTS, KINDS, PRODUCTS
from worker.cli import spreadsheets
from worker.cli.failing import Unusable
from worker.suggesting.stages import Stage

YES = frozenset({"yes", "true", "1", "x"})
UNCOMPARED = {
    "not_connected": "no company is connected",
    "being_read": "the company is being read for the first time",
    "being_compared": "it is being compared",
}


def columns(kind: str) -> tuple[str, ...]:
    """Return the columns of a file of accounts, or of products."""
    target = KINDS[kind].target
    decided = (kind, f"{kind}_name", "state", "decision", target, f"{target}_name")
    return (*decided, "score", "margin", "reasons", "runner_up", "decided_by", "decided_at")


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping as a row of a table: a customer or item is the mapped one, or else the suggested one.

    It has the columns of its own kind, and those of any kind: `id`, `name`, `target` and `target_name`.
    """
    kind, found = row["kind"], row["suggestion"] or {}
    of = KINDS[kind].target
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


def decisions(file: Path, *, products: bool = False) -> Iterator[MappingDecision]:
    """Yield the decisions of a file: about products if it has that column, and it is filled in; else about accounts.

    Raises:
        Unusable: It has no column of accounts or products, or, with `products`, none of products; or a decision that is none.
    """
    for line, row in spreadsheets.read(file):
        if "decision" not in row or not ({"product"} if products else KINDS.keys()) & row.keys():
            needed = "product and decision" if products else "account and decision, or product and decision"
            raise Unusable(f"{file}: it needs the columns {needed}.")
        decision = next((each for each in DECISIONS if each == row["decision"].casefold()), None)
        if decision is None and row["decision"]:
            raise Unusable(
                f"{file}, line {line}: {row['decision']!r} is no decision; choose from {', '.join(DECISIONS)}."
            )
        if decision is not None:
            kind = PRODUCTS if products or row.get("product") else ACCOUNTS
            also = kind is ACCOUNTS and row.get("also", "").casefold() in YES
            yield decision_about(
                kind, row.get(kind.noun, ""), decision, row.get(kind.target) or None, also=also
            )
