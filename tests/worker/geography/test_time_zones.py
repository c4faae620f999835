"""A company's time zone follows from its address and country if they allow exactly one; otherwise it has none."""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import available_timezones

import pytest

from worker.geography.countries import country_code, rows
from worker.geography.regions import BY_POSTAL_CODE, EXCEPT, MOSTLY, NAMES, ZONES
from worker.geography.time_zones import zone_of

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)


def company(country: str | None, region: str = "", code: str = "", of: str = "") -> dict[str, Any]:
    """Return a company's `CompanyInfo`; `of` is the country of its address."""
    parts = {"CountrySubDivisionCode": region, "PostalCode": code, "Country": of}
    address = {"Id": "1", "Line1": "1 High Street"} | {name: value for name, value in parts.items() if value}
    return {
        "Country": country,
        "CompanyAddr": address,
        "MetaData": {"CreateTime": "2026-01-01T00:00:00-08:00"},
    }


ONE = [
    (company("US", "CA", "94043", "USA"), "America/Los_Angeles"),
    (company("US", "California", of="USA"), "America/Los_Angeles"),
    (company("US", " calif\u00f3rnia. "), "America/Los_Angeles"),
    (company("US", "US-WA"), "America/Los_Angeles"),
    (company("US", "N.Y.", of="United States"), "America/New_York"),
    (company("US", "D.C."), "America/New_York"),
    (company("US", "district of columbia"), "America/New_York"),
    (company("US", "HI"), "Pacific/Honolulu"),
    (company("US", "AZ", "85001"), "America/Phoenix"),
    (company("US", "PR", of="USA"), "America/Puerto_Rico"),
    (company("US", "", "00901", "PRI"), "America/Puerto_Rico"),
    (company("US", "Guam"), "Pacific/Guam"),
    (company("GB", "", "BS1 4SB", "GBR"), "Europe/London"),
    (company("GB"), "Europe/London"),
    (company("United Kingdom", of="England"), "Europe/London"),
    (company("GB", of="JEY"), "Europe/Jersey"),
    (company("CA", "ON", "m5v 3c7", "CAN"), "America/Toronto"),
    (company("CA", "Qu\u00e9bec", "H2X 1Y4"), "America/Toronto"),
    (company("CA", "BC", "V6B 1A1"), "America/Vancouver"),
    (company("CA", "NS"), "America/Halifax"),
    (company("AU", "nsw", "2000", "AUS"), "Australia/Sydney"),
    (company("AU", "Western Australia"), "Australia/Perth"),
    (company("BR", "S\u00e3o Paulo"), "America/Sao_Paulo"),
    (company("MX", "CDMX"), "America/Mexico_City"),
    (company("DE", "Bayern"), "Europe/Berlin"),
    (company("AR"), "America/Argentina/Buenos_Aires"),
    (company("FR", "", "75001"), "Europe/Paris"),
    (company("ES", "", "28001"), "Europe/Madrid"),
    (company("ES", "Las Palmas", "35001"), "Atlantic/Canary"),
    (company("PT", "", "9700-001"), "Atlantic/Azores"),
    (company("NZ"), "Pacific/Auckland"),
    (company("SG"), "Asia/Singapore"),
    (company("IND", of="IND"), "Asia/Kolkata"),
    ({"Country": "US", "LegalAddr": {"CountrySubDivisionCode": "CO"}}, "America/Denver"),
    (
        {"Country": "US", "CompanyAddr": {"Line1": "x"}, "LegalAddr": {"CountrySubDivisionCode": "CO"}},
        "America/Denver",
    ),
]


@pytest.mark.parametrize(("said", "zone"), ONE)
def test_an_address_that_lies_in_one_zone_gives_it(said: dict[str, Any], zone: str) -> None:
    found = zone_of(said, NOW)
    assert found.zone == zone
    assert found.reason.startswith("the company")


NONE = [
    (company("US"), "America/New_York, America/Chicago"),
    (company("US", of="USA"), "America/New_York, America/Chicago"),
    (company("US", "XX"), "or another one"),
    (company("US", "TX", "79901"), "America/Chicago, America/Denver"),
    (company("US", "Kentucky"), "America/New_York, America/Chicago"),
    *(
        (company("US", state), "which may be")
        for state in ("FL", "ID", "IN", "KS", "MI", "ND", "NE", "OR", "SD", "TN")
    ),
    (company("US", "AZ", "86515"), "another time"),
    (company("US", "NV", "89883-0001"), "another time"),
    (company("CA"), "or another one"),
    (company("CA", "Ontario"), "America/Toronto, America/Winnipeg"),
    (company("CA", "ON", "P0V 2S0"), "America/Toronto, America/Winnipeg"),
    (company("AU"), "or another one"),
    (company("AU", "NSW", "2880"), "another time"),
    (company("BR"), "America/Noronha, America/Belem"),
    (company("MX"), "or another one"),
    (company("ES"), "Europe/Madrid, Atlantic/Canary"),
    (company("FR", "", "97400"), "another time"),
    (company("ID"), "Asia/Jakarta"),
    (company("US", of="GBR"), "its address in GB"),
    (company("GB", "NY", of="USA"), "its address in US"),
    (company("Narnia"), "no country known here"),
    (company("US", "CA", of="Narnia"), "no country known here"),
    (company(None), "no country"),
    (company("", "CA"), "no country"),
    ({}, "no country"),
    ({"Country": "US", "CompanyAddr": None, "LegalAddr": "?"}, "or another one"),
]


@pytest.mark.parametrize(("said", "words"), NONE)
def test_an_ambiguous_address_gives_no_zone_with_the_reason(said: dict[str, Any], words: str) -> None:
    found = zone_of(said, NOW)
    assert found.zone is None
    assert words in found.reason


def test_an_offset_tells_nothing() -> None:
    said = company("US", "TX")
    other = {**said, "MetaData": {"CreateTime": "2026-01-01T00:00:00-06:00"}}
    assert zone_of(said, NOW) == zone_of(other, NOW)


def test_every_country_that_has_one_zone_gives_it_by_two_letters_and_by_three() -> None:
    by_country: dict[str, list[str]] = {}
    for code, _, zone, *_ in rows("zone.tab"):
        by_country.setdefault(code, []).append(zone)
    for code, zones in by_country.items():
        if len(zones) == 1:
            assert zone_of(company(code), NOW).zone == zones[0], code
    assert {country_code(code) for code, *_ in rows("iso3166.tab")} == {
        code for code, *_ in rows("iso3166.tab")
    }
    assert [country_code(code) for code in ("usa", "GBR", "Can", "U.S.A.")] == ["US", "GB", "CA", "US"]


def test_the_tables_name_existing_zones() -> None:
    tables = (*ZONES.values(), *BY_POSTAL_CODE.values())
    named = {zone for table in tables for zones in table for zone in zones.split()} | set(MOSTLY.values())
    assert named <= available_timezones()
    for country, table in ZONES.items():
        codes = [code for regions in table.values() for code in regions.split()]
        assert len(codes) == len(set(codes)), country
        spelled = {" ".join(pair.split()).partition(" ")[0] for pair in NAMES[country].split(",")}
        assert spelled <= set(codes), country
    for country, region in (*EXCEPT, *BY_POSTAL_CODE):
        assert region is None or any(region in regions.split() for regions in ZONES[country].values())
