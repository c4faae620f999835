"""The query language: what it selects, in which order, and what it refuses in QuickBooks' own codes."""
# ruff: noqa: S608 - the texts are the subject, and there is no database

import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.worker.sandbox.app import App, decoded, fault, invoice, line
from worker.sandbox import accountant
from worker.sandbox.entities.catalog import ENTITIES
from worker.sandbox.faults import Fault
from worker.sandbox.queries import query
from worker.sandbox.queries.statements import Condition, Statement, parse

BOOKS = App()
BOOKS.made("Invoice", invoice())
NAMES = ("Ada O'Neil", "Bell \\ Sons", "007", "7", "100% Wool", "ada zwei")


@pytest.fixture
def shop(app: App) -> App:
    """Customers 4 to 9 by name, and invoices 1 to 4 over 10, 9, 100 and 2.50."""
    for name in NAMES:
        app.made("Customer", {"DisplayName": name})
        app.clock.advance(1)
    for number, amount in enumerate((10, 9, 100, Decimal("2.5")), start=1):
        app.made("Invoice", invoice(line(amount), DocNumber=f"N-{number}"))
        app.clock.advance(1)
    return app


def ids(shop: App, where: str, entity: str = "Invoice") -> list[str]:
    return [row["Id"] for row in shop.rows(f"SELECT * FROM {entity} WHERE {where} ORDERBY Id")]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("TotalAmt = '10'", "1"),
        ("TotalAmt = '10.00'", "1"),
        ("TotalAmt != '10'", "2 3 4"),
        ("TotalAmt < '10'", "2 4"),
        ("TotalAmt <= '10'", "1 2 4"),
        ("TotalAmt > '10'", "3"),
        ("TotalAmt>='10'", "1 3"),
        ("TotalAmt > '1' AND TotalAmt < '10' and DocNumber != 'N-4'", "2"),
        ("Id > '1'", "2 3 4"),
        ("Id IN ('1', '3', '99')", "1 3"),
        ("DocNumber = 'n-2'", "2"),
        ("DocNumber LIKE 'N-%'", "1 2 3 4"),
        ("DocNumber like '%3'", "3"),
        ("DocNumber LIKE 'N'", ""),
        ("CustomerRef = '1'", "1 2 3 4"),
        ("CustomerRef = '2'", ""),
        ("TxnDate >= '2026-05-05'", "1 2 3 4"),
        ("TxnDate > '2026-05-05'", ""),
        ("MetaData.CreateTime = '2026-05-05T12:00:06Z'", "1"),
        ("MetaData.CreateTime > '2026-05-05T05:00:07-07:00'", "3 4"),
        ("MetaData.CreateTime > '2026-05-05T14:00:07+02:00'", "3 4"),
        ("TotalAmt = 'nan'", ""),
        ("TxnDate = '2026-05-05T23:00:00-07:00'", "1 2 3 4"),
        ("TxnDate < '20260506'", "1 2 3 4"),
        ("metadata.createtime = '2026-05-05T12:00:06Z'", "1"),
        pytest.param(f"Id = '{'9' * 5000}'", "", id="a very long Id"),
        ("Id = '0'", ""),
    ],
)
def test_conditions(shop: App, where: str, found: str) -> None:
    assert ids(shop, where) == found.split()


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (r"DisplayName = 'Ada O\'Neil'", "4"),
        (r"DisplayName = 'bell \\ sons'", "5"),
        ("DisplayName = '7'", "7"),
        ("DisplayName = '007'", "6"),
        ("DisplayName LIKE 'ADA%'", "4 9"),
        ("DisplayName LIKE '%0%'", "6 8"),
        ("Id = '007'", "7"),
    ],
)
def test_names_are_texts_and_escaped_with_a_backslash(shop: App, where: str, found: str) -> None:
    assert ids(shop, where, "Customer") == found.split()


def test_inactive_rows_show_only_when_asked_for(shop: App) -> None:
    shop.made("Customer", {"Id": "4", "SyncToken": "0", "sparse": True, "Active": False})
    assert "4" not in ids(shop, "Id > '0'", "Customer")
    assert ids(shop, "Active = false", "Customer") == ["4"]
    assert ids(shop, "Active IN (true, false) AND Id < '5'", "Customer") == ["1", "2", "4"]


