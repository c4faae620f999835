"""The command line from outside: only JSON on stdout, the documented exit status, helpful errors."""

import json
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests import stories
from tests.worker.running import Q2C, Run, lines
from worker.actions.effects import Effects
from worker.cli.settings import set_command
from worker.workspaces.settings import SETTINGS


def test_a_workspace_is_added_once(q2c: Run) -> None:
    added = q2c("workspace", "add", "acme", "--json")
    assert added.returncode == 0
    [made] = lines(added)
    assert set(made) == {"workspace", "token", "docusign_url"}
    assert made["docusign_url"].endswith("/webhooks/docusign/acme")
    again = q2c("workspace", "add", "acme")
    assert (again.returncode, again.stdout) == (2, "")
    assert "already" in again.stderr
    assert q2c("workspace", "add", "No Spaces").returncode == 2


def test_tokens_are_made_listed_and_revoked(q2c: Run) -> None:
    [first] = lines(q2c("workspace", "add", "acme", "--json"))
    command = ("workspace", "token")
    [made] = lines(q2c(*command, "add", "--label", "reporting", "--scope", "read", "--json"))
    assert (made["number"], made["scopes"], made["label"]) == (2, ["read"], "reporting")
    assert made["token"].startswith("q2c_")
    shown = q2c(*command, "list", "--json")
    assert [row["scopes"] for row in lines(shown)] == [["produce", "read", "act"], ["read"]]
    printed = q2c(*command, "list")
    assert (printed.returncode, "reporting" in printed.stdout) == (0, True)
    for text in (made["token"], first["token"]):
        assert text not in shown.stdout + printed.stdout
    unfit = q2c(*command, "add", "--scope", "write")
    assert (unfit.returncode, unfit.stdout, "produce, read, act" in unfit.stderr) == (2, "", True)
    for which in ("2", made["token"]):
        [gone] = lines(q2c(*command, "revoke", which, "--json"))
        assert (gone["number"], gone["revoked"]) == (2, True)
    assert q2c(*command, "revoke", "1").returncode == 0
    unknown = q2c(*command, "revoke", "77")
    assert (unknown.returncode, unknown.stdout, "there is 1 (" in unknown.stderr) == (2, "", True)
    assert q2c(*command, "add").returncode == 0


def test_docusigns_keys_are_given_to_a_workspace(q2c: Run) -> None:
    q2c("workspace", "add", "acme")
    key = "bm90IGEgc2VjcmV0LCBvZiAzMiBieXRlcyBhcyB0aGV5IGE="
    assert "docusign-key add KEY" in q2c("workspace", "docusign-key", "list").stdout
    [made] = lines(q2c("workspace", "docusign-key", "add", key, "--json"))
    assert (made["hint"], made["added"]) == ("…IGE=", True)
    again = q2c("workspace", "docusign-key", "add", key)
    assert (again.returncode, "already" in again.stdout) == (0, True)
    [shown] = lines(q2c("workspace", "docusign-key", "list", "--json"))
    assert shown == {
        "number": made["number"],
        "hint": "…IGE=",
        "added_at": made["added_at"],
        "verified_at": None,
    }
    for unfit in ("", "a b", "a\nb"):
        refused = q2c("workspace", "docusign-key", "add", unfit)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "copy" in refused.stderr.lower()
    assert q2c("workspace", "docusign-key", "remove", "77").returncode == 2
    assert q2c("workspace", "docusign-key", "remove", str(made["number"])).returncode == 0
    assert lines(q2c("workspace", "docusign-key", "list", "--json")) == []


def test_the_reception_of_docusigns_messages_is_shown(q2c: Run) -> None:
    q2c("workspace", "add", "acme")
    shown = q2c("workspace", "docusign", "--json")
    [found] = lines(shown)
    assert (shown.returncode, found["state"], found["keys"], found["refused"]) == (0, "good", 0, [])
    assert found["last_accepted_at"] is None
    assert "No message has come yet." in q2c("workspace", "docusign").stdout
    assert q2c("workspace", "docusign", "--seen").returncode == 0
    assert q2c("workspace", "docusign", "--workspace", "nobody").returncode == 2


