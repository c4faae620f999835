"""The kinds of settings: the form of their values, and how a value is stored."""

import re
from collections.abc import Callable
from datetime import datetime, time
from decimal import Decimal
from typing import Literal
from zoneinfo import available_timezones

from msgspec import Struct

from events.contract.values import Percent

MEMO_CHARACTERS_MAX = 3000
_PLACEHOLDER = re.compile(r"\{(?:deal_name|deal_id|po_number)\}")
_ANY_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_NO_PLACES = frozenset({"Factory", "localtime"})  # no time zone, and this machine's own
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_FLAG = "true or false"
_INSTANT = "an instant such as 2026-05-05T00:00:00Z"
_TIME_ZONE = "an IANA name such as Europe/London"
_PERCENT = "off, or a percentage from 0 to 100 such as 95"
_UNMAPPED_PRODUCT = "hold, create, or default with the ID of an item in QuickBooks such as default 19"
_FREQUENCY = "real_time, hourly, or daily with a time of 24 hours such as daily 02:30"

OFF = "off"
HOLD = "hold"
CREATE = "create"
TO_QUICKBOOKS = "to_quickbooks"
TO_CRM = "to_crm"
BOTH = "both"
CRM = "crm"
QUICKBOOKS = "quickbooks"
REAL_TIME = "real_time"
HOURLY = "hourly"
CREATE_ON_INVOICE = "create_on_invoice"
CREATE_AT_ONCE = "create_at_once"
IGNORE = "ignore"
CREATE_IN_CRM = "create_in_crm"
_DEFAULT = re.compile(r"default ([0-9A-Za-z_-]{1,128})")
_DAILY = re.compile(r"daily ([01][0-9]|2[0-3]):([0-5][0-9])")

KindName = Literal[
    "flag",
    "instant",
    "time_zone",
    "quickbooks_name",
    "memo",
    "frequency",
    "percent",
    "customer_sync",
    "field_rule",
    "unmapped_account",
    "unmapped_customer",
    "unmapped_product",
]


class SettingKind(Struct, frozen=True):
    """A kind of setting.

    Attributes:
        name: A stable code.
        form: The form of a value, such as `true or false`.
        stored: Takes a value that is not empty, and returns it as it is stored. For an invalid value, raises
            `ValueError` with the rest of a sentence, such as `must be true or false, not 'maybe'`.
    """

    name: KindName
    form: str
    stored: Callable[[str], str]


def memo_text(memo: str, *, deal_name: str, deal_id: str, po_number: str) -> str:
    """Fill the placeholders of a memo."""
    values = {"{deal_name}": deal_name, "{deal_id}": deal_id, "{po_number}": po_number}
    return _PLACEHOLDER.sub(lambda found: values[found.group()], memo)


def time_of_day(frequency: str) -> time | None:
    """Return the time of day of a frequency, such as 02:30 of `daily 02:30`; None if it is not daily."""
    found = _DAILY.fullmatch(frequency)
    return time(int(found[1]), int(found[2])) if found else None


def default_item_of(value: str) -> str | None:
    """Return the ID of the item in a value such as `default 19`; None if the value names no item."""
    found = _DEFAULT.fullmatch(value)
    return found[1] if found else None


def _flag(value: str) -> str:
    folded = value.lower()
    if folded not in _TRUE | _FALSE:
        raise _unfit(_FLAG, value)
    return "true" if folded in _TRUE else "false"


def _instant(value: str) -> str:
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise _unfit(_INSTANT, value) from error
    if instant.tzinfo is None:
        raise ValueError(f"needs a time zone, such as {instant.isoformat()}Z")
    return instant.isoformat()


def _time_zone(value: str) -> str:
    """Return the name of a time zone as the time zone database writes it."""
    names = {name.casefold(): name for name in available_timezones() if name not in _NO_PLACES}
    found = names.get(value.replace(" ", "_").casefold())
    if found is None:
        raise _unfit(_TIME_ZONE, value)
    return found


def _frequency(value: str) -> str:
    frequency = " ".join(value.lower().split())
    if frequency not in {REAL_TIME, HOURLY} and time_of_day(frequency) is None:
        raise _unfit(_FREQUENCY, value)
    return frequency


def _unmapped_product(value: str) -> str:
    first, *others = value.split()
    rule = " ".join([first.lower(), *others])
    if rule not in {HOLD, CREATE} and default_item_of(rule) is None:
        raise _unfit(_UNMAPPED_PRODUCT, value)
    return rule


def _choice(name: KindName, *values: str) -> SettingKind:
    """Return the kind of a setting that has one of a few values."""
    form = f"{', '.join(values[:-1])} or {values[-1]}"

    def stored(value: str) -> str:
        folded = "_".join(value.lower().replace("-", " ").replace("_", " ").split())
        if folded not in values:
            raise _unfit(form, value)
        return folded

    return SettingKind(name, form, stored)


def percent_of(value: str) -> Decimal | None:
    """Return the percentage of a value that may be off; None if it is."""
    return None if value == OFF else Decimal(value)


def _percent(value: str) -> str:
    folded = value.lower().removesuffix("%").strip()
    if folded in {OFF, *_FALSE - {"0"}}:
        return OFF
    try:
        return str(Percent.parse(folded))
    except ValueError as error:
        raise _unfit(_PERCENT, value) from error


def _memo(value: str) -> str:
    if len(value) > MEMO_CHARACTERS_MAX:
        raise ValueError(f"can have at most {MEMO_CHARACTERS_MAX} characters, not {len(value)}")
    unknown = [name for name in _ANY_PLACEHOLDER.findall(value) if not _PLACEHOLDER.fullmatch(name)]
    if unknown:
        raise ValueError(
            f"has an unknown placeholder {unknown[0]}; choose from {{deal_name}}, {{deal_id}} and {{po_number}}"
        )
    return value


def _unfit(form: str, value: str) -> ValueError:
    return ValueError(f"must be {form}, not {value!r}")


FLAG = SettingKind("flag", _FLAG, _flag)
INSTANT = SettingKind("instant", _INSTANT, _instant)
TIME_ZONE = SettingKind("time_zone", _TIME_ZONE, _time_zone)
QUICKBOOKS_NAME = SettingKind("quickbooks_name", "a name or ID in QuickBooks", str)
MEMO = SettingKind("memo", "a text with {deal_name}, {deal_id} and {po_number}", _memo)
PERCENT = SettingKind("percent", _PERCENT, _percent)
FREQUENCY = SettingKind("frequency", _FREQUENCY, _frequency)
UNMAPPED_ACCOUNT = _choice("unmapped_account", HOLD, CREATE_ON_INVOICE, CREATE_AT_ONCE)
UNMAPPED_CUSTOMER = _choice("unmapped_customer", IGNORE, CREATE_IN_CRM)
UNMAPPED_PRODUCT = SettingKind("unmapped_product", _UNMAPPED_PRODUCT, _unmapped_product)
CUSTOMER_SYNC = _choice("customer_sync", OFF, TO_QUICKBOOKS, TO_CRM, BOTH)
FIELD_RULE = _choice("field_rule", CRM, QUICKBOOKS, BOTH)
