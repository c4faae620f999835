"""The entries of lists by python-quickbooks: customers, items, accounts, terms and the others."""

from collections.abc import Mapping
from typing import Any

from quickbooks.objects import (
    Account,
    Address,
    Class,
    Customer,
    Department,
    EmailAddress,
    Employee,
    Item,
    PaymentMethod,
    PhoneNumber,
    Term,
    Vendor,
    WebAddress,
)
from quickbooks.objects.customertype import CustomerType

from tests.clients.calls.line import Line, refused


def case_customers(line: Line) -> None:
    lives(
        line.us, Customer, {"DisplayName": "Ada O'Neil & Söhne"}, {"Notes": "Pays late", "ResaleNum": "R-1"}
    )


def case_vendors(line: Line) -> None:
    lives(line.us, Vendor, {"DisplayName": "Paper & Co"}, {"AcctNum": "V-1", "Vendor1099": True})


def case_employees(line: Line) -> None:
    names = {"GivenName": "Emily", "FamilyName": "Platt", "DisplayName": "Emily Platt"}
    lives(line.us, Employee, names, {"EmployeeNumber": "E-1", "HiredDate": "2026-01-02"})


def case_items(line: Line) -> None:
    income = Account.filter(AccountType="Income", qb=line.us)[0].to_ref()
    fields = {"Name": "Rock fountain", "Type": "Service", "IncomeAccountRef": income}
    lives(line.us, Item, fields, {"Description": "Large", "UnitPrice": 275, "Sku": "RF-1"})


def case_accounts(line: Line) -> None:
    fields = {"Name": "Petty cash", "AccountType": "Bank", "AccountSubType": "CashOnHand"}
    lives(line.us, Account, fields, {"AcctNum": "1010", "Description": "In the drawer"})


def case_classes(line: Line) -> None:
    lives(line.us, Class, {"Name": "Retail"}, {})


def case_departments(line: Line) -> None:
    lives(line.us, Department, {"Name": "North"}, {})


def case_terms(line: Line) -> None:
    lives(line.us, Term, {"Name": "Net 45", "DueDays": 45}, {"DueDays": 50, "DiscountPercent": 2})


def case_payment_methods(line: Line) -> None:
    lives(line.us, PaymentMethod, {"Name": "Voucher", "Type": "NON_CREDIT_CARD"}, {})


def case_customer_types_can_only_be_read(line: Line) -> None:
    found = CustomerType.all(qb=line.us)
    assert CustomerType.get(found[0].Id, qb=line.us).Name == found[0].Name if found else True


def case_a_customer_with_all_that_the_library_has(line: Line) -> None:
    customer = Customer()
    customer.Title, customer.GivenName, customer.MiddleName = "Ms.", "Jeanne", "B"
    customer.FamilyName, customer.Suffix, customer.CompanyName = "King", "Jr", "King's Groceries"
    customer.DisplayName, customer.PrintOnCheckName = "King Groceries", "King's"
    customer.BillAddr, customer.ShipAddr = _address("123 Main St"), _address("124 Main St")
    customer.PrimaryPhone, customer.AlternatePhone = _phone("(555) 555-5555"), _phone("1")
    customer.Mobile, customer.Fax = _phone("2"), _phone("3")
    customer.PrimaryEmailAddr, customer.WebAddr = EmailAddress(), WebAddress()
    customer.PrimaryEmailAddr.Address = "jdrew@example.com"
    customer.WebAddr.URI = "http://king.example"
    term = Term.filter(Name="Net 30", qb=line.us)[0]
    customer.SalesTermRef = term.to_ref()
    customer.PaymentMethodRef = PaymentMethod.all(qb=line.us)[0].to_ref()
    customer.PreferredDeliveryMethod = "Email"
    read = Customer.get(customer.save(qb=line.us).Id, qb=line.us)
    assert read.FullyQualifiedName == "King Groceries"
    assert read.BillAddr.Line1 == "123 Main St"
    assert read.SalesTermRef.value == term.Id
    assert Customer.filter(PrimaryEmailAddr="jdrew@example.com", qb=line.us)[0].Id == read.Id
    again = read.save(qb=line.us)
    assert (again.SyncToken, again.BillAddr.City) == (read.SyncToken, "Half Moon Bay"), "nothing changed"


def case_a_customer_below_another(line: Line) -> None:
    parent, job = Customer(), Customer()
    parent.DisplayName = "Mark Cho"
    parent.save(qb=line.us)
    job.DisplayName, job.Job, job.ParentRef = "Kitchen", True, parent.to_ref()
    saved = job.save(qb=line.us)
    assert (saved.FullyQualifiedName, saved.Level) == ("Mark Cho:Kitchen", 1)


def case_accounts_items_classes_and_departments_below_others(line: Line) -> None:
    for kind, flag, fields in (
        (Account, "SubAccount", {"AccountType": "Bank", "AccountSubType": "Checking"}),
        (Class, "SubClass", {}),
        (Department, "SubDepartment", {}),
        (Item, "SubItem", {"Type": "Service", "IncomeAccountRef": _account(line.us, "Income")}),
    ):
        above = made(line.us, kind, {"Name": f"Upper {kind.__name__}", **fields})
        below = made(line.us, kind, {"Name": "Lower", flag: True, "ParentRef": above.to_ref(), **fields})
        assert below.FullyQualifiedName == f"Upper {kind.__name__}:Lower"


