"""A statement from a ledger: what was asked and accepted, and at which price."""

from datetime import timedelta

import pytest

from tests import made
from tests.made import KEYS, RUN, minute, period
from ukprofile.flex.common import Price
from ukprofile.flex.header import Reference
from ukprofile.flex.statement import Line, Span
from ukprofile.receiving import Entry, MemoryLedger, sent_entry
from ukprofile.receiving.statement import account
from ukprofile.signing import seal

RUNS = [period(0, 60, 180)]


class Books:
    """Texts that both ends hold, kept one after another, and the statement of them."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.acceptances: list[Entry] = []
        self.terms(1000)

    def keep(self, kind: str, content, issued: int = 0, to: Entry | None = None, **header) -> Entry:
        issuer = header.get("issuer", "UKPN")
        reply = None if to is None else Reference(to.revision, to.sha256, to.slot.thread)
        if kind in ("schedule", "instruction"):
            header["accept_by"] = minute(issued + 30)
        one = made.header(kind, issued, key_set=f"{issuer}-1", in_reply_to=reply, **header)
        entry = sent_entry(seal(one.to_json(content), KEYS[issuer], 1), minute(issued))
        self.ledger.keep(entry)
        return entry

    def terms(self, pence: int, issued: int = 0) -> None:
        price = Price("GBP", pence)
        self.keep("contract_terms", made.terms(price=price).to_json(), issued, thread="CT")

    def award(self, thread: str, pence: int | None, delta_w: int = 1_000_000, issued: int = 1):
        body = {
            "contract_id": "UKPN:C1",
            "zone": "Z1",
            "assets": [{"asset_id": "A1"}],
            "periods": [period(0, 60, 180, delta_w).to_json()],
            "price": Price("GBP", pence, 50).to_json(),
        }
        self.acceptances.append(self.keep("acceptance", body, issued, thread=thread))

    def says(self, kind: str, to: Entry, issued: int, **body) -> Entry:
        """The FSP's answer to a text."""
        common = {name: RUN[name] for name in ("contract_id", "zone", "assets")}
        names = {"issuer": "FSP7", "recipient": "UKPN", "thread": f"{kind[:2]}-{to.slot.thread}"}
        return self.keep(kind, {**common, **body}, issued, to, **names)

    def lines(self, side="dso") -> dict[str, Line]:
        found = account(
            self.ledger, side, "UKPN", "FSP7", ["UKPN:C1"], self.acceptances, [], Span(),
            minute(600),
        )  # fmt: skip
        return {line.thread: line for line in found.statement([]).lines}

    def energies(self, thread: str = "D1") -> tuple[int, int]:
        """Asked and accepted in kWh, the same at either side."""
        both = {side: self.lines(side)[thread] for side in ("dso", "ven")}
        (one,) = {(line.asked_wh // 1000, line.accepted_wh // 1000) for line in both.values()}
        return one


def test_alike_acceptances_are_drawn_on_one_each_and_a_named_one_by_whoever_names_it():
    books = Books()
    books.award("ACC-1", 2000, issued=1)
    books.award("ACC-2", 3000, issued=2)
    books.award("ACC-3", 4000, delta_w=700_000, issued=3)
    for n in (1, 2):
        books.keep("instruction", RUN, issued=3 + n, thread=f"D{n}")
    smaller = made.body(period(0, 60, 180, 700_000))
    books.keep("instruction", smaller, issued=6, thread="D0")
    named = made.body(*RUNS, origin={"party": "DSO", "reference": "ACC-3"})
    books.keep("instruction", named, issued=7, thread="D4")
    lines = books.lines()
    drawn = {n: (lines[n].trace.award, lines[n].price_minor) for n in ("D0", "D1", "D2", "D4")}
    assert drawn == {
        "D1": ("ACC-1", 2000), "D2": ("ACC-2", 3000), "D0": ("ACC-3", 4000), "D4": ("ACC-3", 4000),
    }  # fmt: skip


def test_the_price_of_the_terms_is_that_of_when_the_dispatch_was_issued():
    books = Books()
    books.keep("instruction", RUN, issued=1, thread="D1")
    books.terms(5000, issued=2)
    books.keep("instruction", RUN, issued=3, thread="D2")
    books.award("ACC-1", None)  # says what availability pays, and nothing of energy
    lines = books.lines()
    assert [lines[n].price_minor for n in ("D1", "D2", "ACC-1")] == [1000, 5000, 50]
    assert lines["ACC-1"].paid_minor == 2 * 50
    (entry,) = books.acceptances
    gone = {"of": "acceptance", "contract_id": "UKPN:C1", "zone": "Z1", "assets": [], "periods": []}
    books.keep("cancellation", gone, 4, entry, thread="ACC-1")
    withdrawn = books.lines()["ACC-1"]
    assert (withdrawn.state, withdrawn.paid_minor, withdrawn.accepted_wh) == (
        "withdrawn", 0, 2_000_000,
    )  # fmt: skip


def test_what_was_accepted_in_part_was_asked_in_full():
    books = Books()
    deadlines = {
        "firm": False, "ack_by": "2026-11-24T15:10:00Z", "respond_by": "2026-11-24T15:20:00Z",
        "confirm_by": "2026-11-24T15:50:00Z",
    }  # fmt: skip
    proposal = {k: v for k, v in RUN.items() if k not in ("channel", "effective_at")} | deadlines
    asked = books.keep("schedule", proposal, 1)
    assert books.energies() == (2000, 0)
    books.says("acknowledgement", asked, 2, decided="received")
    part = period(0, 60, 180, 600_000)
    books.says("response", asked, 3, answer="partial", reason="CAPACITY", periods=[part.to_json()])
    assert books.energies() == (2000, 0)
    order = books.keep("instruction", made.body(part), 4)
    books.says("acknowledgement", order, 5, decided="received")
    assert books.energies() == (2000, 1200)
    kinds = [ref.kind for ref in books.lines()["D1"].trace.texts]
    assert kinds == ["schedule", "acknowledgement", "response", "instruction", "acknowledgement"]


@pytest.mark.parametrize(("cease_at", "left"), [(120, 1000), (90, 500), (300, 2000)])
def test_a_stop_ends_both_when_it_says_whenever_it_was_read(cease_at, left):
    books = Books()
    order = books.keep("instruction", RUN, 1)
    books.says("acknowledgement", order, 2, decided="received")
    at = f"{minute(0) + timedelta(minutes=cease_at):%Y-%m-%dT%H:%M:%SZ}"
    stop = made.body(cease_at=at, mode="ramp", reason="X")
    for name in ("firm", "channel", "effective_at", "dispatch_type"):
        stop.pop(name)
    cease = books.keep("cease", stop, 70)
    books.says("acknowledgement", cease, 100, decided="received")
    assert books.energies() == (left, left)


def test_what_the_fsp_refused_or_never_answered_is_asked_all_the_same():
    books = Books()
    order = books.keep("instruction", RUN, 1)
    books.says("acknowledgement", order, 2, decided="refused", reason="CAPACITY")
    line = books.lines()["D1"]
    assert (line.state, line.asked_wh, line.accepted_wh) == ("refused", 2_000_000, 0)
    books.keep("instruction", RUN, 3, thread="D2")
    unread = books.lines()["D2"]
    assert (unread.asked_wh, unread.trace.texts) == (2_000_000, ())