def test_order(shop: App) -> None:
    def numbers(order: str) -> list[str]:
        return [row["DocNumber"][-1] for row in shop.rows(f"SELECT * FROM Invoice {order}")]

    assert numbers("ORDERBY TotalAmt") == list("4213")
    assert numbers("ORDER BY TotalAmt DESC") == list("3124")
    assert numbers("orderby CustomerRef ASC, DocNumber desc") == list("4321")
    assert numbers("") == list("4321"), "transactions come with the last changed first"
    shop.made("Customer", {"DisplayName": "Alone", "ParentRef": {"value": "2"}, "Job": True})
    names = [row["FullyQualifiedName"] for row in shop.rows("SELECT * FROM Customer")]
    assert "Cool Cars:Alone" in names
    assert names == sorted(names), "lists come by name, jobs behind the customer above them"
    codes = [row["Name"] for row in shop.rows("SELECT * FROM TaxCode")]
    assert codes == ["TAX", "NON", "Sales tax", "Tucson"]


def test_rows_without_a_value_come_before_the_others(shop: App) -> None:
    for name, address in (("Ann", "z@a.example"), ("Zoe", "a@z.example")):
        shop.made("Customer", {"DisplayName": name, "PrimaryEmailAddr": {"Address": address}})
    ordered = [row["DisplayName"] for row in shop.rows("SELECT * FROM Customer ORDERBY PrimaryEmailAddr")]
    assert (len(ordered), ordered[-2:]) == (10, ["Zoe", "Ann"])
    assert ids(shop, "primaryemailaddr.address = 'Z@A.example'", "Customer") == ["10"]


def test_ids_are_ordered_as_numbers(app: App) -> None:
    for number in range(12):
        app.made("Customer", {"DisplayName": f"C{number:02}"})
    assert [row["Id"] for row in app.rows("SELECT * FROM Customer ORDERBY Id")][-3:] == ["13", "14", "15"]


def test_pages(shop: App) -> None:
    def page(clauses: str) -> dict[str, Any]:
        reply = shop.call("GET", "query", query=f"SELECT * FROM Invoice ORDERBY Id {clauses}")
        found: dict[str, Any] = decoded(reply)["QueryResponse"]
        return found

    for clauses in ("STARTPOSITION 2 MAXRESULTS 2", "MAXRESULTS 2 STARTPOSITION 2"):
        found = page(clauses)
        assert [row["Id"] for row in found["Invoice"]] == ["2", "3"]
        assert (found["startPosition"], found["maxResults"], found["totalCount"]) == (2, 2, 4)
    assert page("STARTPOSITION 4")["maxResults"] == 1
    assert page("STARTPOSITION 5") == {}, "nothing has no array"


def test_a_page_has_a_hundred_rows_unless_asked_and_a_thousand_at_most(app: App) -> None:
    for number in range(1100):
        accountant.create(app.company, "Customer", {"DisplayName": str(number)}, app.clock.now())
    assert len(app.rows("SELECT * FROM Customer")) == 100
    assert len(app.rows("SELECT * FROM Customer MAXRESULTS 5000")) == 1000


def test_count(shop: App) -> None:
    for statement, count in (
        ("SELECT COUNT(*) FROM Invoice", 4),
        ("select count ( * ) from invoice where TotalAmt < '10' MAXRESULTS 1", 2),
        ("SELECT COUNT(*) FROM Invoice WHERE TotalAmt > '1000'", 0),
    ):
        reply = shop.call("GET", "query", query=statement)
        assert decoded(reply)["QueryResponse"] == {"totalCount": count}


def test_total_count_comes_with_some_entities_only(shop: App) -> None:
    reply = shop.call("GET", "query", query="SELECT * FROM Customer")
    assert "totalCount" not in decoded(reply)["QueryResponse"]


