"""`ukvtn statement`, of a VTN that is not served: what it says, and how it fails."""

import asyncio
import json

import pytest
from typer.testing import CliRunner

from tests.unit.ven.dso import ASSET, CONTRACT, FSP7, terms
from tests.unit.vtn.scene import BEGIN, END, NOON
from ukprofile.clock import SharedClock
from ukprofile.flex.contract import local_day
from vtn.app import open_vtn
from vtn.cli import app
from vtn.domain.desk import InstructionOrder, PeriodOrder
from vtn.domain.record import Role
from vtn.settings import Settings

PRICE = {"currency": "GBP", "utilisation_minor_per_mwh": 21_000}


@pytest.fixture
def data(tmp_path):
    """A VTN with FSP7, its contract, and a dispatch that nobody has read."""
    SharedClock.create(tmp_path / "clock", NOON)

    async def made():
        settings = Settings(
            data_dir=tmp_path / "vtn", dso="UKPN", sandbox=True, clock=tmp_path / "clock"
        )
        async with open_vtn(settings) as vtn:
            await vtn.office.add_client("FSP7", Role.VEN)
            await vtn.office.add_key_set(FSP7.public().to_json())
            await vtn.office.add_contract(terms(price=PRICE), "FSP7")
            period = PeriodOrder(start=BEGIN, end=END, delta_w=1_000_000)
            order = InstructionOrder(contract_id=CONTRACT, periods=(period,), thread="D1")
            await vtn.desk.instruct(order)

    asyncio.run(made())
    return tmp_path / "vtn"


def test_what_is_asked_and_not_delivered_is_stated_for_people_and_programs(data):
    def said(*words: str):
        done = CliRunner(env={"COLUMNS": "200"}).invoke(
            app, ["statement", "--data-dir", str(data), *words]
        )
        assert done.exit_code == 0, done.output
        return done.stdout

    (found,) = json.loads(said("FSP7", "--day", f"{NOON:%Y-%m-%d}", "--json"))
    (line,) = found["lines"]
    assert (found["since"], found["until"]) == tuple(
        f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in local_day(NOON)
    )
    assert (line["thread"], line["asked_wh"], line["missing_s"]) == ("D1", 1_000_000, 3600)
    assert (line["assets"], line["paid_minor"]) == ([ASSET], 0)
    assert json.loads(said("--to", "2026-11-24T16:00:00Z", "--json"))[0]["lines"] == []
    table = said()
    assert "UKPN pays FSP7" in table
    assert "no performance factor" in table
    assert "missing 60 min" in table


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["--day", "24/11/2026"], 2, "is no day yyyy-mm-dd"),
        (["--from", "2026-11-24T16:00"], 2, "has no offset"),
    ],
)
def test_wrong_usage_says_what_is_due(tmp_path, words, code, why):
    done = CliRunner(env={"COLUMNS": "200"}).invoke(
        app, ["statement", "--data-dir", str(tmp_path), *words]
    )
    assert (done.exit_code, why in " ".join(done.output.split())) == (code, True)
