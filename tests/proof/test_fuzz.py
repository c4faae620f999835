"""The answer of a door to any bytes matches what happened to them."""

import pytest
from hypothesis import given

from tests.worker.web.fuzz import (
    Post,
    bodies_of_docusign,
    bodies_of_intuit,
    fuzzing,
    requests_to_events,
    try_docusign,
    try_events,
    try_quickbooks,
)


@fuzzing(75)
@given(requests_to_events)
async def test_events(tmp_path_factory: pytest.TempPathFactory, requests: list[Post]) -> None:
    await try_events(tmp_path_factory, requests)


@fuzzing(75)
@given(bodies_of_docusign)
async def test_docusign(tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]) -> None:
    await try_docusign(tmp_path_factory, bodies)


@fuzzing(75)
@given(bodies_of_intuit)
async def test_quickbooks(tmp_path_factory: pytest.TempPathFactory, bodies: list[bytes]) -> None:
    await try_quickbooks(tmp_path_factory, bodies)
