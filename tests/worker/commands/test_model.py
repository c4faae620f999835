"""The commands' table behaves as its model; `make prove` tries three times as many steps."""

from hypothesis import settings

from tests.worker.commands.model import Commands

TestCommands = Commands.TestCase
TestCommands.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
