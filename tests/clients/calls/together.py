"""Several objects in one request, changes since an instant, and the library's other calls."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from quickbooks import QuickBooks
from quickbooks.batch import batch_create, batch_delete, batch_update
from quickbooks.cdc import change_data_capture
from quickbooks.helpers import qb_date_format, qb_datetime_format, qb_datetime_utc_offset_format
from quickbooks.objects import Account, Customer, Invoice, Item, Payment, Term

from tests.clients.calls.invoices import new
from tests.clients.calls.line import MINOR_VERSION, Line, refused


def case_a_batch_that_creates(line: Line) -> None:
    customers = []
    for number in range(35):
        customer = Customer()
        customer.DisplayName = f"Batch {number}"
        customers.append(customer)
    done = batch_create(customers, qb=line.us)
    assert (len(done.successes), len(done.faults)) == (35, 0), "in two requests: 30 at most in one"
    assert {each.DisplayName for each in done.successes} == {f"Batch {number}" for number in range(35)}


def case_a_batch_in_which_one_is_refused(line: Line) -> None:
    good, taken = Customer(), Customer()
    good.DisplayName, taken.DisplayName = "Batch, another", "Batch 0"
    done = batch_create([good, taken], qb=line.us)
    assert [each.DisplayName for each in done.successes] == ["Batch, another"]
    [fault] = done.faults
    assert (fault.Error[0].code, fault.original_object.DisplayName) == ("6240", "Batch 0")


def case_a_batch_that_updates(line: Line) -> None:
    customers = Customer.where("DisplayName LIKE 'Batch %'", max_results=3, qb=line.us)
    for customer in customers:
        customer.Notes = "Changed together"
    done = batch_update(customers, qb=line.us)
    assert [each.Notes for each in done.successes] == ["Changed together"] * 3
    assert done.faults == []


def case_a_batch_of_invoices_that_is_deleted(line: Line) -> None:
    done = batch_create([new(line.us), new(line.us)], qb=line.us)
    assert [each.TotalAmt for each in done.successes] == [100, 100]
    gone = batch_delete(done.successes, qb=line.us)
    assert ([each.status for each in gone.successes], gone.faults) == (["Deleted", "Deleted"], [])
    assert Invoice.choose([each.Id for each in done.successes], qb=line.us) == []


def case_changes_since_an_instant(line: Line) -> None:
    since = datetime.now(UTC) - timedelta(minutes=1)
    kept, gone = new(line.us).save(qb=line.us), new(line.us).save(qb=line.us)
    gone.delete(qb=line.us)
    for instant in (since.isoformat(), since):
        found = change_data_capture([Invoice, Customer, Payment], instant, qb=line.us)
        invoices = {each.Id: each for each in found.Invoice}
        assert invoices[kept.Id].TotalAmt == 100
        assert invoices[gone.Id].status == "Deleted"
        assert not hasattr(found, "Payment"), "nothing changed there"
        assert found.time
    assert {each.qbo_object_name for each in found.Customer} == {"Customer"}
    far = change_data_capture([Invoice], "2099-01-01T00:00:00Z", qb=line.us)
    assert not hasattr(far, "Invoice")


def case_dates_of_the_helpers_in_queries(line: Line) -> None:
    invoice = new(line.us).save(qb=line.us)
    day = datetime.now(UTC)
    for condition in (
        f"TxnDate > '{qb_date_format(day - timedelta(days=3))}'",
        f"MetaData.LastUpdatedTime > '{qb_datetime_format(day - timedelta(days=3))}'",
        f"MetaData.LastUpdatedTime > '{qb_datetime_utc_offset_format(day - timedelta(days=3), '-08:00')}'",
    ):
        assert invoice.Id in {each.Id for each in Invoice.where(condition, qb=line.us)}


def case_amounts_as_decimals(line: Line) -> None:
    exact = QuickBooks(
        auth_client=line.us.auth_client,
        refresh_token=line.us.refresh_token,
        company_id=line.us.company_id,
        minorversion=MINOR_VERSION,
        use_decimal=True,
    )
    invoice = new(exact, price=Decimal("1861.08"), quantity=Decimal(1))
    saved = invoice.save(qb=exact)
    assert saved.TotalAmt == Decimal("1861.08")
    saved.Line[0].SalesItemLineDetail.UnitPrice = Decimal("0.1")
    saved.Line[0].Amount = Decimal("0.10")
    assert saved.save(qb=exact).TotalAmt == Decimal("0.1")


def case_dictionaries_and_json(line: Line) -> None:
    term = Term.filter(Name="Net 30", qb=line.us)[0]
    assert (term.to_dict()["DueDays"], '"DueDays": 30' in term.to_json()) == (30, True)
    account = Account.from_json({"Name": "From JSON", "AccountType": "Bank", "AccountSubType": "CashOnHand"})
    assert Account.get(account.save(qb=line.us).Id, qb=line.us).AccountSubType == "CashOnHand"


def case_raw_calls_of_the_client(line: Line) -> None:
    raw = line.us.query("SELECT DisplayName FROM Customer STARTPOSITION 1 MAXRESULTS 2")
    assert raw["QueryResponse"]["maxResults"] == 2
    assert raw["time"]
    single = line.us.get_single_object("Item", Item.all(max_results=1, qb=line.us)[0].Id)
    assert single["Item"]["domain"] == "QBO"
    made = line.us.create_object("Term", '{"Name": "Raw", "DueDays": 3}')["Term"]
    changed = f'{{"Id": "{made["Id"]}", "SyncToken": "0", "sparse": true, "DueDays": 4}}'
    assert line.us.update_object("Term", changed)["Term"] | {"MetaData": 0} == made | {
        "MetaData": 0,
        "SyncToken": "1",
        "DueDays": 4,
    }


def case_what_the_query_language_refuses(line: Line) -> None:
    refused(4000, line.us.query, "SELECT * FROM Customer WHERE")
    refused(4001, line.us.query, "SELECT * FROM Customer WHERE Nonsense = '1'")
    refused(4001, line.us.query, "SELECT * FROM Nonsense")


def case_the_signature_of_a_webhook(line: Line) -> None:
    body, token = '{"eventNotifications":[]}', line.sandbox["verifier_token"]
    signature = base64.b64encode(hmac.new(token.encode(), body.encode(), hashlib.sha256).digest())
    assert line.us.validate_webhook_signature(body, signature, token)
