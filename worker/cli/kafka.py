"""Run commands that need Kafka, after checking that it is configured."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from worker.cli.context import run
from worker.runtime.environment import ConfigurationError, Environment
from worker.services import Services

T = TypeVar("T")


def run_with_kafka(work: Callable[[Services], Awaitable[T]]) -> T:
    """Run a command's work over open services.

    Raises:
        ConfigurationError: Kafka is not configured.
    """

    async def checked(opened: Services) -> T:
        with_kafka(opened.environment)
        return await work(opened)

    return run(checked)


def with_kafka(settings: Environment) -> Environment:
    """Return the environment, after checking that Kafka is configured.

    Raises:
        ConfigurationError: Kafka is not configured.
    """
    if settings.kafka_url is None:
        raise ConfigurationError("Q2C_KAFKA_URL: not set; this command needs Kafka")
    return settings
