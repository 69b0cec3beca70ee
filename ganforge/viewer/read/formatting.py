"""Numbers and times as people read them."""

import time
from collections.abc import Sequence


def class_words(number: int, names: Sequence[str]) -> str:
    """class 3; class 3 (cat), where it has a name."""
    return f"class {number} ({names[number][:60]})" if number < len(names) else f"class {number}"


def figure(value: float | None) -> str:
    """Four significant digits at most, but all before the point as long as people read them; a dash for no value."""
    if value is None:
        return "-"
    is_long = 10_000 <= abs(value) < 1e15 or (abs(value) < 1e15 and float(value).is_integer())
    return f"{value:,.0f}" if is_long else f"{value:.4g}"


def duration(seconds: float) -> str:
    """45 s; 12 min; 3 h 20 min; 2 d 4 h."""
    if seconds < 90:
        return f"{round(seconds)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 36:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def moment(nimg: int) -> str:
    """8,064 images; before training."""
    return f"{nimg:,} images" if nimg else "before training"


def ago(when: float, now: float | None = None) -> str:
    """5 s ago; a date where that is longer than a week; "at an unknown time" for 0."""
    passed = (time.time() if now is None else now) - when
    if when <= 0:
        return "at an unknown time"
    if passed < 7 * 86_400:
        return f"{duration(max(0.0, passed))} ago"
    try:
        return time.strftime("%Y-%m-%d", time.localtime(when))
    except (OverflowError, ValueError, OSError):
        return "at an unknown time"
