"""Log every level in this folder, so that tests can check that no line has a secret."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def every_log_line() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(0), cache_logger_on_first_use=False
    )
    yield
    structlog.configure(**before)
