"""The commands' table behaves as its model, in any order of workers, clocks and people."""

from hypothesis import settings

from tests.worker.commands.model import Commands

TestCommands = Commands.TestCase
TestCommands.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