def test_chosen_fields_and_the_statement_in_a_body(shop: App) -> None:
    statement = "SELECT DocNumber, MetaData.CreateTime FROM Invoice WHERE Id = '2'"
    reply = shop.call("POST", "query", statement.encode())
    [row] = decoded(reply)["QueryResponse"]["Invoice"]
    assert row.keys() == {"DocNumber", "MetaData", "Id", "SyncToken", "domain", "sparse"}


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "SELECT",
        "DELETE FROM Invoice",
        "SELECT * FROM",
        "SELECT ( FROM Invoice",
        "SELECT 'Id' FROM Invoice",
        "SELECT Id, FROM Invoice",
        "SELECT COUNT(Id) FROM Invoice",
        "SELECT * FROM Invoice WHERE",
        "SELECT * FROM Invoice WHERE Id",
        "SELECT * FROM Invoice WHERE Id = ",
        "SELECT * FROM Invoice WHERE Id = 1",
        "SELECT * FROM Invoice WHERE Id = Id",
        "SELECT * FROM Invoice WHERE '1' = '1'",
        "SELECT * FROM Invoice WHERE DocNumber = 'it''s'",
        "SELECT * FROM Invoice WHERE DocNumber = 'open",
        r"SELECT * FROM Invoice WHERE DocNumber = 'open\'",
        "SELECT * FROM Invoice WHERE Id ~ '1'",
        "SELECT * FROM Invoice WHERE Id IS '1'",
        "SELECT * FROM Invoice WHERE Id IN '1'",
        "SELECT * FROM Invoice WHERE Id IN ()",
        "SELECT * FROM Invoice WHERE Id IN ('1'",
        "SELECT * FROM Invoice WHERE Id = '1' OR Id = '2'",
        "SELECT * FROM Invoice WHERE Id = '1' AND",
        "SELECT * FROM Invoice GROUPBY Id",
        "SELECT * FROM Invoice ORDER Id",
        "SELECT * FROM Invoice ORDERBY",
        "SELECT * FROM Invoice MAXRESULTS",
        "SELECT * FROM Invoice MAXRESULTS '5'",
        "SELECT * FROM Invoice MAXRESULTS -5",
        "SELECT * FROM Invoice STARTPOSITION " + "9" * 5000,
        "SELECT * FROM Invoice; SELECT * FROM Item",
    ],
)
def test_statements_that_cannot_be_parsed(app: App, statement: str) -> None:
    assert fault(app.call("POST", "query", statement.encode())) == "4000"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM Spaceship",
        "SELECT * FROM Invoice STARTPOSITION 0",
        "SELECT * FROM Invoice MAXRESULTS 0",
        "SELECT * FROM Invoice WHERE PrivateNote = 'x'",
        "SELECT * FROM Customer WHERE CustomerTypeRef = '1'",
        "SELECT * FROM Invoice WHERE DocNumbr = 'x'",
        "SELECT DocNumbr FROM Invoice",
        "SELECT * FROM Invoice ORDERBY DocNumbr",
    ],
)
def test_properties_that_cannot_be_queried(app: App, statement: str) -> None:
    assert fault(app.call("GET", "query", query=statement)) == "4001"


WORDS = st.sampled_from(
    [
        "SELECT",
        "*",
        "FROM",
        "Invoice",
        "WHERE",
        "AND",
        "ORDERBY",
        "ORDER",
        "BY",
        "DESC",
        "STARTPOSITION",
        "MAXRESULTS",
        "COUNT",
        "(",
        ")",
        ",",
        "IN",
        "LIKE",
        "=",
        "<",
        ">=",
        "Id",
        "TotalAmt",
        "Active",
        "MetaData.CreateTime",
        "Line",
        "CustomerRef.value",
        "true",
        "1",
        "0",
        "'1'",
        "'nan'",
        "'sNaN'",
        "'1e99'",
        "'it\\'s'",
        "'%'",
    ]
)


@settings(deadline=None)
@given(st.text() | st.lists(WORDS | st.text(max_size=3), max_size=12).map(" ".join))
def test_any_text_is_a_statement_or_a_fault(text: str) -> None:
    for statement in (text, f"SELECT * FROM Invoice {text}", f"SELECT * FROM Invoice WHERE Id {text}"):
        try:
            found = query.run(BOOKS.company, statement, BOOKS.clock.now())
        except Fault as refused:
            assert refused.code in {"4000", "4001"}  # noqa: PT017 - either outcome is good
        else:
            assert found.keys() == {"QueryResponse"}


