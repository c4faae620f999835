"""Each setting has a record, and the values that people write apply."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from worker.workspaces.kinds import FREQUENCY
from worker.workspaces.settings import SETTINGS, Setting, SettingInvalid, Settings, checked, settings_of

EACH = pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
WRITTEN = {
    "flag": ("Yes", True),
    "instant": ("2026-05-05T00:00:00Z", datetime(2026, 5, 5, tzinfo=UTC)),
    "time_zone": (" america/new york ", "America/New_York"),
    "quickbooks_name": ("Net 30", "Net 30"),
    "memo": ("For {deal_name}", "For {deal_name}"),
    "percent": (" 97.5 % ", "97.5"),
    "frequency": (" Daily  02:30", "daily 02:30"),
    "customer_sync": (" To QuickBooks ", "to_quickbooks"),
    "field_rule": ("CRM", "crm"),
    "unmapped_account": ("Create-at-once", "create_at_once"),
    "unmapped_customer": ("create in CRM", "create_in_crm"),
    "unmapped_product": (" Default  19", "default 19"),
}


@EACH
def test_a_setting_has_a_label_a_help_and_its_default(setting: Setting) -> None:
    assert (setting.label[:1].isupper(), setting.help.endswith(".")) == (True, True)
    assert setting.default == getattr(Settings(), setting.name)
    assert setting.first_on_sets in {None, *Settings.__struct_fields__}


@EACH
def test_a_value_that_was_checked_holds(setting: Setting) -> None:
    written, value = WRITTEN[setting.kind.name]
    stored = checked(setting.name, written)
    assert settings_of({setting.name: stored}) == replace(Settings(), **{setting.name: value})
    assert checked(setting.name, stored) == stored


@EACH
def test_an_empty_value_is_the_default(setting: Setting) -> None:
    assert checked(setting.name, " ") == ""
    assert settings_of({setting.name: ""}) == Settings()


def test_a_choice_holds_over_a_default_of_the_workspace() -> None:
    defaults = {"time_zone": "Europe/London", "cut_over": "2026-05-05T00:00:00+00:00"}
    held = settings_of(defaults, {"time_zone": "Asia/Tokyo", "cut_over": ""})
    assert (held.time_zone, held.cut_over) == ("Asia/Tokyo", datetime(2026, 5, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("paused", "maybe", "paused must be true or false, not 'maybe'"),
        (
            "cut_over",
            "soon",
            "cut_over must be an instant such as 2026-05-05T00:00:00Z, not 'soon'",
        ),
        ("cut_over", "2026-05-05", "cut_over needs a time zone, such as 2026-05-05T00:00:00Z"),
        ("time_zone", "Mars", "time_zone must be an IANA name such as Europe/London, not 'Mars'"),
        ("time_zone", "localtime", "time_zone must be an IANA name such as Europe/London, not 'localtime'"),
        ("auto_link", "high", "auto_link must be off, or a percentage from 0 to 100 such as 95, not 'high'"),
        ("auto_link", "101", "auto_link must be off, or a percentage from 0 to 100 such as 95, not '101'"),
        ("memo", "x" * 3001, "memo can have at most 3000 characters, not 3001"),
        *(
            (
                "sync_frequency",
                value,
                f"sync_frequency must be {FREQUENCY.form}, not {value!r}",
            )
            for value in (
                "weekly",
                "daily",
                "daily 2:30",
                "daily 24:00",
                "daily 02:60",
                "daily 02:30 pm",
                "٤",
            )
        ),
        (
            "memo",
            "{deal}",
            "memo has an unknown placeholder {deal}; choose from {deal_name}, {deal_id} and {po_number}",
        ),
    ],
)
def test_a_value_that_does_not_fit_is_named(name: str, value: str, problem: str) -> None:
    with pytest.raises(SettingInvalid) as caught:
        checked(name, value)
    assert str(caught.value) == problem


def test_an_unknown_setting_is_answered_with_the_known_ones() -> None:
    with pytest.raises(
        SettingInvalid, match=r"Unknown setting 'colour'; choose from auto_invoice, cut_over, .*paused"
    ):
        checked("colour", "red")