def test_an_unknown_deal_is_shown_with_the_nearest_ids(q2c: Run, tmp_path: Path) -> None:
    q2c("workspace", "add", "acme")
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(json.dumps(stories.deal(name)) for name in ("D-17", "X-3")))
    q2c("emit", str(file))
    q2c("rebuild")
    unknown = q2c("explain", "d17")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "No event has named a deal d17. There is D-17." in unknown.stderr


def test_the_workspace_is_the_option_the_variable_or_the_only_one(q2c: Run) -> None:
    nothing = q2c("deals")
    assert nothing.returncode == 2
    assert "q2c workspace add" in nothing.stderr
    for name in ("acme", "bolt"):
        q2c("workspace", "add", name)
    unclear = q2c("deals")
    assert (unclear.returncode, "acme, bolt" in unclear.stderr) == (2, True)
    assert q2c("deals", "--workspace", "bolt").returncode == 0
    assert q2c("deals", Q2C_WORKSPACE="bolt").returncode == 0
    assert q2c("deals", "--workspace", "nobody").returncode == 2


def test_events_are_appended_from_a_file(q2c: Run, tmp_path: Path) -> None:
    q2c("workspace", "add", "acme")
    file = tmp_path / "events.jsonl"
    deal = stories.deal()
    other = {**stories.deal(name="Other"), "id": deal["id"]}
    good = [json.dumps(event) for event in (deal, stories.account(), deal, other)]
    file.write_text("\n".join([*good, "", "{broken", json.dumps({**deal, "workspace": "bolt"})]))
    emitted = q2c("emit", str(file), "--json")
    assert emitted.returncode == 1
    assert lines(emitted) == [{"appended": 2, "duplicate": 1, "conflict": 1, "dead": 2}]
    letters = lines(q2c("dead-letters", "--json"))
    assert {letter["reason"] for letter in letters} == {
        "identity_conflict",
        "undecodable",
        "workspace_mismatch",
    }
    assert {letter["origin"] for letter in letters} == {f"file:events.jsonl:{n}" for n in (4, 6, 7)}
    assert q2c("emit", str(tmp_path / "none.jsonl")).returncode == 2


def test_an_unreadable_file_is_refused_in_one_sentence(q2c: Run, tmp_path: Path) -> None:
    q2c("workspace", "add", "acme")
    file = tmp_path / "events.jsonl"
    text = "\n".join(json.dumps(stories.account(name="Zoë"), ensure_ascii=False) for _ in range(3))
    for raw in (text.encode("latin-1"), b"[" + text.encode(), b"PK\x03\x04"):
        file.write_bytes(raw)
        refused = q2c("emit", str(file), "--json")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert f"{file}: " in refused.stderr
        assert "no event was stored" in refused.stderr
    assert q2c("emit", str(tmp_path)).returncode == 2
    assert lines(q2c("dead-letters", "--json")) == []
    file.write_bytes(text.encode("utf-16"))
    assert lines(q2c("emit", str(file), "--json")) == [
        {"appended": 1, "duplicate": 2, "conflict": 0, "dead": 0}
    ]
    file.write_bytes(b"")
    empty = q2c("emit", str(file))
    assert (empty.returncode, "holds no event" in empty.stdout) == (0, True)


def test_settings_are_checked_and_shown(q2c: Run) -> None:
    q2c("workspace", "add", "acme")
    assert q2c("set", "auto_invoice=maybe").returncode == 2
    assert "terms" in q2c("set", "colour=red").stderr
    assert q2c("set", "nonsense").returncode == 2
    changed = q2c("set", "auto_invoice=yes", "memo=For {deal_name}", "--json")
    assert (changed.returncode, lines(changed)) == (0, [{"position": 1}])
    shown = {row["key"]: row for row in lines(q2c("settings", "--json"))}
    assert list(shown) == [setting.name for setting in SETTINGS]
    assert (shown["paused"]["value"], shown["paused"]["default"], shown["paused"]["chosen"]) == (
        False,
        False,
        False,
    )
    said, helped = q2c("settings").stdout, q2c("set", "--help").stdout
    for setting in SETTINGS:
        assert f"{setting.name} " in said
        assert setting.help in said
        assert f"  {setting.name} " in helped


