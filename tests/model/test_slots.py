"""Who gets slots: the pure rule, whatever comes."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from legato._model.slots import Limit, Request, decayed, never_fits, next_granted

LIMITS = [UUID(int=n) for n in (1, 2, 3)]


@st.composite
def lines(draw):
    limits = {
        of: Limit(of, f"l{of.int}", draw(st.integers(0, 5)), 0.0, draw(st.booleans()), 0)
        for of in LIMITS
    }
    requests = [
        Request(
            UUID(int=100 + n),
            draw(st.integers(1, 6)),
            draw(st.lists(st.sampled_from(LIMITS), min_size=1, unique=True)),
        )
        for n in range(draw(st.integers(0, 8)))
    ]
    return limits, requests


def fresh(limits):
    return {of: Limit(x.id, x.name, x.slots, x.decay, x.active, x.held) for of, x in limits.items()}


def taken(requests, of):
    return sum(request.slots for request in requests if of in request.limits)


@given(lines())
def test_never_more_than_the_limit_is_granted(line):
    limits, requests = line
    granted = next_granted(fresh(limits), requests)
    for limit in limits.values():
        assert not limit.active or taken(granted, limit.id) <= limit.slots


@given(lines())
def test_nobody_is_overtaken_in_what_they_wait_for(line):
    limits, requests = line
    granted = next_granted(fresh(limits), requests)
    for index, request in enumerate(requests):
        if request in granted or any(
            never_fits(limits[of], request.slots) for of in request.limits
        ):
            continue
        # had those ahead, and it, got what they asked for, all behind it would still have fitted
        behind = [other for other in requests[index + 1 :] if other in granted]
        for of in request.limits:
            ahead = [
                other
                for other in requests[: index + 1]
                if not any(never_fits(limits[x], other.slots) for x in other.limits)
            ]
            if limits[of].active and any(of in other.limits for other in behind):
                assert taken(ahead, of) + taken(behind, of) <= limits[of].slots


@given(lines())
def test_the_first_request_is_granted_if_it_fits(line):
    limits, requests = line
    if not requests:
        return
    first = requests[0]
    fits = all(not limits[of].active or first.slots <= limits[of].slots for of in first.limits)
    assert (first in next_granted(fresh(limits), requests)) == fits


@given(lines())
def test_what_is_free_does_not_lie_idle(line):
    """A limit that nobody waits for in front of a request does not keep it waiting."""
    limits, requests = line
    granted = next_granted(fresh(limits), requests)
    for index, request in enumerate(requests):
        alone = all(of not in other.limits for other in requests[:index] for of in request.limits)
        fits = all(
            not limits[of].active or request.slots <= limits[of].slots for of in request.limits
        )
        assert not (alone and fits) or request in granted


def test_a_request_for_more_than_there_is_holds_nobody_up():
    limit = Limit(LIMITS[0], "l", 2, 0.0, True, 0)
    large, small = (Request(UUID(int=n), slots, [limit.id]) for n, slots in ((7, 3), (8, 2)))
    assert next_granted({limit.id: limit}, [large, small]) == [small]


def test_a_request_for_an_unknown_limit_is_not_granted_but_reserves():
    limit = Limit(LIMITS[0], "l", 1, 0.0, True, 0)
    both = Request(UUID(int=7), 1, [limit.id, LIMITS[1]])
    one = Request(UUID(int=8), 1, [limit.id])
    assert next_granted({limit.id: limit}, [both, one]) == []


seconds = st.floats(0, 1e6)
rates = st.floats(0, 1e3)
amounts = st.floats(0, 1e6)


@given(amounts, rates, seconds, seconds)
def test_slots_come_back_alike_in_one_step_or_two(used, rate, first, second):
    at_once = decayed(used, rate, first + second)
    in_two = decayed(decayed(used, rate, first), rate, second)
    assert abs(at_once - in_two) <= 1e-6 * max(1.0, used, rate * (first + second))


@given(amounts, rates, st.floats(-1e6, 1e6))
def test_slots_never_come_back_faster_than_the_rate(used, rate, passed):
    left = decayed(used, rate, passed)
    assert 0 <= left <= used
    assert used - left <= rate * max(0.0, passed) + 1e-6
