"""`q2c match`: the matcher on two files, however a spreadsheet wrote them."""

from pathlib import Path

import pytest

from tests.worker.running import Run, lines

ACCOUNTS = "id,name,email\nA-1,Acme Corporation,\nA-2,TechStart Inc,\nA-3,Global Solutions,\nA-4,Quixote,x@mills.com\n"
CUSTOMERS = (
    "Id,Display name,Company,Email\n7,Acme Corp,,\n8,Jane Doe,TechStart Inc.,\n9,Mills,,sales@mills.com\n"
)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    accounts, customers = tmp_path / "accounts.csv", tmp_path / "customers.csv"
    accounts.write_text(ACCOUNTS)
    customers.write_text(CUSTOMERS)
    return str(accounts), str(customers)


def test_each_account_gets_its_customer(q2c: Run, files: tuple[str, str]) -> None:
    found = q2c("match", *files, "--json")
    assert found.returncode == 0
    acme, tech, other, sister = lines(found)
    assert (acme["account"], acme["action"], acme["customer"]) == ("A-1", "link", "7")
    assert acme["score"] >= 95
    assert (acme["reasons"], acme["runner_up"]) == (["same_name"], None)
    assert (tech["action"], tech["customer"], tech["customer_name"]) == ("link", "8", "TechStart Inc.")
    assert (other["action"], other["customer"], other["score"]) == ("none", None, None)
    assert (sister["action"], sister["customer"], sister["reasons"][0]) == ("review", "9", "same_domain")


def test_the_table_shows_suggestions_and_no_match(q2c: Run, files: tuple[str, str]) -> None:
    shown = q2c("match", *files).stdout
    assert "Acme Corp (7)" in shown
    assert "No match found" in shown
    assert "2 link, 1 review, 1 none" in shown


def test_a_spreadsheets_file_is_read(q2c: Run, files: tuple[str, str]) -> None:
    Path(files[1]).write_bytes(
        '\ufeff"Customer full name";Active;E-mail\r\n"Müller; Söhne GmbH";no;\r\n;;\r\n'.encode()
    )
    Path(files[0]).write_text("Account name\tWebsite\nMuller Sohne GmbH\tmueller.de\n\n")
    [found] = lines(q2c("match", *files, "--json"))
    assert (found["account"], found["action"], found["customer"]) == ("1", "review", "1")
    assert (found["customer_name"], found["reasons"]) == ("Müller; Söhne GmbH", ["same_name", "inactive"])


def test_products_are_matched_with_items_by_sku_and_name(q2c: Run, tmp_path: Path) -> None:
    products, items = tmp_path / "products.csv", tmp_path / "items.csv"
    products.write_text(
        "id,name,sku\nP-1,platform seat,SEAT\nP-2,Software Seat,\nP-3,Quixote,\nP-4,Licence,SEAT\n"
    )
    items.write_text(
        "Id,Name,FullyQualifiedName,SKU,Type,Active\n1,Platform seat,,seat,Service,\n2,Seat,Software:Seat,,Service,true\n"
        "3,Software,,,Category,\n"
    )
    found = lines(q2c("match", str(products), str(items), "--products", "--json"))
    assert [(row["product"], row["action"], row["item"]) for row in found] == [
        ("P-1", "link", "1"),
        ("P-2", "link", "2"),
        ("P-3", "none", None),
        ("P-4", "review", "1"),
    ]
    shown = q2c("match", str(products), str(items), "--products").stdout
    assert "Platform seat (1)" in shown
    assert "2 link, 1 review, 1 none" in shown
    items.write_text("id,name\n1,Seat\n1,Other\n")
    refused = q2c("match", str(products), str(items), "--products")
    assert (refused.returncode, "two items have the ID 1" in refused.stderr) == (2, True)


def test_a_stricter_margin_leads_to_reviews(q2c: Run, files: tuple[str, str]) -> None:
    first = lines(q2c("match", *files, "--margin", "150", "--json"))[0]
    assert (first["action"], first["customer"]) == ("review", "7")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"a,b\n1,2\n", "displayname"),
        (b"", "displayname"),
        (b"name\n\xff\n", "UTF-8"),
        (b"id,name\n1,Acme\n1,Other\n", "two customers have the ID 1"),
    ],
)
def test_an_unusable_file_is_named_with_its_problem(
    q2c: Run, files: tuple[str, str], written: bytes, said: str
) -> None:
    Path(files[1]).write_bytes(written)
    found = q2c("match", *files)
    assert (found.returncode, found.stdout) == (2, "")
    assert said in found.stderr
    assert "customers.csv" in found.stderr
