"""Compare what was observed with QuickBooks' books."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from events.contract import catalog, json
from events.contract.observed import SaleObserved
from worker.sync.entities import OBSERVABLES, Observable, named
from worker.sync.tables import observed

Objects = Sequence[Mapping[str, Any]]


def differences(connection: sa.Connection, realm: str, books: Mapping[str, Objects]) -> Iterator[str]:
    """Yield a sentence for each object whose last observed version differs from the books of a company.

    `books` are the objects of each kind, as QuickBooks answers them. At rest, after a sync, there is no difference.
    """
    for observable in OBSERVABLES:
        rows = connection.execute(
            sa.select(observed.c.entity_id, observed.c.content).where(
                observed.c.realm == realm, observed.c.entity == observable.name, observed.c.fate != "gone"
            )
        )
        known = {row.entity_id: row.content for row in rows}
        present = {row["Id"]: row for row in books.get(observable.name, ())}
        for entity_id in sorted(known.keys() | present.keys()):
            name = named(observable.name, entity_id)
            if entity_id not in known:
                yield f"{name} is in QuickBooks and was not observed"
            elif entity_id not in present:
                yield f"{name} was observed and is not in QuickBooks"
            elif (expected := _content(observable, realm, present[entity_id], known[entity_id])) != known[
                entity_id
            ]:
                yield f"{name} was observed as {known[entity_id]}, and is {expected}"


def _content(observable: Observable, realm: str, row: Mapping[str, Any], known: str) -> str:
    """Return the kept fields of an object; whether a transaction was voided may be known by a notice alone."""
    fact = observable.fact(realm, row)
    if isinstance(fact, SaleObserved) and fact.total == 0:
        fact = replace(fact, voided=catalog.payload(observable.event, known).voided)
    return json.encode(replace(fact, sync_token=0))
