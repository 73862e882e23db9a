"""Lists whole or not at all, polls that cost nothing, tags that guard writes."""

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from tests.unit.ukprofile.openadr.client.scripted import (
    PROGRAM,
    Clients,
    P,
    Reply,
    Vtn,
    pages_of,
    program,
    refused,
    reply,
)
from ukprofile.clock import steady_seconds
from ukprofile.openadr.client import Broken, Client, VtnProblem


@pytest.mark.parametrize(
    ("length", "calls"), [(0, 1), (49, 1), (50, 2), (51, 2), (99, 3), (230, 5)]
)
async def test_a_list_is_whole_and_each_object_in_it_once(
    vtn: Vtn, client: Client, length: int, calls: int
) -> None:
    objects = [program(f"p-{n}") for n in range(length)]
    vtn.on("GET", "/programs", pages_of(lambda: objects))
    found = await client.programs.list()
    assert [p.id for p in found.items] == [p["id"] for p in objects]
    assert (len(vtn.seen), len(found.etags), found.broken) == (calls, calls, ())


def changing(*states: list[Any]) -> Callable[[], list[Any]]:
    """The first state at the first look, the second at the second, the last for ever."""
    look = count()
    return lambda: states[min(next(look), len(states) - 1)]


NEW = program("new")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (P, P[:10] + P[11:]),  # one went: p-050 came to the first page, behind our back
        (P, [NEW, *P]),  # one came: p-049 would be seen twice
        (P, [P[80], *P[:80], *P[81:]]),  # one moved to the first page
        (P, P[:30]),
        (P[:50], P[:49]),
    ],
    ids=["gone", "new", "moved", "short", "boundary"],
)
async def test_what_changes_between_two_pages_is_neither_missed_nor_doubled(
    vtn: Vtn, client: Client, before: list[Any], after: list[Any]
) -> None:
    vtn.on("GET", "/programs", pages_of(changing(before, after)))
    found = await client.programs.list()
    assert [p.id for p in found.items] == [p["id"] for p in after]


async def test_an_object_on_two_pages_counts_once_as_it_was_last(vtn: Vtn, client: Client) -> None:
    newer = program("p-003", programName="renamed")
    vtn.on("GET", "/programs", pages_of(changing(P, [*P[:60], newer, *P[60:]])))
    found = await client.programs.list()
    assert len(found.items) == 120
    assert [p.program_name for p in found.items if p.id == "p-003"] == ["renamed"]


async def test_a_list_that_never_rests_is_incomplete(vtn: Vtn, client: Client) -> None:
    growing = count(1)
    vtn.on("GET", "/programs", pages_of(lambda: [NEW] * next(growing) + P))
    assert (await refused(client.programs.list())).reason == "LIST_INCOMPLETE"
    assert len(vtn.seen) == 6


