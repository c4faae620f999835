"""Print an error that a person can correct as one sentence, with an exit status and without a traceback.

Every command imports this module, also those that only show help; so modules that only an error needs are imported then.
"""

import contextlib
import sys
from collections.abc import Iterator

from events.errors import DatabaseRefused, DatabaseUnavailable, OutsideError, UserError

FINDING, USAGE = 1, 2


class Unusable(UserError):
    """An argument, an option or a name is wrong; the message names the right one."""


@contextlib.contextmanager
def fail_kindly() -> Iterator[None]:
    """Turn errors that a person can correct, and errors of other services, into a sentence and an exit status."""
    try:
        yield
    except (UserError, DatabaseRefused) as error:
        _say(error)
        sys.exit(USAGE)
    except (OutsideError, DatabaseUnavailable, OSError) as error:
        _say(error)
        sys.exit(FINDING)
    except Exception:
        damaged = _damage()
        if damaged is None:
            raise
        _say(damaged)
        sys.exit(FINDING)


def _say(problem: object) -> None:
    """Print a problem as a sentence, without the environment's secrets."""
    from worker.cli.output import errors  # noqa: PLC0415 - only where there is an error
    from worker.runtime.environment import secret_replacements  # noqa: PLC0415 - as above
    from worker.runtime.masking import scrubbed  # noqa: PLC0415 - as above

    errors.print(f"q2c: {scrubbed(str(problem), secret_replacements())}", soft_wrap=True)


def _damage() -> str | None:
    """Check, after an unexpected error, whether the SQLite file is damaged; return a sentence about the damage."""
    from events.database.sqlite import damage  # noqa: PLC0415 - only where there is an error
    from worker.runtime.environment import ConfigurationError, environment  # noqa: PLC0415 - as above

    try:
        settings = environment()
    except ConfigurationError:
        return None
    return damage(settings.database_path) if settings.embedded else None
