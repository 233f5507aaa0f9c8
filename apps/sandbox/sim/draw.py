"""Random numbers that are a pure function of their place: the same seed, row and hour give the same draw for ever.

Nothing is drawn in sequence, so any moment of any stream can be computed alone and whole arrays at once.
The mixing function is splitmix64's finaliser (Steele, Lea, Flood 2014).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_SMALL_RATE = 24.0


def words(seed: int, *parts: Ints | int) -> Words:
    """64 random bits for each place; `parts` broadcast against each other."""
    state = np.asarray([seed & 0xFFFFFFFFFFFFFFFF], dtype=np.uint64)
    for part in parts:
        place = np.atleast_1d(np.asarray(part, dtype=np.int64)).astype(np.uint64)
        state = _mix(state + _GOLDEN * (place + np.uint64(1)))
    return _mix(state)


def uniform(seed: int, *parts: Ints | int) -> Floats:
    """Uniform in [0, 1) for each place."""
    return np.asarray((words(seed, *parts) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def number(seed: int, *parts: int) -> float:
    """One uniform number in [0, 1)."""
    return float(uniform(seed, *parts).flat[0])


def poisson(rates: Floats, *, seed: int, place: tuple[Ints | int, ...]) -> Ints:
    """A Poisson draw for each rate; above 24 the normal approximation, which no reader of a counter can tell."""
    first = np.broadcast_to(uniform(seed, *place, 1), rates.shape)
    out = np.zeros(rates.shape, dtype=np.int64)
    small = (rates > 0) & (rates <= _SMALL_RATE)
    if small.any():
        out[small] = _invert(rates[small], first[small])
    large = rates > _SMALL_RATE
    if large.any():
        second = np.broadcast_to(uniform(seed, *place, 2), rates.shape)[large]
        normal = np.sqrt(-2.0 * np.log1p(-first[large])) * np.cos(2.0 * np.pi * second)
        rate = rates[large]
        out[large] = np.maximum(np.rint(rate + np.sqrt(rate) * normal), 0).astype(np.int64)
    return out


def _invert(rates: Floats, uniforms: Floats) -> Ints:
    """Poisson by inversion of the cumulative distribution, all entries at once."""
    count = np.zeros(rates.shape, dtype=np.int64)
    term = np.exp(-rates)
    left = uniforms - term
    for k in range(1, 200):
        more = left >= 0
        if not more.any():
            break
        count[more] = k
        term = term * rates / k
        left = left - term
    return count


def _mix(state: Words) -> Words:
    state = (state ^ (state >> np.uint64(30))) * _MIX_A
    state = (state ^ (state >> np.uint64(27))) * _MIX_B
    return np.asarray(state ^ (state >> np.uint64(31)))