def case_an_inventory_item(line: Line) -> None:
    stock = Account.filter(AccountSubType="Inventory", qb=line.us)[0].to_ref()
    item = made(
        line.us,
        Item,
        {
            "Name": "Sprinkler",
            "Type": "Inventory",
            "TrackQtyOnHand": True,
            "QtyOnHand": 10,
            "InvStartDate": "2026-01-01",
            "AssetAccountRef": stock,
            "ExpenseAccountRef": _account(line.us, "Cost of Goods Sold"),
            "IncomeAccountRef": _account(line.us, "Income"),
        },
    )
    assert Item.get(item.Id, qb=line.us).QtyOnHand == 10


def case_a_name_is_taken_by_another_kind_of_person(line: Line) -> None:
    made(line.us, Vendor, {"DisplayName": "Taken"})
    refused(6240, made, line.us, Customer, {"DisplayName": "taken"})


def case_a_stale_object(line: Line) -> None:
    made(line.us, Customer, {"DisplayName": "Busy"})
    mine, theirs = (Customer.filter(DisplayName="Busy", qb=line.us)[0] for _ in range(2))
    theirs.Notes = "First"
    theirs.save(qb=line.us)
    mine.Notes = "Second"
    refused(5010, mine.save, qb=line.us)


def case_an_object_that_is_not_there(line: Line) -> None:
    refused(610, Customer.get, 999_999, qb=line.us)


def lives(qb: Any, kind: Any, fields: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Save an entry with the library's defaults, read, change and save it, find it in each way, deactivate it."""
    field = "DisplayName" if "DisplayName" in fields else "Name"
    saved = made(qb, kind, fields)
    assert (int(saved.Id) > 0, saved.SyncToken, saved.Active) == (True, "0", True)
    read = kind.get(saved.Id, qb=qb)
    assert getattr(read, field) == fields[field]
    changes = changes or {field: f"{fields[field]}, renamed"}
    for name, value in changes.items():
        setattr(read, name, value)
    assert read.save(qb=qb).SyncToken == "1"
    again = kind.get(saved.Id, qb=qb)
    assert {name: getattr(again, name) for name in changes} == changes
    assert str(again) == str(read)
    found(qb, kind, field, getattr(again, field), saved.Id)
    again.Active = False
    assert again.save(qb=qb).Active is False
    assert kind.where(f"Id = '{saved.Id}'", qb=qb) == []
    assert [each.Id for each in kind.where(f"Id = '{saved.Id}' AND Active = false", qb=qb)] == [saved.Id]


def found(qb: Any, kind: Any, field: str, name: str, identifier: str) -> None:
    """Find an active entry in each way that the library offers."""
    every, escaped = f"select * from {kind.qbo_object_name}", name.replace("'", r"\'")
    for entries in (
        kind.filter(**{field: name}, qb=qb),
        kind.filter(Active=True, **{field: name}, order_by="Id DESC", start_position=1, max_results=5, qb=qb),
        kind.where(f"{field} LIKE '{escaped[:3]}%' AND Active = true AND Id = '{identifier}'", qb=qb),
        kind.where(f"Id IN ('{identifier}')", order_by=f"{field} ASC", max_results=1, qb=qb),
        kind.choose([name, "No such"], field=field, qb=qb),
        kind.choose([identifier], qb=qb),
        kind.query(f"{every} where MetaData.CreateTime > '2000-01-01' and {field} = '{escaped}'", qb=qb),
    ):
        assert [each.Id for each in entries] == [identifier]
    listed = kind.all(order_by=field, start_position=1, max_results=1000, qb=qb)
    assert identifier in {each.Id for each in listed}
    assert kind.count(qb=qb) == len(listed)
    assert kind.count(f"{field} = '{escaped}'", qb=qb) == 1
    assert len(kind.all(max_results=1, qb=qb)) == 1
    reference = listed[0].to_ref()
    assert (reference.value, reference.type) == (listed[0].Id, kind.qbo_object_name)


def made(qb: Any, kind: Any, fields: Mapping[str, Any]) -> Any:
    """Save a new object that has the library's defaults but for some properties."""
    new = kind()
    for name, value in fields.items():
        setattr(new, name, value)
    saved = new.save(qb=qb)
    assert new.Id == saved.Id
    return saved


def _account(qb: Any, kind: str) -> Any:
    return Account.filter(AccountType=kind, qb=qb)[0].to_ref()


def _address(line: str) -> Any:
    address = Address()
    address.Line1, address.City, address.CountrySubDivisionCode = line, "Half Moon Bay", "CA"
    address.Country, address.PostalCode = "USA", "94213"
    return address


def _phone(number: str) -> Any:
    phone = PhoneNumber()
    phone.FreeFormNumber = number
    return phone
