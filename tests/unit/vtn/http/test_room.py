"""Who gives way when there is no room: strangers, the oldest first; never who works."""

import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field

import pytest

from ukprofile.errors import Refused
from vtn.domain.privacy import Viewer
from vtn.domain.record import Role
from vtn.http.limits import Room
from vtn.http.room import Crowd, network_of

DESK = Viewer("desk", Role.BL, frozenset())


def fsp(name: str = "fsp7") -> Viewer:
    return Viewer(name, Role.VEN, frozenset())


@dataclass(eq=False)
class Caller:
    """A connection."""

    network: str = "192.0.2.1"
    busy: bool = False
    out: bool = field(default=False)

    def push_out(self) -> None:
        assert not self.out
        self.out = True


def crowd_of(
    most: int = 3,
    per_address: int = 0,
    per_client: int = 0,
    reserved: int = 2,
    strangers: int = 0,
) -> tuple[Crowd, list[Caller]]:
    """A crowd of so many strangers, else one that is full of them."""
    crowd = Crowd(Room(most, per_address, per_client, reserved))
    callers = [Caller(f"198.51.100.{n}") for n in range(strangers or most)]
    for one in callers:
        crowd.enter(one)
    return crowd, callers


def test_the_oldest_stranger_gives_way() -> None:
    crowd, callers = crowd_of()
    crowd.enter(late := Caller())
    assert [one.out for one in callers] == [True, False, False]
    assert not crowd.is_beyond(late)
    assert len(crowd) == 3


def test_one_that_is_idle_goes_before_one_that_is_answered() -> None:
    crowd, callers = crowd_of()
    callers[0].busy = True
    crowd.enter(Caller())
    assert [one.out for one in callers] == [False, True, False]
    callers[2].busy = True
    crowd.enter(late := Caller())
    late.busy = True
    assert not callers[0].out, "the newcomer before was idle"
    crowd.enter(Caller())
    assert callers[0].out, "all are answered: the oldest"


def test_who_showed_a_token_stays_and_beyond_them_only_the_desk_comes_in() -> None:
    crowd, callers = crowd_of()
    for n, one in enumerate(callers):
        crowd.meet(one, fsp(f"fsp{n}"))
    crowd.enter(another := Caller())
    assert crowd.is_beyond(another)
    with pytest.raises(Refused, match="OVERLOADED: there is no room"):
        crowd.meet(another, fsp())
    crowd.enter(desk := Caller())
    crowd.meet(desk, DESK)
    assert not crowd.is_beyond(desk)
    assert not any(one.out for one in (*callers, another, desk))


def test_of_those_beyond_the_oldest_goes_so_that_the_desk_gets_its_turn() -> None:
    crowd, callers = crowd_of(reserved=2)
    for one in callers:
        crowd.meet(one, fsp())
    beyond = [Caller() for _ in range(5)]
    for one in beyond:
        crowd.enter(one)
    assert [one.out for one in beyond] == [True, True, True, False, False]
    assert len(crowd) == 5


def test_an_address_that_has_all_it_may_have_gives_way_to_itself() -> None:
    crowd, callers = crowd_of(most=9, per_address=2, strangers=3)
    mine = [Caller() for _ in range(4)]
    for one in mine:
        crowd.enter(one)
    assert [one.out for one in mine] == [True, True, False, False]
    assert not any(one.out for one in callers)
    crowd.meet(mine[2], fsp())
    crowd.meet(mine[3], fsp())
    crowd.enter(late := Caller())
    assert crowd.is_beyond(late)
    crowd.enter(elsewhere := Caller("203.0.113.9"))
    assert not crowd.is_beyond(elsewhere)


def test_a_client_has_so_many_connections_and_the_desk_any_number() -> None:
    crowd, callers = crowd_of(per_client=2)
    crowd.meet(callers[0], fsp())
    crowd.meet(callers[1], fsp())
    crowd.meet(callers[1], fsp())
    with pytest.raises(Refused, match="OVERLOADED: this client has 2 connections"):
        crowd.meet(callers[2], fsp())
    crowd.meet(callers[2], fsp("fsp8"))
    crowd.leave(callers[0])
    crowd.meet(callers[2], fsp())  # another client's turn on it: a proxy
    for _ in range(2):
        crowd.enter(one := Caller())
        crowd.meet(one, DESK)
    assert len(crowd) == 4


def test_whatever_happens_the_counts_are_right_and_the_limits_hold() -> None:
    draw = random.Random(20261124)
    crowd = Crowd(Room(most=20, per_address=8, per_client=5, reserved=3))
    here: list[Caller] = []
    for _ in range(20_000):
        here = [one for one in here if not one.out]
        if not here or draw.random() < 0.5:
            one = Caller(f"192.0.2.{draw.randrange(4)}", draw.random() < 0.3)
            crowd.enter(one)
            here.append(one)
        elif draw.random() < 0.6:
            with suppress(Refused):
                crowd.meet(draw.choice(here), draw.choice([fsp("a"), fsp("b"), fsp("c"), DESK]))
        else:
            crowd.leave(here.pop(draw.randrange(len(here))))
        there = [one for one in here if not one.out]
        assert len(crowd) == len(there)
        desks = sum(crowd._clients.get(one) == "desk" for one in there)
        assert len(crowd) <= 20 + 3 + desks
        assert crowd._of_network == Counter(one.network for one in there)
        assert all(n <= 5 for c, n in crowd._of_client.items() if c != "desk")
    for one in here:
        crowd.leave(one)
    assert not crowd._of_network
    assert not crowd._strangers_of


@pytest.mark.parametrize(
    ("remote", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_whom_an_address_stands_for(remote: str, network: str) -> None:
    assert network_of(remote) == network