def test_the_writes_of_customer_sync_are_shown_before_it_is_switched_on(q2c: Run) -> None:
    q2c("workspace", "add", "acme")
    wanted = ("customer_sync=both", "unmapped_account=create_at_once")
    planned = lines(q2c("set", "--dry-run", *wanted, "--json"))
    counts = {"customers_created": 0, "customers_updated": 0, "accounts_offered": 0, "accounts_updated": 0}
    assert planned == [{**counts, "is_estimate": False, "notes": []}]
    said = "In QuickBooks, 0 customers are created and 0 updated; the CRM is offered 0 accounts, and told changes of 0."
    assert q2c("set", "--dry-run", *wanted).stdout.split() == said.split()
    assert q2c("set", "--dry-run", "customer_sync=maybe").returncode == 2
    alone = q2c("set", "--dry-run", "unmapped_account=create_at_once").stdout
    assert "unmapped_account takes effect once customer_sync is to_quickbooks or both." in " ".join(
        alone.split()
    )
    applied = q2c("set", *wanted)
    assert (applied.returncode, applied.stdout.split()[: len(said.split())]) == (0, said.split())
    assert lines(q2c("set", "--yes", "customer_sync=off", "--json")) == [{"position": 2}]


@pytest.mark.parametrize(("answer", "is_set"), [("y", True), ("n", False)])
def test_on_a_terminal_it_asks(
    q2c: Run, answer: str, is_set: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    q2c("workspace", "add", "acme")
    monkeypatch.setenv("Q2C_DATABASE_URL", f"sqlite:///{tmp_path / 'q2c.sqlite3'}")
    monkeypatch.setattr("worker.runtime.logs.configure", lambda _: None)  # it is for the whole process
    monkeypatch.setattr("worker.cli.settings._is_asked", lambda _: True)

    async def some(_admin: object, _changes: object) -> Effects:
        return Effects(customers_created=3)

    monkeypatch.setattr("worker.cli.settings.effects_of", some)
    said = CliRunner().invoke(set_command, ["customer_sync=both"], input=f"{answer}\n")
    assert "3 customers are created" in said.output
    [following] = lines(q2c("set", "paused=true", "--json"))
    assert (following["position"], said.exit_code == 0) == (2 if is_set else 1, is_set)


def test_explain_shows_the_gates_of_a_deal(q2c: Run, tmp_path: Path) -> None:
    q2c("workspace", "add", "acme")
    unknown = q2c("explain", "D-1", "--json")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(json.dumps(event) for event in stories.signed_deal()))
    q2c("emit", str(file))
    explained = q2c("explain", "D-1", "--json")
    assert explained.returncode == 1
    [found] = lines(explained)
    assert {"deal", "stage", "first_unmet", "gates", "events"} <= found.keys()
    assert all({"gate", "met", "reason", "remedy", "event"} <= gate.keys() for gate in found["gates"])
    # No worker runs, so no event is folded: the events are shown all the same.
    assert found["events"][0]["type"] == "com.coeffection.deal.updated.v1"


