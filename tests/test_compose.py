"""docker-compose.yml uses only commands and settings that the code has."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from events.clock import SystemClock
from worker.cli.root import app
from worker.roles.role import Role, chosen
from worker.runtime.environment import Environment
from worker.runtime.vault import Vault
from worker.sandbox.service import Sandbox
from worker.simulation.ports import SeededEntropy

ROOT = Path(__file__).parent.parent
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
IMAGE = SERVICES["migrate"]["image"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == IMAGE}
VARIABLE = re.compile(r"\$\{(\w+):[-?]([^}]*)\}")
WORKERS = [name for name in OURS if name != "sandbox"]  # the sandbox is not part of the product
EACH_OF_OURS = pytest.mark.parametrize("name", OURS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The generated keys and passwords of one machine."""
    directory = tmp_path_factory.mktemp("compose")
    return compose_env(directory)


def compose_env(directory: Path) -> dict[str, str]:
    subprocess.run(["make", "-f", ROOT / "Makefile", "compose-env"], cwd=directory, check=True, timeout=30)  # noqa: S607 - as a user runs it
    written = directory / ".env"
    assert written.stat().st_mode & 0o777 == 0o600
    return dict(line.split("=", 1) for line in written.read_text().splitlines())


def settings(name: str, made: dict[str, str]) -> dict[str, str]:
    """Return the environment of a service, with the file's defaults and the generated values."""
    given = {key: str(value) for key, value in SERVICES[name]["environment"].items()}
    return {
        key: VARIABLE.sub(lambda found: made.get(found[1]) or found[2], value) for key, value in given.items()
    }


def known(name: str, made: dict[str, str]) -> Environment:
    fields: dict[str, Any] = {
        key.removeprefix("Q2C_").lower(): value for key, value in settings(name, made).items()
    }
    assert set(fields) <= set(Environment.model_fields)
    return Environment(**fields)


@EACH_OF_OURS
def test_each_command_is_valid_on_the_command_line(name: str) -> None:
    command = typer.main.get_command(app)
    arguments = list(OURS[name]["command"])
    with command.make_context("q2c", arguments, resilient_parsing=False) as context:
        words = [*context._protected_args, *context.args]
        while words and hasattr(command, "get_command"):
            found = command.get_command(context, words[0])
            assert found is not None, words
            command, words = found, words[1:]
        command.make_context(name, words, parent=context).close()


@pytest.mark.parametrize("name", WORKERS)
def test_each_variable_is_a_valid_setting(name: str, made: dict[str, str]) -> None:
    environment = known(name, made)
    Vault([key.get_secret_value() for key in environment.token_keys], SeededEntropy())


def test_every_role_is_run_by_one_service_and_by_two_processes_where_they_share_or_stand_by(
    made: dict[str, str],
) -> None:
    run = {name: service for name, service in OURS.items() if service["command"][0] == "run"}
    roles = {
        name: [word for word in service["command"][1:] if word in set(Role)] for name, service in run.items()
    }
    assert sorted(role for names in roles.values() for role in names) == sorted(Role)
    for name, names in roles.items():
        environment = known(name, made)
        assert chosen(environment, names) == tuple(names)
        if "web" not in names:
            assert run[name]["deploy"]["replicas"] == 2


def test_the_workers_have_the_sandboxs_credentials(made: dict[str, str]) -> None:
    given, of_sandbox = settings("dispatch", made), settings("sandbox", made)
    options = typer.main.get_command(app).commands["sandbox"].params  # type: ignore[attr-defined] # it is a group
    assert set(of_sandbox) <= {option.envvar for option in options}
    for name in ("CLIENT_ID", "CLIENT_SECRET", "VERIFIER_TOKEN"):
        assert given[f"Q2C_QUICKBOOKS_{name}"] == of_sandbox[f"Q2C_SANDBOX_{name}"]
    credentials = (of_sandbox["Q2C_SANDBOX_CLIENT_ID"], of_sandbox["Q2C_SANDBOX_CLIENT_SECRET"])
    sandbox = Sandbox(SystemClock(), seed=int(of_sandbox["Q2C_SANDBOX_SEED"]), app=credentials)
    assert (sandbox.oauth.client_id, sandbox.oauth.client_secret) == credentials


def test_keys_and_passwords_are_generated_for_each_machine(made: dict[str, str], tmp_path: Path) -> None:
    """The file has none; each machine generates its own, and keeps them."""
    secret = re.compile("KEY|PASSWORD|SECRET|SEED|CLIENT_ID|TOKEN")
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            found = VARIABLE.fullmatch(str(value))
            if secret.search(name) is not None:
                assert found is not None, name
                assert found[0] == f"${{{found[1]}:?run make compose-env once}}"
                assert made[found[1]]
    for url in re.findall(r"://\w+:(\$\{[^}]*\}|[^@\s/]*)@", (ROOT / "docker-compose.yml").read_text()):
        assert url == "${Q2C_COMPOSE_POSTGRES_PASSWORD:?run make compose-env once}"
    elsewhere = compose_env(tmp_path)
    assert elsewhere.keys() == made.keys()
    assert not set(elsewhere.values()) & set(made.values())
    assert compose_env(tmp_path) == elsewhere
    for name in ("Q2C_TOKEN_KEYS", "Q2C_COMPOSE_POSTGRES_PASSWORD", "Q2C_QUICKBOOKS_CLIENT_SECRET"):
        assert len(set(elsewhere[name])) > 8
        assert len(elsewhere[name]) >= 43
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_no_service_has_rights_that_it_has_no_use_for() -> None:
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "network_mode", "pid", "ipc", "devices"} & set(service), name
        assert service.get("read_only", False) == (name != "kafka"), name
        assert "/tmp" in service.get("tmpfs", ["/tmp"]), name  # noqa: S108 - in a container, its own
        assert not any("docker.sock" in volume for volume in service.get("volumes", ())), name


def test_images_are_pinned_and_services_are_checked_and_not_root() -> None:
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


def test_metrics_can_be_read_by_other_services_only(made: dict[str, str]) -> None:
    for name in WORKERS:
        service, environment = OURS[name], known(name, made)
        assert (environment.metrics_port, environment.metrics_host) == (9100, "0.0.0.0")  # noqa: S104 - in a container
        assert not any(port.endswith(":9100") for port in service.get("ports", ()))
