"""A post-action in parts: as few as fit, nothing lost between them."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ukprofile.flex.common import Asset
from ukprofile.flex.metering import PostAction, in_parts

START = datetime(2026, 11, 24, tzinfo=UTC)


def post_action(values: list[int]) -> PostAction:
    return PostAction(
        contract_id="UKPN:C1",
        zone="Z",
        assets=(Asset("A"),),
        start=START,
        interval_s=60,
        metered_w=tuple(values),
        delivered_wh=tuple(values),
        quality=("actual",) * len(values),
        method="device",
    )


@given(st.lists(st.integers(-(10**12), 10**12), max_size=120), st.integers(300, 3000))
def test_parts_fit_and_follow_each_other_without_loss(values, most):
    whole = post_action(values)
    parts = in_parts(whole, most)
    assert [(p.part, p.parts) for p in parts] == [(n + 1, len(parts)) for n in range(len(parts))]
    assert all(len(json.dumps(p.to_json(), separators=(",", ":"))) <= most for p in parts)
    assert tuple(v for p in parts for v in p.metered_w) == whole.metered_w
    assert tuple(v for p in parts for v in p.delivered_wh) == whole.delivered_wh
    starts = [p.start for p in parts]
    assert starts == [
        START + timedelta(minutes=sum(len(q.metered_w) for q in parts[:n]))
        for n in range(len(parts))
    ]


def test_what_fits_stays_whole():
    whole = post_action([1] * 48)
    assert in_parts(whole, 30_000) == (whole,)


def test_what_never_fits_is_no_endless_search():
    with pytest.raises(ValueError, match="one interval"):
        in_parts(post_action([1, 2, 3]), 100)
