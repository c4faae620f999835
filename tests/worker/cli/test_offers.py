"""The commands that open a gate exist, and have the gate's objects filled in."""

import re
from typing import Any, get_args

import pytest
from typer.main import get_command

from events.contract.gates import Action
from worker.cli.offers import COMMANDS, commands
from worker.cli.root import app


def test_a_command_is_about_the_same_as_its_gate() -> None:
    assert commands("map_account", "D-1", ("account/A-9",))[0] == "q2c map A-9 CUSTOMER_ID"
    assert commands("activate_item", "D-1", ("product/P-1", "product/P-2")) == [
        "q2c invoice D-1",
        "q2c map-product P-1 ITEM_ID",
        "q2c map-product P-2 ITEM_ID",
        "q2c map-product P-1 --create",
        "q2c map-product P-2 --create",
    ]


def test_a_gate_that_passes_by_itself_or_is_opened_elsewhere_needs_no_command() -> None:
    assert commands("wait") == commands("correct_deal") == commands(None) == []


def test_only_known_actions_have_commands() -> None:
    assert COMMANDS.keys() <= set(get_args(Action))


@pytest.mark.parametrize("template", sorted({each for offered in COMMANDS.values() for each in offered}))
def test_every_command_exists_with_its_options(template: str) -> None:
    _, *words = template.split()
    command: Any = get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not getattr(command, "commands", {}), template
    options = {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"--[a-z-]+", template)) <= options
