"""The roles that a process can have, and the errors for others."""

import pytest

from worker.roles.role import Role, all_that_fit, chosen
from worker.runtime.environment import ConfigurationError, Environment

POSTGRES = {"database_url": "postgresql://u@h/d"}
KAFKA = {"kafka_url": "kafka://h:9092"}


def test_roles_are_taken_by_name_once_each() -> None:
    environment = Environment(**POSTGRES, **KAFKA)  # type: ignore[arg-type] # as the environment gives them
    assert chosen(environment, ["dispatch", "web", "dispatch"]) == (Role.DISPATCH, Role.WEB)


@pytest.mark.parametrize(
    ("settings", "names", "said"),
    [
        (
            POSTGRES | KAFKA,
            ["webb"],
            "Unknown role 'webb'; choose from web, ingest, process, dispatch, relay",
        ),
        ({}, ["web"], "one writer at a time.*q2c up"),
        (POSTGRES, ["ingest"], "Q2C_KAFKA_URL: not set; the role ingest needs it"),
        (POSTGRES, ["web", "relay"], "Q2C_KAFKA_URL: not set; the role relay needs it"),
    ],
)
def test_an_impossible_role_is_refused_with_the_reason(
    settings: dict[str, str], names: list[str], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        chosen(Environment(**settings), names)  # type: ignore[arg-type] # as the environment gives them


def test_one_process_runs_every_role_that_the_installation_can_have() -> None:
    assert set(all_that_fit(Environment())) == set(Role) - {Role.INGEST, Role.RELAY}
    assert set(all_that_fit(Environment(**KAFKA))) == set(Role)  # type: ignore[arg-type] # as above


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"kafka_url": "h"}, "Q2C_KAFKA_URL: must be kafka:// and hosts with ports"),
        (
            {"kafka_username": "u", "kafka_password": "p"},
            "Q2C_KAFKA_USERNAME: needs TLS",
        ),
        ({"kafka_username": "u", "kafka_tls": True}, "set both or neither"),
        ({"kafka_cert_file": "c"}, "Q2C_KAFKA_CERT_FILE and Q2C_KAFKA_KEY_FILE: set both or neither"),
    ],
)
def test_settings_of_kafka_that_do_not_fit_together(settings: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said.removeprefix("Q2C_KAFKA_URL: ")):
        Environment(**settings)  # type: ignore[arg-type] # as the environment gives them


def test_passwords_in_urls_are_masked() -> None:
    shown = Environment(
        database_url="postgresql://q2c:se%2Fcr%40et@db:5432/q2c?sslmode=require&password=secret"
    ).shown()
    assert shown["database_url"] == "postgresql://q2c:***@db:5432/q2c?sslmode=require&password=***"
    assert shown["public_url"] == "http://127.0.0.1:8000"
