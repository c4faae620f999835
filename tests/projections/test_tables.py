"""The tables of read models."""

import pytest
import sqlalchemy as sa

from projections.all import PROJECTIONS

TABLES = [table for projection in PROJECTIONS for table in projection.tables]
INDEXES = [(table, index) for table in TABLES for index in table.indexes]


@pytest.mark.parametrize(("table", "index"), INDEXES, ids=[str(index.name) for _, index in INDEXES])
def test_a_row_is_looked_up_by_its_key_and_by_no_other_index(table: sa.Table, index: sa.Index) -> None:
    # PostgreSQL prefers an index to the primary key, if it begins with a column of it and there are no statistics yet.
    first, *_ = index.columns
    assert first not in set(table.primary_key), index.columns
