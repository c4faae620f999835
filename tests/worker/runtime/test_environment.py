"""Invalid settings are refused by name, and a first start finds or creates its key."""

import base64
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from worker.runtime.environment import TOKEN_KEY_BYTES, ConfigurationError, Environment, environment
from worker.runtime.installed import token_keys

STARTS = 8


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sslmode=bogus", "has an unknown sslmode; choose from disable, allow, prefer"),
        ("sslmode=verify_full", "has an unknown sslmode"),
        (
            "sslmode=verify-full&sslrootcert=/nowhere/ca.pem",
            "has an sslrootcert that is not a readable file",
        ),
        ("sslcert=/nowhere/c.pem", "has an sslcert that is not a readable file"),
        ("sslkey=/nowhere/k.pem", "has an sslkey that is not a readable file"),
    ],
)
def test_a_url_of_postgresql_that_no_try_would_make_good_is_refused(
    monkeypatch: pytest.MonkeyPatch, query: str, said: str
) -> None:
    monkeypatch.setenv("Q2C_DATABASE_URL", f"postgresql://u@h/d?{query}")
    with pytest.raises(ConfigurationError, match=f"^Q2C_DATABASE_URL: {said}"):
        environment()


def test_the_tls_parameters_of_a_postgresql_url(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("")
    url = f"postgresql://u@h/d?sslmode=verify-full&sslrootcert={authority}"
    assert Environment(database_url=url).database_url == url


def test_first_starts_at_the_same_moment_have_one_key(tmp_path: Path) -> None:
    for round_ in range(10):
        settings = Environment(database_url=f"sqlite:///{tmp_path}/{round_}/q2c.sqlite3")
        barrier = Barrier(STARTS)

        def start(settings: Environment = settings, barrier: Barrier = barrier) -> tuple[str, ...]:
            barrier.wait()
            return token_keys(settings)

        with ThreadPoolExecutor(STARTS) as pool:
            found = {each.result() for each in [pool.submit(start) for _ in range(STARTS)]}
        assert len(found) == 1
        ((key,),) = found
        assert len(base64.urlsafe_b64decode(key)) == TOKEN_KEY_BYTES
        (file,) = (tmp_path / str(round_)).iterdir()
        assert (file.name, file.stat().st_mode & 0o777) == ("token.key", 0o600)