def test_explain_shows_the_dead_letters_of_a_deal(q2c: Run, tmp_path: Path) -> None:
    q2c("workspace", "add", "acme")
    file = tmp_path / "events.jsonl"
    bad = stories.deal("D-1", stage="won")
    file.write_text("\n".join(json.dumps(event) for event in (bad, stories.account())))
    assert q2c("emit", str(file)).returncode == 1
    explained = q2c("explain", "D-1", "--json")
    assert explained.returncode == 1
    [found] = lines(explained)
    assert (found["stage"], found["events"], found["first_unmet"]) == ("unknown", [], "quote_missing")
    [gate] = found["gates"]
    assert "data.stage" in gate["remedy"]
    [letter] = found["dead_letters"]
    assert (letter["reason"], letter["field"], letter["origin"]) == (
        "schema_invalid",
        "data.stage",
        "file:events.jsonl:1",
    )
    assert letter["remedy"] == "Correct data.stage in the sending system, and send it again."
    assert [row["deal"] for row in lines(q2c("dead-letters", "--json"))] == ["D-1"]
    file.write_text(json.dumps(stories.deal("D-1")))
    q2c("emit", str(file))
    printed = q2c("explain", "D-1").stdout
    assert "Dead letters" in printed
    assert "Correct data.stage" in printed
    assert "Events" in printed


def test_config_tells_a_person_which_settings_are_not_set(q2c: Run) -> None:
    shown = q2c("config").stdout
    assert "Q2C_WORKSPACE                  (not set)\n" in shown
    assert "None" not in shown
    assert "[]" not in shown


def test_config_masks_secrets_and_names_wrong_settings(q2c: Run) -> None:
    shown = q2c("config", "--json", Q2C_QUICKBOOKS_CLIENT_ID="abc", Q2C_QUICKBOOKS_CLIENT_SECRET="hush-hush")
    assert shown.returncode == 0
    assert "hush-hush" not in shown.stdout + shown.stderr
    [found] = lines(shown)
    assert (found["settings"]["quickbooks_client_secret"], found["problems"]) == ("***", [])
    missing = q2c("config", "--json")
    assert missing.returncode == 1
    wrong = q2c("config", "--json", Q2C_DATABASE_URL="mysql://x:secret@y/z", Q2C_LOG_LEVEL="loud")
    assert wrong.returncode == 2
    problems = " ".join(lines(wrong)[0]["problems"])
    assert "Q2C_DATABASE_URL" in problems
    assert "Q2C_LOG_LEVEL" in problems
    assert "secret" not in wrong.stdout
    bad_key = q2c("deals", Q2C_TOKEN_KEYS="hush")
    assert (bad_key.returncode, "Q2C_TOKEN_KEYS" in bad_key.stderr, "hush" in bad_key.stderr) == (
        2,
        True,
        False,
    )


