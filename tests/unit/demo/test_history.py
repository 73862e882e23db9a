"""A day of a history as a scenario: who is asked what, when, and what must be said."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from demo.day import Day
from demo.history import rows_on, scenario_of
from demo.stage import StageError
from tests.published import START, available, cells
from tests.shared import SHARED, needs_shared
from tests.unit.demo.test_deals import rows_of
from ukprofile.flex.history import bounded_lines, read_history

DAY = date(2025, 6, 20)
HOUR = timedelta(hours=1)


def played(*rows: dict[str, str], on: date = DAY) -> Day:
    return Day(scenario_of(rows_on(rows_of(*rows), on)[0], on, "NORTH"))


def test_rows_used_are_scheduled_accepted_confirmed_run_and_metered():
    day = played(cells(), cells(company_name="Eight", fu_id="EIGHT", start=START + HOUR))
    (said,) = [s for s in day.scenes if any("accept" in line for line in s.then)]
    assert [order["do"] for order in said.steps[0].orders] == ["schedule", "schedule"]
    order = said.steps[0].orders[1]
    assert (order["contract_id"], order["thread"]) == ("NORTH:SEVEN-1", "SEVEN-1-1530")
    assert order["periods"] == [
        {"start": "2025-06-20T15:30:00Z", "end": "2025-06-20T16:30:00Z", "delta_w": 20_000}
    ]
    (edge,) = [s for s in day.scenes if s.at == START + HOUR]
    assert edge.then == (
        "FSP-SEVEN-LTD status SEVEN-1-1530 completed",
        "EIGHT status EIGHT-1630 executing",
    )
    metered = next(scene for scene in day.scenes if "metered" in scene.title)
    assert len(metered.then) == 2
    assert metered.at == day.at("24:01")
    assert day.start == day.at("-2:00")
    assert [scene.at for scene in day.scenes] == sorted(scene.at for scene in day.scenes)


def test_rows_held_ready_are_bought_in_one_request_for_all_but_the_doubles():
    eight = {"company_name": "Eight", "fu_id": "EIGHT", "availability_mw_req": "0.0125"}
    day = played(available(), available(), available(**eight), available(zone="Cobham"))
    scene = next(scene for scene in day.scenes if scene.title.startswith("Availability"))
    asked = {order["thread"]: order["delta_w"] for order in scene.steps[0].orders}
    assert asked == {"REQ-Cobham": 50_000, "REQ-Hendon-Way": 62_500, "REQ-Hendon-Way-2": 50_000}
    awards = next(scene["awards"] for scene in day.scenario["scenes"] if "awards" in scene)
    assert awards["REQ-Hendon-Way"] == {"FSP-SEVEN-LTD": 50_000, "EIGHT": 12_000}
    assert "EIGHT availability REQ-Hendon-Way" in scene.then
    assert len(day.scenario["markets"]) == 2


def test_one_vtn_and_the_agent_that_runs_most_are_killed_where_most_is_running():
    others = [cells(company_name="Eight", fu_id=f"E{n}", hours=2) for n in range(3)]
    (scene,) = [s for s in played(cells(), *others).scenes if s.title.startswith("The VTN is")]
    assert scene.at == START + HOUR / 2
    assert [step.run for step in scene.steps] == [
        "kill -9 vtn", "kill -9 eight", "start vtn", "start eight",
    ]  # fmt: skip


def test_a_row_may_be_all_of_its_day_also_where_the_clocks_change_and_one_that_ends_after_it_may_not():
    for on, hours in ((date(2025, 3, 30), 23), (date(2025, 10, 26), 25), (DAY, 24)):
        start = datetime(on.year, on.month, on.day, tzinfo=ZoneInfo("Europe/London"))
        start = start.astimezone(UTC)
        rows = rows_of(cells(start, hours), cells(start + 22 * HOUR, 4, fu_id="LATE"))
        whole, left_out = rows_on(rows, on)
        assert ([r.seconds for r in whole], [r.unit for r in left_out]) == (
            [hours * 3600],
            ["LATE"],
        )
        day = Day(scenario_of(whole, on, "NORTH"))
        ends = [scene.at for scene in day.scenes if any("completed" in line for line in scene.then)]
        assert ends == [day.at("24:00")] == [start + hours * HOUR]


def test_a_day_without_rows_names_days_that_have_some():
    with pytest.raises(StageError, match="no row of 2025-06-21"):
        rows_on(rows_of(cells()), date(2025, 6, 21))


@needs_shared
@pytest.mark.parametrize(
    ("on", "rows", "used", "companies"),
    [(DAY, 63, 48, 6), (date(2025, 2, 28), 74, 64, 5)],
)
def test_every_row_of_a_real_day_is_played(on, rows, used, companies):
    path = Path(next((SHARED / "data").glob("*.csv")))
    with path.open("rb") as file:
        found = [row for row in read_history(bounded_lines(file), path.name) if row.day == on]
    scenario = scenario_of(rows_on(found, on)[0], on, "UKPN")
    assert (len(found), len(scenario["agents"]), len(scenario["states"])) == (rows, companies, used)
    levels = [one for levels in scenario["levels"].values() for one in levels]
    assert sum(watts for *_, watts in levels) == sum(row.utilisation_w for row in found)
    awards = next(scene["awards"] for scene in scenario["scenes"] if "awards" in scene)
    held = sum(row.availability_w for row in found)
    assert sum(watts for due in awards.values() for watts in due.values()) == held
    assert sum(len(due) for due in awards.values()) == rows - used
