"""How a cluster fares, from the states of its sources."""

from __future__ import annotations

from datetime import timedelta

import pytest

from apps.fleet import reasons
from apps.fleet.cache import ClusterCache
from apps.fleet.domain.health import Health, judge, judge_failure, source_ages
from apps.fleet.domain.sources import SOURCES
from apps.fleet.health import health_of
from apps.fleet.sentences import SENTENCES
from apps.kernel import kinds
from apps.kernel.errors import Forbidden, InvalidInput, PlimsollError, Unauthenticated, Unavailable
from apps.kernel.ports import Listing
from tests.fleet.build import NOW, kernel_cluster, make_cache


def _judged(
    *, error: PlimsollError | None = None, sources: int | None = None, later: timedelta = timedelta()
) -> Health:
    """A whole cache, in which the first `sources` sources (None: all) failed with `error`, looked at `later`."""
    cache = make_cache()
    if error is not None:
        for source in SOURCES[:sources]:
            cache.failed(source.kind, error)
    return health_of(cache, now=NOW + later)


@pytest.mark.parametrize(
    ("case", "error", "sources", "minutes", "want"),
    [
        ("all is well", None, 0, 0, ("Connected", reasons.WATCHING)),
        ("one watch broke a moment ago", Unavailable("reset"), 1, 0, ("Connected", reasons.WATCHING)),
        ("nothing answers", Unavailable("refused"), None, 0, ("Unreachable", reasons.SERVER_UNREACHABLE)),
        ("nothing has been heard", None, 0, 5, ("Stale", reasons.SOURCES_OLD)),
        (
            "one refusal of credentials is enough",
            Unauthenticated("401"),
            1,
            0,
            ("Unauthorized", reasons.CREDENTIALS_REFUSED),
        ),
        ("one missing right is enough", Forbidden("403"), 1, 0, ("Unauthorized", reasons.RIGHTS_MISSING)),
        (
            "a certificate that changed",
            InvalidInput("self-signed", field="ca_pem"),
            None,
            0,
            ("Unreachable", reasons.CERTIFICATE_NOT_TRUSTED),
        ),
    ],
)
def test_each_state_has_its_reason(
    case: str, error: PlimsollError | None, sources: int | None, minutes: int, want: tuple[str, str]
) -> None:
    found = _judged(error=error, sources=sources, later=timedelta(minutes=minutes))
    assert (found.state, found.reason.code) == want, case
    assert found.deciding is (want[0] == "Connected")


def test_what_is_still_to_be_read_is_named() -> None:
    cache = ClusterCache(kernel_cluster())
    for source in SOURCES:
        if source.kind is not kinds.POD:
            cache.load(source.kind, [Listing([], "1")], now=NOW)
    found = health_of(cache, now=NOW)
    assert (found.state, found.reason.operands["sources"]) == ("Syncing", "pods")
    assert not found.deciding


def test_the_metrics_source_has_no_part_in_it() -> None:
    cache = make_cache()
    cache.metrics_read(Unavailable("500"), now=NOW)
    assert health_of(cache, now=NOW).deciding


def test_kinds_that_are_not_served_do_not_grow_old() -> None:
    cache = make_cache()
    for source in SOURCES:
        if source.optional:
            cache.absent(source.kind, now=NOW - timedelta(hours=1))
    assert health_of(cache, now=NOW).deciding


@pytest.mark.parametrize(
    ("error", "want"),
    [
        (Unauthenticated("expired", mend="renew it"), "Unauthorized"),
        (Unavailable("refused"), "Unreachable"),
        (InvalidInput("no such key", field="credentials"), "Unreachable"),
    ],
)
def test_a_connection_that_was_never_made_is_judged_by_its_error(error: PlimsollError, want: str) -> None:
    found = judge_failure(error)
    assert found.state == want
    assert found.reason.operands["error"] == error.message


def test_every_reason_fills_its_sentence() -> None:
    codes = {value for name, value in vars(reasons).items() if name.isupper()}
    assert codes == set(SENTENCES)
    found = [_judged(), _judged(error=Unavailable("x")), _judged(later=timedelta(minutes=9)), judge((), {})]
    for health in found:
        assert str(SENTENCES[health.reason.code]) % health.reason.operands


def test_ages_are_kept_as_moments() -> None:
    cache = make_cache()
    rows = source_ages(cache.ages(NOW + timedelta(minutes=1)), ["ingresses"], now=NOW + timedelta(minutes=1))
    assert rows["pods"] == {"synced": True, "absent": False, "alive_at": NOW.isoformat(), "error": ""}
