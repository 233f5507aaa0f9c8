"""Kubernetes quantities: exact values and the canonical spelling that the API server gives back.

The grammar and the canonical form are those of apimachinery `pkg/api/resource`.
"""

from __future__ import annotations

import re
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache

_QUANTITY = re.compile(r"^([+-]?)(\d+\.?\d*|\.\d+)(?:([KMGTPE]i)|([numkMGTPE]?)|[eE]([+-]?\d+))$")
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
ERROR = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


@lru_cache(maxsize=8192)
def parse(text: str) -> Decimal:
    """The exact value. Raises ValueError with the real server's sentence."""
    match = _QUANTITY.match(text)
    if match is None:
        raise ValueError(ERROR)
    sign, number, binary, decimal, exponent = match.groups()
    value = Decimal(number) * (-1 if sign == "-" else 1)
    if binary:
        return value * Decimal(1024 ** _BINARY[binary])
    return value.scaleb(int(exponent) if exponent else _DECIMAL[decimal or ""])


@lru_cache(maxsize=8192)
def canonical(text: str) -> str:
    """The spelling that the server stores: the largest suffix that leaves a whole number, nothing under 1n."""
    match = _QUANTITY.match(text)
    if match is None:
        raise ValueError(ERROR)
    value, binary, exponent = parse(text), match.group(3), match.group(5)
    if value == 0:
        return "0"
    if binary and abs(value) >= 1024 and value == value.to_integral_value():
        return _binary(int(value))
    return _decimal(value, scientific=exponent is not None)


def of_number(value: Decimal, *, like: str) -> str:
    """The canonical spelling of a value in the family (binary or decimal) of another quantity."""
    match = _QUANTITY.match(like)
    if value and match and match.group(3) and value == value.to_integral_value() and abs(value) >= 1024:
        return _binary(int(value))
    return "0" if value == 0 else _decimal(value, scientific=False)


def _binary(value: int) -> str:
    power = 0
    while power < 6 and value % 1024 == 0:
        value //= 1024
        power += 1
    suffix = next((name for name, p in _BINARY.items() if p == power), "")
    return f"{value}{suffix}"


def _decimal(value: Decimal, *, scientific: bool) -> str:
    nano = value.scaleb(9).to_integral_value(rounding=ROUND_CEILING)
    exponent, number = -9, int(nano)
    while exponent < 18 and number % 1000 == 0:
        number //= 1000
        exponent += 3
    if scientific and exponent:
        return f"{number}e{exponent}"
    return f"{number}{_SUFFIX[exponent]}"