def test_config_refuses_the_settings_that_every_other_command_refuses(q2c: Run, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("not a database at all")
    for name, value in [
        ("Q2C_TOKEN_KEYS", "abc"),
        ("Q2C_DATABASE_URL", "sqlite:///"),
        ("Q2C_DATABASE_URL", "sqlite:////"),
        ("Q2C_DATABASE_URL", "sqlite:///:memory:"),
        ("Q2C_DATABASE_URL", f"sqlite:///{tmp_path}"),
        ("Q2C_DATABASE_URL", f"sqlite:///{other}"),
    ]:
        for command in ("config", "deals"):
            refused = q2c(command, **{name: value})
            assert refused.returncode == 2
            assert name in refused.stdout + refused.stderr
            assert "Traceback" not in refused.stderr
    assert other.read_text() == "not a database at all"


@pytest.mark.parametrize(
    "arguments",
    [
        ("map", "", "--create"),
        ("map", "A-1", "x" * 129),
        ("map", "A-1", ""),
        ("map-product", "P-9", ""),
        ("map", "A-1", "7", "--name", "Acme"),
        ("map", "A-1", "--create", "--name", "Acme: Berlin"),
        ("map", "A-1", "7", "--currency", "euro"),
        ("map-product", "P-9", "--create", "--name", "x" * 101),
        ("invoice", "a\tb"),
        ("invoice", "NOPE"),
        ("set", "paused=true", "paused=false"),
        ("tail", "crm.deal-updates.v1", "--after", "9" * 20),
        ("explain", b"\xff"),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(q2c: Run, arguments: tuple[str, ...]) -> None:
    q2c("workspace", "add", "acme")
    refused = q2c(*arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr
    assert "Traceback" not in refused.stderr
    assert q2c("wait", "--idle", "--timeout", "0").returncode == 0


def test_names_are_printed_as_they_are(q2c: Run, tmp_path: Path) -> None:
    q2c("workspace", "add", "acme")
    odd = "[/red] [bold]B[/bold] :heart: [link=file:///]x[/link] \x1b[31m\x9b\u202e"
    file = tmp_path / "events.jsonl"
    events = [stories.deal("[/x]", name=odd), stories.contract("voided", "[/x]", "C-1", reason=odd)]
    file.write_text("\n".join(json.dumps(event) for event in events))
    q2c("emit", str(file))
    rebuilt = q2c("rebuild")
    assert rebuilt.returncode == 0
    plain = odd.replace("\x1b", r"\x1b").replace("\x9b", r"\x9b").replace("\u202e", r"\u202e")
    for command in (("deals",), ("log",), ("explain", "[/x]"), ("explain", "[/y]")):
        printed = q2c(*command)
        assert "Traceback" not in printed.stderr
        assert "[/" in printed.stdout + printed.stderr
        assert not {"\x1b", "\x9b", "\u202e"} & set(printed.stdout)
        as_json = q2c(*command, "--json").stdout
        assert not {"\x1b", "\x9b", "\u202e"} & set(as_json)
        if command == ("deals",):
            assert all(word in printed.stdout for word in plain.split())


def test_the_database_is_its_owners_alone(q2c: Run, tmp_path: Path) -> None:
    made = tmp_path / "made"
    q2c("workspace", "add", "acme", Q2C_DATABASE_URL=f"sqlite:///{made / 'q2c.sqlite3'}")
    assert {file.stat().st_mode & 0o777 for file in made.iterdir()} == {0o600}


def test_a_command_that_cannot_run_names_the_missing_setting(q2c: Run) -> None:
    q2c("workspace", "add", "acme")
    assert "Q2C_QUICKBOOKS_CLIENT_ID" in q2c("up").stderr
    assert q2c("connect").returncode == 2
    assert q2c("tail", "secrets").returncode == 2
    assert q2c("wait", "--idle", "--timeout", "1", "--json").returncode == 0
    assert q2c("map", "A-1").returncode == 2
    assert q2c("map", "A-1", "7", "--create").returncode == 2
    assert q2c("map", "A-1", "7").returncode == 0
    waited = q2c("wait", "--idle", "--timeout", "0.2", "--json")
    assert waited.returncode == 1
    assert {"idle", "position", "waited_s"} <= lines(waited)[0].keys()


def test_a_request_to_create_names_the_event_that_it_waits_for(q2c: Run) -> None:
    q2c("workspace", "add", "acme")
    asked = q2c("map", "A-1", "--create", "--currency", "EUR", "--name", "Acme Berlin")
    assert (asked.returncode, "once the account has arrived from the CRM" in asked.stdout) == (0, True)
    asked = q2c("map-product", "P-1", "--create")
    assert (asked.returncode, "once a deal with the product on its quote has arrived" in asked.stdout) == (
        0,
        True,
    )
    assert q2c("map", "A-2", "7", "--currency", "EUR", "--json").returncode == 0


def test_a_shell_takes_the_lines_that_the_sandbox_prints() -> None:
    with subprocess.Popen([Q2C, "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        said = [running.stdout.readline() for _ in range(10)]
        running.terminate()
    exports = "".join(line for line in said if line.startswith("export "))
    script = f"{exports}\nexec {Q2C} config --json"
    shown = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True)
    [found] = lines(shown)
    assert said[0].startswith(f"QuickBooks is at {found['settings']['quickbooks_api_url']}, with ")
    assert found["settings"]["quickbooks_client_secret"] == "***"
    assert found["problems"] == []
    assert sum(line.startswith("q2c workspace docusign-key add ") for line in said) == 2


def test_the_sandbox_sends_webhooks_only_to_an_address(q2c: Run) -> None:
    refused = q2c("sandbox", "--port", "0", "--webhooks", "127.0.0.1:8000")
    assert refused.returncode == 2
    assert "http" in refused.stderr
