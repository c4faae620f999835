"""A sandbox to ask."""

import pytest

from tests.worker.sandbox.app import App


@pytest.fixture
def app() -> App:
    """An app connected to a company in the US."""
    return App()


@pytest.fixture
def uk() -> App:
    """An app connected to a company in the UK, which has tax codes and currencies."""
    return App("uk")
