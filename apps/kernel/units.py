"""Kubernetes quantities and Go durations, read and written exactly as the API server does.

Sources: k8s.io/apimachinery/pkg/api/resource/quantity.go (suffixes), Go's time.ParseDuration (durations).
"""

from __future__ import annotations

import math
import re
from datetime import timedelta
from decimal import Decimal

from apps.kernel.errors import InvalidInput

_SUFFIX = {
    "": Decimal(1),
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"),
    "k": Decimal(10) ** 3, "M": Decimal(10) ** 6, "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12, "P": Decimal(10) ** 15, "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10, "Mi": Decimal(2) ** 20, "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40, "Pi": Decimal(2) ** 50, "Ei": Decimal(2) ** 60,
}  # fmt: skip
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|([KMGTPE]i|[numkMGTPE]?))")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(d|h|ms|m|s)")
_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
LONGEST = timedelta(days=36_525)
"""A hundred years. Beyond lies the year 10,000, which no clock of Python's reaches."""


def parse_quantity(text: str | int | float, *, field: str | None = None) -> Decimal:
    """The value of a Kubernetes quantity: "250m" -> 0.25, "1Gi" -> 1073741824, "1e3" -> 1000."""
    match = _QUANTITY.fullmatch(str(text))
    if match is None:
        raise InvalidInput(f"{text!r} is not a quantity", field=field, mend="write it like 250m, 2 or 1Gi")
    number, exponent, suffix = match.groups()
    return Decimal(number + exponent) if exponent else Decimal(number) * _SUFFIX[suffix or ""]


def cpu_millicores(text: str | int | float) -> int:
    """Whole millicores, rounded up as the scheduler does: "0.1" -> 100, "1u" -> 1."""
    return math.ceil(parse_quantity(text) * 1000)


def memory_bytes(text: str | int | float) -> int:
    """Whole bytes, rounded up."""
    return math.ceil(parse_quantity(text))


def parse_duration(text: str, *, field: str | None = None) -> timedelta:
    """A duration like "2h", "1h30m", "90s" or "14d"; zero is allowed, a sign is not, nor is more than `LONGEST`."""
    parts = _DURATION_PART.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise InvalidInput(f"{text!r} is not a duration", field=field, mend="write it like 2h, 90m or 1h30m")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if seconds > LONGEST.total_seconds():
        raise InvalidInput(f"{text:.40} is longer than a hundred years", field=field, mend="write a shorter one")
    return timedelta(seconds=seconds)


def format_duration(span: timedelta) -> str:
    """The shortest spelling that `parse_duration` reads back, whole seconds: 2h, 1h30m, 45s, 3d, 0s."""
    left = int(span.total_seconds())
    sign, left = ("-", -left) if left < 0 else ("", left)
    out = ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        out += f"{count}{unit}" if count else ""
    return sign + (out or "0s")
