"""What can keep a test from its server."""


class ServerError(Exception):
    """A server that tests need is not to be had.

    ├── Missing    something is not installed; the message says the one line to run
    ├── Failed     it does not start or stop; the message ends with its log
    ├── NotOurs    it was not started from packages here, so nobody may stop it
    └── NotSecured it asks for no papers, so it has none to show
    """


class Missing(ServerError):
    """Something is not installed."""


class Failed(ServerError):
    """A server or one of its tools does not do what it should."""


class NotOurs(ServerError):
    """A given server or a container is used as it is."""


class NotSecured(ServerError):
    """Only a secured server has an authority, a user and a password."""
