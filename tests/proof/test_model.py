"""The commands' table does what the model says, whatever order workers, clocks and people come in."""

from hypothesis import settings

from tests.worker.commands.model import Commands

TestCommands = Commands.TestCase
TestCommands.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
