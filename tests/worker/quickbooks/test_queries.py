from hypothesis import given
from hypothesis import strategies as st

from worker.quickbooks.queries import quoted, select


def test_a_page_is_in_a_stable_order() -> None:
    assert select("Invoice", [("CustomerRef", "=", "8")], start=1001) == (
        "SELECT * FROM Invoice WHERE CustomerRef = '8' ORDERBY Id STARTPOSITION 1001 MAXRESULTS 1000"
    )


def test_conditions_are_joined() -> None:
    statement = select("Invoice", [("CustomerRef", "=", "8"), ("TxnDate", ">=", "2026-05-05")])
    assert "WHERE CustomerRef = '8' AND TxnDate >= '2026-05-05' ORDERBY" in statement


def test_apostrophes_and_backslashes_are_escaped() -> None:
    assert quoted("O'Neil") == r"'O\'Neil'"
    assert quoted("a\\") == r"'a\\'"


@given(st.text())
def test_nothing_escapes_its_quotes(value: str) -> None:
    inside = quoted(value)[1:-1]
    plain, at = [], 0
    while at < len(inside):
        assert inside[at] != "'"
        at += inside[at] == "\\"
        plain.append(inside[at])
        at += 1
    assert "".join(plain) == value
