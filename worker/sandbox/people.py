"""The people of a company: they sign in to Intuit, and grant an app access to the books."""

from typing import Literal

from msgspec import Struct


class Person(Struct, frozen=True):
    """A user of a company's QuickBooks, known by an e-mail address. The role limits the person's rights."""

    name: str
    email: str
    role: Literal["admin", "standard", "reports only", "time tracking only"] = "admin"


OWNER = Person("Grace Pariente", "grace@sandbox.example")
