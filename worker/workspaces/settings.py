"""The settings of a workspace. Each is one field with its record: a new setting is a new field of `Settings`."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import FieldInfo, fields, replace

from events.errors import UserError
from worker.workspaces.kinds import (
    BOTH,
    CUSTOMER_SYNC,
    FIELD_RULE,
    FLAG,
    FREQUENCY,
    HOLD,
    IGNORE,
    INSTANT,
    MEMO,
    OFF,
    PERCENT,
    QUICKBOOKS,
    QUICKBOOKS_NAME,
    REAL_TIME,
    TIME_ZONE,
    TO_CRM,
    TO_QUICKBOOKS,
    UNMAPPED_ACCOUNT,
    UNMAPPED_CUSTOMER,
    UNMAPPED_PRODUCT,
    SettingKind,
)


class Setting(Struct, frozen=True):
    """The record of a setting.

    Attributes:
        kind: The kind of its values.
        label: Its name for people.
        help: Its effect, in one or two sentences.
        first_on_sets: For a flag: the setting whose default is the instant at which the flag was first switched on.
        read_again: Whether a change triggers a reading of the QuickBooks company, because the value depends on it.
        name: The name of its field, as in `q2c set` and in events.
        default: The default of its field; a workspace can have another default, such as its company's time zone.
    """

    kind: SettingKind
    label: str
    help: str
    first_on_sets: str | None = None
    read_again: bool = False
    name: str = ""
    default: object = None


_FIELD_RULE_HELP = (
    "The side whose {} holds when an account and its customer differ: always the crm's, always quickbooks', or with both the"
    " side that changed it. If both sides changed it, a person decides."
)


class Settings(Struct, frozen=True):
    """The settings that hold for a workspace."""

    auto_invoice: Annotated[
        bool,
        Setting(
            FLAG,
            "Automatic invoicing",
            "Create the invoice of every won deal. While it is false, a deal waits until a person requests its invoice.",
            first_on_sets="cut_over",
        ),
    ] = False
    cut_over: Annotated[
        datetime | None,
        Setting(
            INSTANT,
            "Cut-over",
            "Deals won before this instant are invoiced only by hand, so that a CRM's history is not invoiced twice."
            " Default: when auto_invoice was first switched on.",
        ),
    ] = None
    invoice_requires_signature: Annotated[
        bool,
        Setting(
            FLAG,
            "Signature required",
            "Invoice a deal only when its contract is signed, even if the CRM closes it as won.",
        ),
    ] = False
    time_zone: Annotated[
        str | None,
        Setting(
            TIME_ZONE,
            "Time zone",
            "Invoices are dated in this time zone, and a daily sync runs by it. Default: the one of the company's address,"
            " if it has only one.",
            read_again=True,
        ),
    ] = None
    sync_frequency: Annotated[
        str,
        Setting(
            FREQUENCY,
            "Sync frequency",
            "When due invoices are sent and changes in QuickBooks are read: in real time, hourly (at each full hour of UTC),"
            " or daily at a time in time_zone. An invoice requested by hand is sent at once.",
        ),
    ] = REAL_TIME
    terms: Annotated[
        str | None,
        Setting(
            QUICKBOOKS_NAME,
            "Payment terms",
            "The payment terms of every invoice, by their name in QuickBooks, such as Net 30."
            " Default: QuickBooks uses the customer's.",
            read_again=True,
        ),
    ] = None
    memo: Annotated[
        str,
        Setting(
            MEMO,
            "Memo",
            "The private note of every invoice. {deal_name}, {deal_id} and {po_number} are replaced by the deal's.",
        ),
    ] = "Deal {deal_id}: {deal_name}"
    income_account: Annotated[
        str | None,
        Setting(
            QUICKBOOKS_NAME,
            "Income account",
            "The account that earns what created items sell, by its name in QuickBooks. Without it, no item is created.",
            read_again=True,
        ),
    ] = None
    unmapped_product: Annotated[
        str,
        Setting(
            UNMAPPED_PRODUCT,
            "Unmapped products",
            "The item of a product that is mapped to none. With hold, its deals wait for a person. With create, its item is"
            " created in QuickBooks once a deal waits for nothing else. With default and an item's ID, such as default 19,"
            " its lines are invoiced with that item, and their descriptions name the product.",
        ),
    ] = HOLD
    auto_link: Annotated[
        str,
        Setting(
            PERCENT,
            "Automatic linking",
            "Link an account to the suggested customer without a person, if its score is at least this percentage and the"
            " matcher is sure. A person's decision always comes first.",
        ),
    ] = OFF
    customer_sync: Annotated[
        str,
        Setting(
            CUSTOMER_SYNC,
            "Customer sync",
            "Keep accounts and their customers in step: write changes of the CRM to_quickbooks, tell changes in QuickBooks"
            " to_crm, or both. While it is off, nothing is written to either side.",
        ),
    ] = OFF
    sync_name: Annotated[str, Setting(FIELD_RULE, "Sync of names", _FIELD_RULE_HELP.format("name"))] = BOTH
    sync_email: Annotated[
        str, Setting(FIELD_RULE, "Sync of e-mail addresses", _FIELD_RULE_HELP.format("e-mail address"))
    ] = BOTH
    sync_phone: Annotated[
        str, Setting(FIELD_RULE, "Sync of phone numbers", _FIELD_RULE_HELP.format("phone number"))
    ] = BOTH
    sync_billing_address: Annotated[
        str, Setting(FIELD_RULE, "Sync of billing addresses", _FIELD_RULE_HELP.format("billing address"))
    ] = BOTH
    sync_shipping_address: Annotated[
        str, Setting(FIELD_RULE, "Sync of shipping addresses", _FIELD_RULE_HELP.format("shipping address"))
    ] = BOTH
    unmapped_account: Annotated[
        str,
        Setting(
            UNMAPPED_ACCOUNT,
            "Unmapped accounts",
            "What becomes of an account that no customer is like. With hold, it waits for a person. With create_on_invoice,"
            " its customer is created in QuickBooks once a won deal waits for nothing else; with create_at_once, as soon as"
            " it was compared. It takes effect while customer_sync is to_quickbooks or both.",
        ),
    ] = HOLD
    unmapped_customer: Annotated[
        str,
        Setting(
            UNMAPPED_CUSTOMER,
            "Unmapped customers",
            "What becomes of a customer in QuickBooks that belongs to no account, and that no account is like. With ignore,"
            " nothing. With create_in_crm, it is offered to the CRM as a new account. It takes effect while customer_sync is"
            " to_crm or both.",
        ),
    ] = IGNORE
    paused: Annotated[
        bool,
        Setting(
            FLAG,
            "Paused",
            "Make no new command to QuickBooks, and send none that is waiting. Nothing is lost: all continues once it is"
            " false.",
        ),
    ] = False

    @property
    def unmapped_account_rule(self) -> str:
        """The value of `unmapped_account` that takes effect: hold, unless `customer_sync` lets QuickBooks be written to."""
        return self.unmapped_account if self.customer_sync in {TO_QUICKBOOKS, BOTH} else HOLD

    @property
    def unmapped_customer_rule(self) -> str:
        """The value of `unmapped_customer` that takes effect: ignore, unless `customer_sync` lets the CRM be written to."""
        return self.unmapped_customer if self.customer_sync in {TO_CRM, BOTH} else IGNORE


def _of_field(field: FieldInfo) -> Setting:
    """Return the record of a field, completed by the field's name and default."""
    [setting] = [each for each in get_args(field.type) if isinstance(each, Setting)]
    return replace(setting, name=field.name, default=field.default)


