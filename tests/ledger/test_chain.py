"""The chain finds any change, removal, insertion and reordering, and says where. As arithmetic, over many chains."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from apps.ledger.domain.chain import GENESIS, SEGMENT_SIZE, Link, Place, canonical, flaws, link_hash, segment_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
BODIES = st.lists(JSON, min_size=1, max_size=8)


def chain(bodies: list[Any]) -> list[Link]:
    links, prev = [], GENESIS
    for seq, body in enumerate(bodies, start=1):
        content = canonical({"seq": seq, "body": body})
        links.append(Link(seq, content, prev, link_hash(prev, content), {"seq": seq}))
        prev = links[-1].hash
    return links


def found(links: list[Link], whole: list[Link]) -> list[int]:
    head = Place(whole[-1].seq, whole[-1].hash)
    return [flaw.seq for flaw in flaws(links, start=Place(), head=head)]


@given(BODIES)
def test_an_untouched_chain_has_no_flaw(bodies: list[Any]) -> None:
    links = chain(bodies)
    assert found(links, links) == []


@given(BODIES, JSON, st.data())
def test_changed_content_is_found_at_its_place(bodies: list[Any], other: Any, data: st.DataObject) -> None:
    links = chain(bodies)
    at = data.draw(st.integers(0, len(links) - 1))
    content = canonical({"seq": at + 1, "body": [other, "changed"]})
    touched = [*links]
    touched[at] = replace(links[at], content=content)
    assert at + 1 in found(touched, links)


@given(BODIES, st.data())
def test_content_rehashed_in_place_breaks_the_next_link_or_the_head(bodies: list[Any], data: st.DataObject) -> None:
    links = chain(bodies)
    at = data.draw(st.integers(0, len(links) - 1))
    content = canonical({"seq": at + 1, "body": "forged"})
    if content == links[at].content:
        return
    touched = [*links]
    touched[at] = replace(links[at], content=content, hash=link_hash(links[at].prev_hash, content))
    assert found(touched, links) == [min(at + 2, len(links))]


@given(BODIES, st.data())
def test_a_removed_record_is_found_at_its_number(bodies: list[Any], data: st.DataObject) -> None:
    links = chain(bodies)
    at = data.draw(st.integers(0, len(links) - 1))
    assert at + 1 in found(links[:at] + links[at + 1 :], links)


@given(st.lists(JSON, min_size=2, max_size=8), st.data())
def test_swapped_records_are_found(bodies: list[Any], data: st.DataObject) -> None:
    links = chain(bodies)
    at = data.draw(st.integers(0, len(links) - 2))
    touched = links[:at] + [links[at + 1], links[at]] + links[at + 2 :]
    assert at + 1 in found(touched, links)


def test_a_changed_column_is_named() -> None:
    links = chain(["a", "b"])
    links[1] = replace(links[1], columns={"seq": 2, "body": "c"})
    named = list(flaws(links, start=Place(), head=Place(2, links[1].hash)))
    assert [(flaw.seq, flaw.what) for flaw in named] == [(2, "its columns were changed: body")]


def test_canonical_json_is_ascii_and_has_no_nan() -> None:
    assert canonical({"b": float("nan"), "a": ["ü", float("-inf")]}) == '{"a":["\\u00fc","-inf"],"b":"nan"}'


def test_segments_hold_whole_runs_of_numbers() -> None:
    assert [segment_of(1), segment_of(SEGMENT_SIZE), segment_of(SEGMENT_SIZE + 1)] == [0, 0, 1]