@settings(deadline=None)
@given(st.text())
def test_every_text_can_be_looked_for(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    statement = parse(f"SELECT * FROM Invoice WHERE DocNumber = '{escaped}' AND Id IN ('1')", ENTITIES)
    wanted = (Condition("DocNumber", "=", (text,)), Condition("Id", "IN", ("1",)))
    assert statement == Statement("Invoice", all_fields=True, conditions=wanted)


def test_ids_compare_as_numbers_or_by_a_switch_as_texts(app: App) -> None:
    for number in range(9):
        accountant.create(app.company, "Customer", {"DisplayName": f"C {number}"}, app.clock.now())
    statement = "SELECT * FROM Customer WHERE Id > '9' ORDERBY Id"
    assert [row["Id"] for row in app.rows(statement)] == ["10", "11", "12"]
    app.sandbox.change_traits(app.company.realm, {"ids_compare_as_texts": True})
    assert app.rows(statement) == []
    ordered = [row["Id"] for row in app.rows("SELECT * FROM Customer ORDERBY Id")]
    assert ordered == sorted(ordered), "as texts"


def test_a_query_can_lag_behind_reads_by_id(app: App) -> None:
    app.sandbox.change_traits(app.company.realm, {"query_lag_seconds": 5})
    made = app.made("Customer", {"DisplayName": "Acme"})
    statement = "SELECT * FROM Customer WHERE DisplayName LIKE 'Acme%'"
    assert app.rows(statement) == [], "a query does not see it yet"
    assert app.call("GET", f"customer/{made['Id']}").status == 200
    app.clock.advance(5)
    assert [row["Id"] for row in app.rows(statement)] == [made["Id"]]
    renamed = {"Id": made["Id"], "SyncToken": "0", "sparse": True, "DisplayName": "Acme Ltd"}
    app.made("Customer", renamed)
    assert [(row["DisplayName"], row["SyncToken"]) for row in app.rows(statement)] == [("Acme", "0")]
    app.clock.advance(5)
    assert [(row["DisplayName"], row["SyncToken"]) for row in app.rows(statement)] == [("Acme Ltd", "1")]


def test_a_later_query_can_show_an_older_state(app: App) -> None:
    app.sandbox.change_traits(app.company.realm, {"query_lag_seconds": 20, "query_lag_varies": True})
    made = app.made("Customer", {"DisplayName": "Acme"})
    shown = []
    for number in range(40):
        app.clock.advance(1)
        renamed = {"Id": made["Id"], "SyncToken": str(number), "sparse": True, "DisplayName": f"A {number}"}
        app.made("Customer", renamed)
        shown += [
            int(row["SyncToken"]) for row in app.rows(f"SELECT * FROM Customer WHERE Id = '{made['Id']}'")
        ]
    assert shown != sorted(shown)


def test_lagging_queries_show_the_codes_of_lines_too(app: App) -> None:
    statement = "SELECT * FROM TaxCode WHERE Active IN (true, false)"
    shown = app.rows(statement)
    app.sandbox.change_traits(app.company.realm, {"query_lag_seconds": 5})
    app.clock.advance(5)
    assert app.rows(statement) == shown


@given(st.text("ab", max_size=6), st.text("ab%", max_size=5))
def test_a_pattern_means_any_text_by_each_percent_sign(name: str, pattern: str) -> None:
    app = App()
    app.made("Customer", {"DisplayName": f"X{name}"})
    found = app.rows(f"SELECT * FROM Customer WHERE DisplayName LIKE 'x{pattern}'")
    assert bool(found) == (re.fullmatch(pattern.replace("%", ".*"), name) is not None)


def test_a_pattern_of_many_percent_signs_is_answered_at_once(app: App) -> None:
    app.made("Customer", {"DisplayName": "a" * 500})
    assert app.rows(f"SELECT * FROM Customer WHERE DisplayName LIKE '{'%a' * 200}%b'") == []


def test_a_lagging_query_shows_balances_and_links_as_they_were(app: App) -> None:
    sold = app.made("Invoice", invoice(line(100)))
    app.sandbox.change_traits(app.company.realm, {"query_lag_seconds": 5})
    link = {"TxnId": sold["Id"], "TxnType": "Invoice"}
    paid = app.made(
        "Payment",
        {"CustomerRef": {"value": "1"}, "TotalAmt": 100, "Line": [{"Amount": 100, "LinkedTxn": [link]}]},
    )
    assert [row["Balance"] for row in app.rows("SELECT * FROM Invoice WHERE Balance > '0'")] == [100]
    app.clock.advance(5)
    for entity, identifier in (("Payment", paid["Id"]), ("Invoice", sold["Id"])):
        accountant.delete(app.company, entity, identifier, app.clock.now())
    assert [row["Balance"] for row in app.rows("SELECT * FROM Invoice")] == [0]
    assert [row["Line"][0]["LinkedTxn"] for row in app.rows("SELECT * FROM Payment")] == [[link]]
    app.clock.advance(5)
    assert app.rows("SELECT * FROM Invoice") == app.rows("SELECT * FROM Payment") == []
