"""docker-compose.yml says nothing that the code does not know."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from events.clock import SystemClock
from worker.cli.root import app
from worker.quickbooks.vault import Vault
from worker.roles import Role, chosen
from worker.sandbox.service import Sandbox
from worker.settings import Environment
from worker.simulation.ports import SeededEntropy

ROOT = Path(__file__).parent.parent
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
IMAGE = SERVICES["migrate"]["image"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == IMAGE}
EACH_OF_OURS = pytest.mark.parametrize("name", OURS)


def settings(name: str) -> dict[str, str]:
    """The environment of a service, with the defaults that the file gives its variables."""
    given = {key: str(value) for key, value in OURS[name]["environment"].items()}
    return {key: re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value) for key, value in given.items()}


def known(name: str) -> Environment:
    fields: dict[str, Any] = {
        key.removeprefix("Q2C_").lower(): value for key, value in settings(name).items()
    }
    assert set(fields) <= set(Environment.model_fields)
    return Environment(**fields)


@EACH_OF_OURS
def test_each_command_is_one_that_the_command_line_takes(name: str) -> None:
    command = typer.main.get_command(app)
    arguments = list(OURS[name]["command"])
    with command.make_context("q2c", arguments, resilient_parsing=False) as context:
        words = [*context._protected_args, *context.args]
        while words and hasattr(command, "get_command"):
            found = command.get_command(context, words[0])
            assert found is not None, words
            command, words = found, words[1:]
        command.make_context(name, words, parent=context).close()


@EACH_OF_OURS
def test_each_variable_is_one_that_the_settings_know_and_fits(name: str) -> None:
    environment = known(name)
    Vault([key.get_secret_value() for key in environment.token_keys], SeededEntropy())


def test_every_role_is_run_by_one_service_and_by_two_processes_where_they_share_or_stand_by() -> None:
    run = {name: service for name, service in OURS.items() if service["command"][0] == "run"}
    roles = {
        name: [word for word in service["command"][1:] if word in set(Role)] for name, service in run.items()
    }
    assert sorted(role for names in roles.values() for role in names) == sorted(Role)
    for name, names in roles.items():
        environment = known(name)
        assert chosen(environment, names) == tuple(names)
        if "web" not in names:
            assert run[name]["deploy"]["replicas"] == 2


def test_the_sandbox_is_the_one_that_the_workers_have_the_credentials_of() -> None:
    arguments = OURS["sandbox"]["command"]
    sandbox = Sandbox(SystemClock(), seed=int(arguments[arguments.index("--seed") + 1]))
    given = settings("dispatch")
    assert given["Q2C_QUICKBOOKS_CLIENT_ID"] == sandbox.oauth.client_id
    assert given["Q2C_QUICKBOOKS_CLIENT_SECRET"] == sandbox.oauth.client_secret


def test_images_are_pinned_and_what_runs_is_watched_and_nobodys_root() -> None:
    for name, service in SERVICES.items():
        if name not in OURS:
            assert re.search(r":[0-9][0-9.]*$", service["image"]), name
        one_shot = service.get("restart") == "no"
        assert one_shot or "test" in service["healthcheck"], name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert [name for name, service in SERVICES.items() if "build" in service] == ["migrate"]
    image = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^USER (\w+)", image, re.MULTILINE) == ["q2c"]
    assert all(":" in base for base in re.findall(r"^FROM (\S+)", image, re.MULTILINE))


def test_jobs_come_before_workers() -> None:
    for name, service in OURS.items():
        if service["command"][0] == "run":
            waits = service["depends_on"]
            assert {job: waits[job]["condition"] for job in ("migrate", "topics")} == {
                "migrate": "service_completed_successfully",
                "topics": "service_completed_successfully",
            }, name


def test_metrics_can_be_read_by_other_services_and_by_nobody_else() -> None:
    for name, service in OURS.items():
        environment = known(name)
        assert (environment.metrics_port, environment.metrics_host) == (9100, "0.0.0.0")  # noqa: S104 - in a container
        assert not any(port.endswith(":9100") for port in service.get("ports", ()))