SETTINGS = tuple(map(_of_field, fields(Settings)))
_SYNC = "sync_"
# The fields that accounts and customers are kept in step by, each with its rule.
SYNCED = tuple(setting.name.removeprefix(_SYNC) for setting in SETTINGS if setting.kind is FIELD_RULE)
_BY_NAME = {setting.name: setting for setting in SETTINGS}


class SettingInvalid(UserError):
    """A setting or its value is unknown; the message names the valid ones."""


def checked(name: str, value: str) -> str:
    """Return the value as it is stored; an empty value restores the default.

    Raises:
        SettingInvalid: There is no such setting, or the value is invalid.
    """
    setting, value = _BY_NAME.get(name), value.strip()
    if setting is None:
        raise SettingInvalid(f"Unknown setting {name!r}; choose from {', '.join(_BY_NAME)}")
    try:
        return setting.kind.stored(value) if value else ""
    except ValueError as error:
        raise SettingInvalid(f"{name} {error}") from error


def rule_of(settings: Settings, field: str) -> str:
    """Return the rule of a field: crm, quickbooks or both; a field that is not in `SYNCED` is QuickBooks'."""
    rule: str = getattr(settings, f"{_SYNC}{field}", QUICKBOOKS)
    return rule


def settings_of(*layers: Mapping[str, str]) -> Settings:
    """Return the settings of layers of stored values; a later layer wins, except where its value is empty."""
    held = {name: value for layer in layers for name, value in layer.items() if value}
    return msgspec.convert(held, Settings, strict=False)
