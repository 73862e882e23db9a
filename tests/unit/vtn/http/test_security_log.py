"""The security log: every line of one form, and no flood fills it or is forgotten."""

from collections import Counter

import pytest

from tests.listening import Heard
from tests.unit.vtn.http.edge import edge, said
from tests.waiting import until
from tests.wire import Request, get
from vtn.http import security_log
from vtn.http.security_log import EACH, FIELDS, MOST_KEYS, MOST_LINES, Event, SecurityLog, product


def event(client_id: str = "fsp7", remote: str = "192.0.2.1", detail: str = "") -> Event:
    return Event(reason="HIDDEN", client_id=client_id, remote=remote, detail=detail)


async def test_the_first_are_told_one_by_one_and_the_rest_in_one_line() -> None:
    heard = Heard()
    log = SecurityLog(heard.log)
    for n in range(EACH + 100):
        log.tell(event(detail=f"{n}"))
    assert [line["detail"] for line in heard.lines] == [str(n) for n in range(EACH)]
    log.sum_up()
    assert len(heard.lines) == EACH + 1
    assert (heard.lines[-1]["times"], heard.lines[-1]["detail"]) == (100, str(EACH + 99))
    log.tell(event())
    assert len(heard.lines) == EACH + 2, "a new minute"
    log.sum_up()


async def test_a_flood_of_one_hides_nobody_else() -> None:
    heard = Heard()
    log = SecurityLog(heard.log)
    for n in range(5_000):
        log.tell(event(remote=f"198.51.100.{n % 50}"))
    log.tell(event("fsp8"))
    assert heard.lines[-1]["client_id"] == "fsp8"
    assert len(heard.lines) == MOST_LINES + 1
    log.sum_up()
    assert Counter({c: sum(x["times"] for x in heard.lines if x["client_id"] == c) for c in ("fsp7", "fsp8")}) == {"fsp7": 5_000, "fsp8": 1}  # fmt: skip


async def test_a_flood_from_everywhere_is_bounded_and_counted() -> None:
    heard = Heard()
    log = SecurityLog(heard.log)
    for n in range(20_000):
        log.tell(event(remote=f"address {n}"))
    assert len(heard.lines) == MOST_KEYS + 1
    log.sum_up()
    assert len(heard.lines) <= MOST_KEYS + 2
    assert sum(line["times"] for line in heard.lines) == 20_000
    assert heard.lines[-1]["remote"] == ""


async def test_what_was_counted_is_told_in_time_and_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(security_log, "EACH", 1)
    monkeypatch.setattr(security_log, "WINDOW_S", 0.05)
    async with edge({"/x": {"GET": said()}}) as server:
        for _ in range(3):
            await server.send(get("/x", headers=(("If-Match", "a"), ("If-Match", "b"))))
        await until(lambda: sum(x["times"] for x in server.heard.lines) == 3, why="summed up")
        monkeypatch.setattr(security_log, "WINDOW_S", 3_600.0)
        for _ in range(4):
            await server.send(get("/x", headers=(("If-Match", "a"), ("If-Match", "b"))))
    assert sum(line["times"] for line in server.heard.lines) == 7


async def test_every_line_has_every_field() -> None:
    async with edge({"/x/{id}": {"GET": said()}}) as server:
        agent = (("User-Agent", "ukven/1.0"), ("If-Match", "a"), ("If-Match", "b"))
        await server.send(get("/x/1?q=2", headers=agent))
        await server.send(Request("", "", head=b"GARBAGE\r\n\r\n"))
        known, broken = server.heard.lines
        for line in (known, broken):
            assert set(line) == {"event", "log", *FIELDS}
            assert (line["event"], line["log"], line["times"]) == ("refused", "security", 1)
            assert line["remote"] == "127.0.0.1"
        assert (known["reason"], known["clause"]) == ("HEADER_DUPLICATE", "RFC 9110 5.3")
        assert (known["method"], known["path"]) == ("GET", "/x/1")
        assert known["user_agent"] == "ukven/1.0"
        assert known["instance"].startswith("urn:uuid:")
        assert broken["reason"] == "HTTP_INVALID"


@pytest.mark.parametrize(
    ("agent", "shown"),
    [
        ("ukven/1.2.3 (Linux)", "ukven/1.2.3"),
        ("python-requests/2.32", "python-requests/2.32"),
        ("Mozilla/5.0 (X11) Gecko", "Mozilla/5.0"),
        ("nKx-0pQ_secret", ""),
        ("name/1x", ""),
        ("Bearer abc/1", ""),
        ("", ""),
    ],
)
def test_of_a_user_agent_only_name_and_version_are_told(agent: str, shown: str) -> None:
    assert product(agent) == shown
