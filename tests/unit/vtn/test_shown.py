"""What a person is shown of a dispatch: its course, line by line."""

from datetime import timedelta

from tests.unit.vtn.scene import BEGIN, END, scene_on
from ukprofile.flex.dispatch import Period
from vtn.domain.desk.shown import course_shown
from vtn.show import COURSE, course_row

MINUTE = timedelta(minutes=1)
HALF = BEGIN + 30 * MINUTE


async def rows(scene, thread="D1"):
    shown = course_shown(await scene.show(thread)).to_json()
    return [tuple(course_row(line)[name] for name in COURSE) for line in shown["course"]]


async def test_the_course_of_a_life_is_read_from_above(scene):
    await scene.contract()
    await scene.schedule()
    await scene.acknowledges("D1")
    scene.clock.advance(MINUTE)
    await scene.responds("D1", "partial", Period(0, BEGIN, END, 900_000), reason="one is out")
    scene.clock.advance(MINUTE)
    await scene.confirm()
    scene.clock.set(BEGIN + 7 * MINUTE)
    await scene.vary(delta_w=950_000, since=HALF)
    scene.clock.advance(MINUTE)
    await scene.responds("D1", "refuse", reason="that is all")
    scene.clock.set(HALF)
    await scene.cease(reason="NETWORK_RESTORED")
    await scene.acknowledges("D1")
    assert await rows(scene) == [
        (
            "2026-11-24T16:00:00Z",
            "UKPN",
            "schedule",
            "+1,000,000",
            "proposed",
            "acknowledged received",
        ),
        ("2026-11-24T16:00:00Z", "FSP7", "acknowledgement", "received", "proposed", ""),
        ("2026-11-24T16:01:00Z", "FSP7", "partial", "+900,000 one is out", "countered", ""),
        ("2026-11-24T16:02:00Z", "UKPN", "instruction", "+900,000", "confirmed", "overdue"),
        ("2026-11-24T16:30:00Z", "clock", "start", "", "running", ""),
        ("2026-11-24T16:36:00Z", "clock", "started_by", "", "running not_started", ""),
        (
            "2026-11-24T16:37:00Z",
            "UKPN",
            "increase",
            "+900,000 +950,000",
            "running increase_waits not_started",
            "overdue",
        ),
        ("2026-11-24T16:38:00Z", "FSP7", "refuse", "that is all", "running not_started", ""),
        (
            "2026-11-24T17:00:00Z",
            "UKPN",
            "cease",
            "NETWORK_RESTORED",
            "ceased not_started",
            "acknowledged received",
        ),
        ("2026-11-24T17:00:00Z", "FSP7", "acknowledgement", "received", "ceased not_started", ""),
    ]


async def test_what_did_not_act_says_so_and_why():
    """An acceptance that is late, and a second stop that ends nothing earlier."""
    async with scene_on("memory") as scene:
        await scene.contract()
        await scene.issue(unchecked=True)
        await scene.acknowledges("D1", "refused", "ASSET_UNKNOWN")
        scene.clock.advance(MINUTE)
        await scene.cease(at=BEGIN + 5 * MINUTE)
        shown = await rows(scene)
        assert shown[0][3:5] == ("+1,000,000", "refused")
        assert shown[1][2:4] == ("acknowledgement", "refused ASSET_UNKNOWN")
        assert shown[-1][2:5] == ("cease", "ALREADY_STOPPED", "refused (noop)")


async def test_before_its_clock_the_course_has_no_line_of_the_clock():
    async with scene_on("memory") as scene:
        await scene.contract()
        await scene.issue()
        (line,) = (await scene.show()).course.steps
        assert line.event == "instruction"