async def test_a_server_that_ignores_skip_is_noticed(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs", reply(P[:50]))
    assert (await refused(client.programs.list())).reason == "LIST_INCOMPLETE"


async def test_a_list_without_end_is_given_up(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs", reply([1] * 50))
    assert (await refused(client.programs.list())).reason == "LIST_INCOMPLETE"


async def test_a_list_too_large_to_hold_is_given_up(
    vtn: Vtn, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    vtn.on("GET", "/programs", pages_of(lambda: P))
    monkeypatch.setattr("ukprofile.openadr.client.collection._MAX_LIST_BYTES", 10_000)
    assert (await refused(client.programs.list())).reason == "LIST_INCOMPLETE"


async def test_a_nameless_object_between_two_pages_counts_once(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs", pages_of(lambda: [*P[:49], "nameless", *P[49:60]]))
    found = await client.programs.list()
    assert (len(found.items), len(found.broken)) == (60, 1)


@pytest.mark.parametrize(
    "failure",
    [
        reply({"title": "oops"}, status=500),
        reply({"title": "no"}, status=403),
        reply({"not": "an array"}),
        reply(raw=b'[{"id":"a","id":"b"}]'),
        reply(raw=b"", status=302, Location="/elsewhere"),
    ],
)
async def test_one_page_that_fails_fails_the_list(
    vtn: Vtn, client: Client, failure: Reply
) -> None:  # N136a
    vtn.on("GET", "/programs", reply(P[:50]), failure)
    error = await refused(client.programs.list())
    assert error.reason == "LIST_INCOMPLETE"
    assert error.security
    assert error.__cause__ is not None


async def test_a_first_page_that_fails_says_why_itself(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs", reply({}, status=403))
    with pytest.raises(VtnProblem):
        await client.programs.list()


async def test_one_object_that_cannot_be_read_is_not_the_loss_of_the_list(
    vtn: Vtn, client: Client
) -> None:
    bad = [program("p-bad", programName=7), {"id": "no id: blanks"}, "x", None]
    vtn.on("GET", "/programs", reply([P[0], *bad, P[1]]))
    found = await client.programs.list()
    assert [p.id for p in found.items] == ["p-000", "p-001"]
    assert [b.id for b in found.broken] == ["p-bad", "", "", ""]
    assert all(isinstance(b, Broken) for b in found.broken)
    assert (found.broken[0].refused.reason, found.broken[0].refused.path) == (
        "BODY_INVALID",
        "/programName",
    )


async def test_the_servers_clock_is_told(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs", reply([], Date="Tue, 24 Nov 2026 16:30:00 GMT"), reply([]))
    assert client.date is None
    when = datetime(2026, 11, 24, 16, 30, tzinfo=UTC)
    assert (await client.programs.list()).date == client.date == when
    await client.programs.list()
    assert client.date > when


async def test_whoever_watches_a_clock_hears_of_each_answer_and_how_old_it_is_at_most(
    vtn: Vtn, client_of: Clients
) -> None:
    """Not of one that a cache had stored: its date is that of another day."""
    heard: list[tuple[datetime, float]] = []
    client = client_of(vtn.url, on_date=lambda said, took_s: heard.append((said, took_s)))
    date, began = "Tue, 24 Nov 2026 16:30:00 GMT", steady_seconds()
    problem = reply({"status": 404}, status=404, Date=date)
    vtn.on("GET", "/programs", reply([], Date=date), reply([], Date=date, Age="60"), problem)
    for _ in range(2):
        await client.programs.list()
    with pytest.raises(VtnProblem):
        await client.programs.list()
    assert [said for said, _ in heard] == [datetime(2026, 11, 24, 16, 30, tzinfo=UTC)] * 2
    assert all(0 < took_s <= steady_seconds() - began for _, took_s in heard)


# -- entity tags -------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [3, 50, 120])
async def test_a_poll_without_news_returns_the_very_same_list(
    vtn: Vtn, client: Client, length: int
) -> None:
    vtn.on("GET", "/programs", pages_of(lambda: P[:length]))
    first = await client.programs.poll(None, targets=("A",))
    asked = len(vtn.seen)
    assert await client.programs.poll(first, targets=("A",)) is first
    again = vtn.seen[asked:]
    assert [s.query for s in again] == [s.query for s in vtn.seen[:asked]]
    assert [s.headers["If-None-Match"] for s in again] == list(first.etags)


async def test_a_change_on_the_first_page_costs_no_second_call(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs", pages_of(changing(P[:3], P[:4])))
    first = await client.programs.poll(None)
    second = await client.programs.poll(first)
    assert [len(first.items), len(second.items), len(vtn.seen)] == [3, 4, 2]


async def test_a_change_on_a_later_page_brings_the_whole_list(vtn: Vtn, client: Client) -> None:
    objects = list(P)
    vtn.on("GET", "/programs", pages_of(lambda: objects))
    first = await client.programs.poll(None)
    objects[110] = program("p-110", programName="renamed")
    second = await client.programs.poll(first)
    assert [p.id for p in second.items] == [p.id for p in first.items]
    assert second.items[110].program_name == "renamed"
    assert await client.programs.poll(second) is second


async def test_without_tags_a_poll_is_a_list(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs", reply(P[:2]))
    first = await client.programs.poll(None)
    second = await client.programs.poll(first)
    assert (second, second is first) == (first, False) or second.date != first.date
    assert all("If-None-Match" not in s.headers for s in vtn.seen)


@pytest.mark.parametrize("etag", ["v1", 'x"v1"', '"a"b"', '"' + "a" * 300 + '"', '"é"'])
async def test_what_is_no_tag_is_not_sent_back(vtn: Vtn, client: Client, etag: str) -> None:
    vtn.on("GET", "/programs", reply([], ETag=etag))
    first = await client.programs.poll(None)
    await client.programs.poll(first)
    assert first.etags == ("",)
    assert "If-None-Match" not in vtn.seen[1].headers


async def test_not_modified_that_nobody_asked_for_is_refused(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs", reply(raw=b"", status=304))
    assert (await refused(client.programs.list())).reason == "HTTP_INVALID"


async def test_writes_carry_the_tag_they_are_meant_for(vtn: Vtn, client: Client) -> None:
    vtn.on("PUT", "/programs/p-1", reply(program("p-1"), ETag='"v2"'))
    vtn.on("DELETE", "/programs/p-1", reply({"reason": "PRECONDITION"}, status=412))
    held = await client.programs.update("p-1", PROGRAM, if_match='"v1"')
    assert held.etag == '"v2"'
    with pytest.raises(VtnProblem, match="412, PRECONDITION"):
        await client.programs.delete("p-1", if_match=held.etag)
    await client.programs.update("p-1", PROGRAM, if_match="")
    assert [s.headers.get("If-Match") for s in vtn.seen] == ['"v1"', '"v2"', None]


async def test_a_weak_tag_serves_polls_but_never_writes(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs/p-1", reply(program("p-1"), ETag='W/"v1"'))
    vtn.on("GET", "/programs", reply([], ETag='W/"v1"'), reply(raw=b"", status=304))
    assert (await client.programs.get("p-1")).etag == ""
    first = await client.programs.poll(None)
    assert await client.programs.poll(first) is first


async def test_a_poll_that_fails_on_a_later_page_is_incomplete(vtn: Vtn, client: Client) -> None:
    vtn.on("GET", "/programs", pages_of(lambda: P))
    first = await client.programs.poll(None)
    same = reply(raw=b"", status=304)
    vtn.on("GET", "/programs", same, reply({}, status=403))
    assert (await refused(client.programs.poll(first))).reason == "LIST_INCOMPLETE"
