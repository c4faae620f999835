"""Identifiers are read however they are written, and fillers are none."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.matching import identifiers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12-3456789", "123456789"),
        ("DE 123 456 789", "de123456789"),
        ("XXXXX6789", ""),
        ("***-**-6789", ""),
        ("000000000", ""),
        ("12", ""),
        (None, ""),
    ],
)
def test_tax_ids(text: str | None, expected: str) -> None:
    assert identifiers.tax_id(text) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+1 (415) 555-0132", "415 555 0132 x12"),
        ("+44 20 7946 0958", "020 7946 0958"),
        ("5550132", "555-0132"),
    ],
)
def test_phone_numbers(one: str, other: str) -> None:
    assert identifiers.phone(one) == identifiers.phone(other) != ""


@pytest.mark.parametrize("text", [None, "", "12345", "000 000 0000", "n/a"])
def test_fillers_are_no_phone_numbers(text: str | None) -> None:
    assert identifiers.phone(text) == ""


def test_domains_come_from_addresses_and_websites() -> None:
    assert identifiers.domains("a@Acme.com, b@gmail.com", None) == {"acme.com"}
    assert identifiers.domains(None, "https://www.acme.com:443/x?y=z") == {"acme.com"}
    assert identifiers.domains(None, "acme.co.uk") == {"acme.co.uk"}
    assert identifiers.domains("jane@googlemail.com", "gmail.com") == set()
    assert identifiers.domains("no address", "none") == set()


@pytest.mark.parametrize(
    "page", ["https://www.facebook.com/acme", "m.facebook.com/x", "de.linkedin.com/in/acme"]
)
def test_a_page_on_a_site_of_many_companies_is_no_domain(page: str) -> None:
    assert identifiers.domains("a@facebook.com", page) == {"facebook.com"}, (
        "only its own people have addresses there"
    )
    assert identifiers.domains(None, page) == set()
    assert identifiers.domains(None, "acme.wordpress.com") == {"acme.wordpress.com"}


@settings(deadline=None)
@given(st.none() | st.text())
def test_any_text_is_read(text: str | None) -> None:
    assert "" not in identifiers.domains(text, text) | identifiers.emails(text)
    assert identifiers.tax_id(text) == "".join(identifiers.tax_id(text).split())
    assert all(map(str.isdecimal, identifiers.phone(text)))
