"""The errors of servers for tests."""


class ServerError(Exception):
    """A server that tests need is not available.

    ├── Missing    a program is not installed; the message has the command to run
    ├── Failed     the server does not start or stop; the message ends with its log
    ├── NotOurs    the server was not started by us, so tests may not stop it
    └── NotSecured the server requires no certificates and password, so it has none
    """


class Missing(ServerError):
    """A program is not installed."""


class Failed(ServerError):
    """A server or one of its tools failed."""


class NotOurs(ServerError):
    """A given server or a container can't be stopped or changed."""


class NotSecured(ServerError):
    """Only a secured server has an authority, a user and a password."""
