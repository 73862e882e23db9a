"""A process that has imported everything once, and forks `python -m vtn` and `python -m ven` from it.

    campaign ──{"module": "ven", "words": ["run", …], "output": …}──▶ nursery ──fork──▶ ukven run …
             ◀──{"pid": 4711}── … ◀──{"pid": 4711, "code": -9}──           (a process of its own)

Most of a start is reading Python's modules, and nothing is on the disk yet. What is left of it is
what a kill may meet; a thousand of them cost minutes so, not hours.

    python -P nursery.py        with the source tree of the programs as PYTHONPATH
"""

import importlib
import json
import os
import runpy
import select
import sys
import traceback
from collections.abc import Mapping
from typing import Any, NoReturn

_IMPORTED = ("uvloop", "vtn.cli", "vtn.serve", "ven.cli", "ven.agent")
_LOOK_S = 0.01


def main() -> None:
    """Fork on demand, tell of every end, until nobody asks any more."""
    for name in _IMPORTED:
        importlib.import_module(name)
    while True:
        asked, _, _ = select.select([0], [], [], _LOOK_S)
        _tell_of_ends()
        if asked:
            # one line at a time: whoever asks waits for the answer
            line = os.read(0, 2**16)
            if not line:
                return
            _tell(pid=_fork(json.loads(line)))


def _fork(asked: Mapping[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        _be(asked["module"], asked["words"], asked["output"])
    return pid


def _be(module: str, words: list[str], output: str) -> NoReturn:
    """Be that program from here on."""
    code = 1
    try:
        os.setsid()
        log = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for number, fd in enumerate((os.open(os.devnull, os.O_RDONLY), log, log)):
            os.dup2(fd, number)
        sys.argv = [module, *words]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _tell_of_ends() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        _tell(pid=pid, code=os.waitstatus_to_exitcode(status))


def _tell(**said: int) -> None:
    os.write(1, json.dumps(said).encode() + b"\n")


if __name__ == "__main__":
    main()
