"""From looks at a device to readings: exact where it counts, marked where it was silent."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ukprofile.flex.energy import nearest
from ven.sampling import Sample, readings, whole_before

START = datetime(2026, 11, 24, 16, 0, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def look(seconds: float, power_w: int, counted_ws: int | None = None, **more) -> Sample:
    return Sample(later(seconds), power_w, -1000, counted_ws, **more)


def shown(samples, since: datetime = START) -> list[tuple[float, int, str]]:
    found = readings(samples, since, 60)
    return [((r.start - START).total_seconds(), r.exported_ws, r.quality) for r in found]


def test_looks_at_both_ends_make_an_actual_reading_of_the_line_between_them():
    assert shown([look(0, 0), look(30, 600), look(60, 600)]) == [(0, 9000 + 18_000, "actual")]


def test_a_counter_counts_more_than_power():
    assert shown([look(0, 0, 500), look(60, 0, 740)]) == [(0, 240, "actual")]


def test_a_reading_holds_what_the_device_would_have_done():
    (reading,) = readings([look(0, 0), look(60, 0)], START, 60)
    assert (reading.baseline_ws, reading.seconds, reading.power_w) == (-60_000, 60, 0)


def test_the_first_interval_is_estimated_from_the_part_that_is_known():
    assert shown([look(20, 600), look(60, 600)]) == [(0, 36_000, "estimated")]


def test_a_silent_device_without_a_counter_leaves_its_minutes_out():
    samples = [look(0, 600), look(70, 600), look(190, 600, after_silence=True), look(240, 600)]
    assert shown(samples) == [
        (0, 36_000, "actual"),
        (60, 36_000, "estimated"),
        (180, 36_000, "estimated"),
    ]


def test_a_counter_bridges_a_silence_and_the_minutes_in_it_are_estimated():
    samples = [look(0, 0, 0), look(60, 0, 100), look(180, 0, 700, after_silence=True)]
    assert shown(samples) == [(0, 100, "actual"), (60, 300, "estimated"), (120, 300, "estimated")]


def test_a_silence_inside_one_minute_leaves_its_counter_exact():
    samples = [look(0, 0, 0), look(20, 0, 5), look(40, 0, 50, after_silence=True), look(60, 0, 60)]
    assert shown(samples) == [(0, 60, "actual")]


def test_looks_too_far_apart_are_a_hole():
    assert shown([look(0, 600), look(121, 600)]) == []
    assert [quality for *_, quality in shown([look(0, 600), look(120, 600)])] == ["actual"] * 2


def test_nobody_says_what_flowed_in_a_silence_of_more_than_a_day():
    day = 86_400
    assert shown([look(0, 0, 0), look(day + 60, 0, 9, after_silence=True)]) == []
    assert len(shown([look(0, 0, 0), look(day, 0, 9, after_silence=True)])) == 1440


def test_what_was_read_before_is_not_read_again():
    assert shown([look(0, 0), look(60, 0), look(120, 0)], later(60)) == [(60, 0, "actual")]


TIMES = st.lists(st.integers(0, 3_000_000_000), min_size=2, max_size=40, unique=True).map(sorted)


@given(TIMES, st.data())
def test_what_a_counter_counted_is_read_to_the_watt_second(times, data):
    """Whenever it was looked at: the readings of whole minutes add up to the counter."""
    micro = timedelta(microseconds=1)
    counter, samples = 0, []
    for time in (0, *times):
        at = START + time * micro
        if samples and at <= samples[-1].at:
            continue
        silent = data.draw(st.booleans())
        samples.append(Sample(at, 0, 0, counter, silent))
        counter += data.draw(st.integers(-(10**9), 10**9))
    found = readings(samples, START, 60)
    edge = whole_before(samples[-1].at, 60)
    assert [r.start for r in found] == [later(60 * n) for n in range((edge - START).seconds // 60)]
    before = [s for s in samples if s.at <= edge][-1]
    after = next((s for s in samples if s.at > edge), None)
    due = before.exported_ws
    if after is not None:
        whole, gone = (after.at - before.at) // micro, (edge - before.at) // micro
        due += nearest((after.exported_ws - before.exported_ws) * gone, whole)
    assert sum(r.exported_ws for r in found) == due


def test_intervals_are_counted_by_the_clock():
    assert whole_before(later(59.9), 60) == START
    assert whole_before(later(1799), 1800) == START
