"""The kept fields of a customer, as QuickBooks answers them."""

from typing import Any

import pytest

from events.contract import catalog
from events.contract.crm import Address
from events.contract.quickbooks import CustomerCreated, CustomerObserved
from tests import stories
from tests.world import World
from worker.commands.customers import customer_observed
from worker.sandbox import accountant

FIELDS: dict[str, Any] = {
    "DisplayName": "Acme Corporation",
    "BillAddr": {
        "Line1": "1 Main St",
        "Line2": "Floor 2",
        "Line4": "Door 7",
        "City": "Austin",
        "PostalCode": "78701",
    },
    "ShipAddr": {"CountrySubDivisionCode": "TX", "Country": "USA"},
    "WebAddr": {"URI": "https://acme.example"},
    "PrimaryTaxIdentifier": "123-45-6789",
    "Taxable": False,
    "SalesTermRef": {"value": "3"},
}


def observed(**fields: Any) -> CustomerObserved:
    return customer_observed("46", {"Id": "7", "SyncToken": "2", "DisplayName": "Acme", **fields})


def test_a_customer_without_further_fields_has_none_of_them() -> None:
    assert observed() == CustomerObserved("46", "7", display_name="Acme", sync_token=2)


def test_the_full_name_is_kept_of_a_sub_customer_alone() -> None:
    assert observed(FullyQualifiedName="Acme").full_name is None
    below = observed(FullyQualifiedName="Acme:Austin", ParentRef={"value": "3"})
    assert (below.full_name, below.parent_id) == ("Acme:Austin", "3")


@pytest.mark.parametrize("address", [None, {}, {"Id": "4", "Lat": "30.2", "Line1": ""}])
def test_an_address_without_a_text_is_none(address: object) -> None:
    assert observed(BillAddr=address).billing_address is None


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({"PrimaryTaxIdentifier": "GB123456789"}, "GB123456789"),
        ({"PrimaryTaxIdentifier": "XXXXXX56789"}, None),
        ({"PrimaryTaxIdentifier": "XXXXXX56789", "GSTIN": "22AAAAA0000A1Z5"}, "22AAAAA0000A1Z5"),
    ],
)
def test_a_tax_id_is_kept_unless_quickbooks_hides_it(fields: dict[str, str], kept: str | None) -> None:
    assert observed(**fields).tax_id == kept


@pytest.mark.parametrize("hidden", [True, False])
async def test_what_is_read_on_command_is_what_sync_observes(ready: World, hidden: bool) -> None:
    ready.sandbox.change_traits(ready.realm, {"tax_ids_are_hidden": hidden})
    made = accountant.create(ready.sandbox.companies[ready.realm], "Customer", FIELDS, ready.clock.now())
    await ready.send(stories.account("A-8", name="Acme"))
    await ready.admin().map_account("A-8", made["Id"])
    await ready.settle()
    [read] = [
        each.event.payload
        for each in await ready.log()
        if each.event.type == catalog.CUSTOMER_OBSERVED and each.event.payload.customer_id == made["Id"]
    ]
    assert read == CustomerObserved(
        ready.realm,
        made["Id"],
        display_name="Acme Corporation",
        currency="USD",
        reading=1,
        billing_address=Address("1 Main St", "Floor 2, Door 7", "Austin", postal_code="78701"),
        shipping_address=Address(region="TX", country="USA"),
        terms_id="3",
        taxable=False,
        website="https://acme.example",
        tax_id=None if hidden else "123-45-6789",
    )


async def test_a_created_customer_has_the_fields_that_quickbooks_answered(ready: World) -> None:
    address = {"line1": "1 Main St", "city": "Austin"}
    await ready.send(stories.account("A-8", name="Acme Two", billing_address=address))
    await ready.admin().request_customer("A-8")
    await ready.settle()
    created = [
        each.event.payload for each in await ready.log() if each.event.type == catalog.CUSTOMER_CREATED
    ][-1]
    assert isinstance(created, CustomerCreated)
    assert created.customer is not None
    assert (created.customer.customer_id, created.customer.display_name) == (created.customer_id, "Acme Two")
    assert created.customer.billing_address == Address("1 Main St", city="Austin")
