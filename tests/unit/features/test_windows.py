"""Windows ahead of a row say where they begin and end; only targets may have them."""

from __future__ import annotations

import pytest

from feature_platform_py.features.windows import parse_window

DAY = 86_400


@pytest.mark.parametrize(
    ("text", "shown", "ahead"),
    [
        ("next 30d", "(t, t + 30 d]", 30 * DAY),
        ("next  12h", "(t, t + 12 h]", 12 * 3600),
        ("next 30d offset 7d", "(t + 7 d, t + 7 d + 30 d]", 37 * DAY),
    ],
)
def test_a_window_ahead_is_an_interval_after_t(text: str, shown: str, ahead: int) -> None:
    window = parse_window(text, is_ahead=True)
    assert (window.shown("right"), window.ahead, window.is_next) == (shown, ahead, True)


@pytest.mark.parametrize("text", ["30d", "next", "next 30", "next month", "next 30d offset 0d", "next 0s", "lifetime"])
def test_what_is_not_ahead_is_no_target(text: str) -> None:
    with pytest.raises(ValueError, match="window"):
        parse_window(text, is_ahead=True)


def test_a_feature_does_not_look_ahead() -> None:
    with pytest.raises(ValueError, match="looks ahead of the row"):
        parse_window("next 30d")
