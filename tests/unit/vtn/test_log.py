"""The log never stands in the way: what cannot be written is counted, and told later."""

import json
import os
import stat
from pathlib import Path

from vtn.log import LogFile, json_log, open_log


def test_a_log_is_its_owners_and_goes_on_where_it_stood(tmp_path: Path) -> None:
    for n in range(2):
        with open_log(tmp_path / "vtn.log") as log:
            log.info("serving", n=n)
    lines = [json.loads(line) for line in (tmp_path / "vtn.log").read_text().splitlines()]
    assert [(line["event"], line["level"], line["n"]) for line in lines] == [
        ("serving", "info", 0),
        ("serving", "info", 1),
    ]
    assert stat.S_IMODE((tmp_path / "vtn.log").stat().st_mode) == 0o600


def test_a_full_disk_costs_lines_and_nothing_else() -> None:
    fd = os.open("/dev/full", os.O_WRONLY)
    log = json_log(LogFile(fd))
    try:
        log.warning("refused", name="\ud800")
        log.error("internal error", exc_info=ValueError("so"))
    finally:
        os.close(fd)


def test_what_was_lost_is_told_once_there_is_room_and_a_torn_line_ends_there() -> None:
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    log = json_log(LogFile(writes))
    for n in range(100):
        log.info("line", n=n, much="x" * 5_000)  # no pipe takes that in one piece
    said = os.read(reads, 1_000_000)  # all there is: it has room again
    log.info("line", n=100)
    log.info("line", n=101)
    os.close(writes)
    while more := os.read(reads, 65_536):
        said += more
    os.close(reads)
    lines = said.decode().splitlines()
    (at,) = [n for n, line in enumerate(lines) if '"log lines lost"' in line]
    written = [json.loads(line)["n"] for line in lines[: at - 1]]
    assert written == list(range(at - 1)), "and the line before that is torn"
    lost = json.loads(lines[at])["lines"]
    assert (lost, len(lines)) == (100 - len(written), at + 3)
    assert [json.loads(line)["n"] for line in lines[at + 1 :]] == [100, 101]
