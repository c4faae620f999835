"""The settings of a workspace: their names, kinds and defaults."""

import re
from collections.abc import Mapping
from datetime import datetime
from zoneinfo import available_timezones

import msgspec
from msgspec import Struct

MEMO_CHARACTERS_MAX = 3000
_PLACEHOLDER = re.compile(r"\{(?:deal_name|deal_id|po_number)\}")
_ANY_PLACEHOLDER = re.compile(r"\{[^{}]*\}")
_NO_PLACES = frozenset({"Factory", "localtime"})  # the one means none is set, the other this machine's
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


class Settings(Struct, frozen=True):
    """The settings of a workspace, with their defaults."""

    auto_invoice: bool = False
    cut_over: datetime | None = None
    invoice_requires_signature: bool = False
    time_zone: str | None = None
    terms: str | None = None
    memo: str | None = None
    income_account: str | None = None
    paused: bool = False


NAMES = tuple(Settings.__struct_fields__)


class SettingInvalid(Exception):
    """A setting or its value is unknown; the message names the valid ones."""


def checked(key: str, value: str) -> str:
    """Return the value as it is stored.

    Raises:
        SettingInvalid: There is no such setting, or the value does not fit it.
    """
    value = value.strip()
    if key not in NAMES:
        raise SettingInvalid(f"Unknown setting {key!r}; choose from {', '.join(NAMES)}")
    if value == "":
        return ""
    if key in {"auto_invoice", "invoice_requires_signature", "paused"}:
        if value.lower() not in _TRUE | _FALSE:
            raise SettingInvalid(f"{key} must be true or false, not {value!r}")
        return "true" if value.lower() in _TRUE else "false"
    if key == "cut_over":
        return _instant(value).isoformat()
    if key == "time_zone":
        return _zone_name(value)
    if key == "memo":
        _check_memo(value)
    return value


def settings_of(chosen: Mapping[str, str]) -> Settings:
    """Read stored values; an empty one is the default."""
    return msgspec.convert({key: value for key, value in chosen.items() if value}, Settings, strict=False)


def memo_text(memo: str, *, deal_name: str, deal_id: str, po_number: str) -> str:
    """Fill the placeholders of a memo."""
    values = {"{deal_name}": deal_name, "{deal_id}": deal_id, "{po_number}": po_number}
    return _PLACEHOLDER.sub(lambda found: values[found.group()], memo)


def _zone_name(value: str) -> str:
    """Return the name of a time zone as the time zone database writes it."""
    names = {name.casefold(): name for name in available_timezones() if name not in _NO_PLACES}
    found = names.get(value.replace(" ", "_").casefold())
    if found is None:
        raise SettingInvalid(f"time_zone must be an IANA name such as Europe/London, not {value!r}")
    return found


def _instant(value: str) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise SettingInvalid(
            f"cut_over must be an instant such as 2026-05-05T00:00:00Z, not {value!r}"
        ) from error
    if instant.tzinfo is None:
        raise SettingInvalid(f"cut_over needs a time zone, such as {instant.isoformat()}Z")
    return instant


def _check_memo(value: str) -> None:
    if len(value) > MEMO_CHARACTERS_MAX:
        raise SettingInvalid(f"memo can have at most {MEMO_CHARACTERS_MAX} characters, not {len(value)}")
    unknown = [name for name in _ANY_PLACEHOLDER.findall(value) if not _PLACEHOLDER.fullmatch(name)]
    if unknown:
        raise SettingInvalid(
            f"memo has an unknown placeholder {unknown[0]}; choose from {{deal_name}}, {{deal_id}} and {{po_number}}"
        )
