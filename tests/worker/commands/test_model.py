"""The commands' table does what the model says; `make prove` tries three times as much."""

from hypothesis import settings

from tests.worker.commands.model import Commands

TestCommands = Commands.TestCase
TestCommands.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
