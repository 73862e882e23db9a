"""The agent's log on a disk that fills up."""

import json

import structlog

from ven.log import _Lines, open_log


class Cramped:
    """A file with room for so many bytes, which takes what fits, as the disk does."""

    def __init__(self, room: int) -> None:
        self.room, self.held = room, b""

    def write(self, raw: bytes) -> int:
        if not self.room:
            raise OSError(28, "No space left on device")
        fits = raw[: self.room]
        self.held += fits
        self.room -= len(fits)
        return len(fits)


def test_what_does_not_fit_is_said_elsewhere_and_the_next_line_is_whole(capsys):
    file = Cramped(18)
    log = structlog.WriteLogger(_Lines(file))
    log.msg('{"n": 1}')
    log.msg('{"n": 2, "why": "too long"}')
    log.msg('{"n": 3}')
    file.room = 100
    log.msg('{"n": 4}')
    log.msg('{"n": 5}')
    first, _torn, *rest = file.held.decode().splitlines()
    assert [json.loads(line)["n"] for line in (first, *rest)] == [1, 4, 5]
    said = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["n"] for line in said] == [2, 3]


def test_lines_are_appended_and_nobody_else_reads_them(tmp_path):
    for n in (1, 2):
        with open_log(tmp_path / "agent.log") as log:
            log.info("starting", n=n)
    lines = (tmp_path / "agent.log").read_text().splitlines()
    assert [json.loads(line)["n"] for line in lines] == [1, 2]
    assert (tmp_path / "agent.log").stat().st_mode & 0o777 == 0o600
