"""Dead letters from the command line: listed, shown whole, discarded with an entry in the log, and an alarm at the limit."""

import json
from pathlib import Path

from tests import stories
from tests.worker.running import Run, lines


def test_dead_letters_are_listed_shown_and_discarded(q2c: Run, tmp_path: Path) -> None:
    q2c("workspace", "add", "acme")
    file = tmp_path / "events.jsonl"
    bad = [stories.deal(f"D-{number}", stage="won") for number in range(4)]
    file.write_text("\n".join(json.dumps(event) for event in (*bad, stories.account())))
    emitted = q2c("emit", str(file), Q2C_DEAD_LETTERS_MAX="3")
    assert emitted.returncode == 1
    assert "1 refused" in emitted.stdout
    assert "emit the file again" in " ".join(emitted.stdout.split())

    for command in (("dead-letters",), ("dead-letters", "list")):
        listed = q2c(*command, "--json", Q2C_DEAD_LETTERS_MAX="3")
        assert listed.returncode == 1
        assert [row["number"] for row in lines(listed)] == [3, 2, 1]
        assert "dead_letters_full" in listed.stderr
        assert "3 of 3 dead letters" in listed.stderr
    [shown] = lines(q2c("dead-letters", "show", "2", "--json"))
    assert json.loads(shown["raw"]) == bad[1]
    assert (shown["reason"], shown["field"], shown["kept"]) == ("schema_invalid", "data.stage", True)
    assert "D-1" in q2c("dead-letters", "show", "2").stdout
    assert q2c("dead-letters", "show", "9").returncode == 2

    assert q2c("dead-letters", "discard").returncode == 2
    assert q2c("dead-letters", "discard", "1", "--all").returncode == 2
    assert q2c("dead-letters", "discard", "9").returncode == 1
    one = q2c("dead-letters", "discard", "2", "--why", "a test", "--json")
    assert one.returncode == 0
    assert [found["discarded"] for found in lines(one)] == [1]
    assert q2c("emit", str(file), Q2C_DEAD_LETTERS_MAX="3").returncode == 1
    listed = q2c("dead-letters", "list", "--json", Q2C_DEAD_LETTERS_MAX="3")
    assert [row["number"] for row in lines(listed)] == [4, 3, 1]
    [rest] = lines(q2c("dead-letters", "discard", "--reason", "schema_invalid", "--json"))
    assert rest["discarded"] == 3
    good = q2c("dead-letters")
    assert (good.returncode, good.stdout) == (0, "No dead letters.\n")
    assert q2c("dead-letters", "--of-nobody").returncode == 0
