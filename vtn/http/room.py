"""Room for connections: who gives way when there is none.

    a newcomer ─▶ room? ─▶ in
                   └─no─▶ a stranger there? the oldest one goes, the newcomer is in
                           └─none─▶ beyond: it may send one request, and stays if that is the
                                    business logic's; else 503, and closed. Of those beyond, too,
                                    the oldest goes

A stranger is a connection on which nobody has shown a token yet: what stalls, floods and probes.
Agents that work are never pushed out, and a cease finds a way in however many there are (profile
5). Where one address has all it may have, the stranger that goes is one of that address.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from itertools import islice
from typing import Protocol

from ukprofile.errors import Refused
from vtn.domain.privacy import Viewer
from vtn.domain.record import Role
from vtn.http.limits import Room

_LOOKED_AT = 32
"""How many of the oldest strangers are asked whether they are idle, before the oldest goes."""


@lru_cache(maxsize=4_096)
def network_of(remote: str) -> str:
    """Whom an address stands for: itself, or in IPv6 the /64 that one customer has."""
    try:
        address = ip_address(remote.partition("%")[0])
    except ValueError:
        return remote
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> 64 << 64)}/64"


class Guest(Protocol):
    """A connection, as far as room is concerned."""

    @property
    def network(self) -> str:
        """Of `network_of`; the same as long as it is in."""
        ...

    @property
    def busy(self) -> bool:
        """Whether a request of it is being answered."""
        ...

    def push_out(self) -> None:
        """End it, now. It is out already: it need not leave."""
        ...


class Crowd:
    """All connections of a server."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._clients: dict[Guest, str] = {}
        self._strangers: dict[Guest, None] = {}
        self._beyond: dict[Guest, None] = {}
        self._of_client = Counter[str]()
        self._of_network = Counter[str]()
        self._strangers_of: defaultdict[str, dict[Guest, None]] = defaultdict(dict)

    def __len__(self) -> int:
        return len(self._clients) + len(self._strangers) + len(self._beyond)

    def enter(self, guest: Guest) -> None:
        """A connection is there."""
        room = self._room
        crowded = 0 < room.per_address <= self._of_network[guest.network]
        full = len(self) >= room.most
        self._of_network[guest.network] += 1
        if crowded or full:
            pool = self._strangers_of.get(guest.network, {}) if crowded else self._strangers
            if not pool:
                self._beyond[guest] = None
                if len(self._beyond) > room.reserved:
                    self._push_out(next(iter(self._beyond)))
                return
            self._push_out(_least_missed(pool))
        self._strangers[guest] = None
        self._strangers_of[guest.network][guest] = None

    def is_beyond(self, guest: Guest) -> bool:
        """Whether there is no room for it, unless it is the business logic's."""
        return guest in self._beyond

    def meet(self, guest: Guest, viewer: Viewer) -> None:
        """A token was shown on it. Raises Refused OVERLOADED: it must be closed."""
        client_id, most = viewer.client_id, self._room.per_client
        if self._clients.get(guest) == client_id:
            return
        if viewer.role is not Role.BL:
            if guest in self._beyond:
                raise Refused("OVERLOADED", "there is no room for another connection: come back")
            if 0 < most <= self._of_client[client_id]:
                raise Refused("OVERLOADED", f"this client has {most} connections: use those")
        network = guest.network
        self.leave(guest)
        self._clients[guest] = client_id
        self._of_client[client_id] += 1
        self._of_network[network] += 1

    def leave(self, guest: Guest) -> None:
        """It is gone, or never was here."""
        client_id = self._clients.pop(guest, None)
        if client_id is not None:
            _less(self._of_client, client_id)
        elif guest in self._strangers:
            del self._strangers[guest]
            of_network = self._strangers_of[guest.network]
            del of_network[guest]
            if not of_network:
                del self._strangers_of[guest.network]
        elif guest in self._beyond:
            del self._beyond[guest]
        else:
            return
        _less(self._of_network, guest.network)

    def _push_out(self, guest: Guest) -> None:
        self.leave(guest)
        guest.push_out()


def _least_missed(strangers: Iterable[Guest]) -> Guest:
    """The oldest that is idle; where all that are looked at are busy, the oldest."""
    oldest = [*islice(strangers, _LOOKED_AT)]
    return next((guest for guest in oldest if not guest.busy), oldest[0])


def _less(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
