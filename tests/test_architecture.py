"""The import rules of the project, as a test: who may know whom.

    ukprofile.openadr   ukprofile.flex        know nothing of each other
            \\           /
          ukprofile.mapping, rules, signing, receiving
                 |
      +----------+-----------+
    vtn.domain   ven       (demo: over the wire only)
    /   |    \\
 storage, notifiers, relay, http   siblings: none imports another
    \\   |    /
 vtn.app, vtn.cli, vtn.testing   the only ones that know all three
"""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("ukprofile", "vtn", "ven", "demo", "plugfest", "benchmarks")

MAY_IMPORT_OF_OURS = {
    # most specific prefix first; "" in a value allows nothing of ours
    "ukprofile.codes": (),
    "ukprofile.errors": ("ukprofile.codes",),
    "ukprofile.clock": ("ukprofile.clock_watch",),
    "ukprofile.clock_watch": (),
    "ukprofile.loopback": (),
    "ukprofile.openadr": (
        "ukprofile.openadr",
        "ukprofile.errors",
        "ukprofile.codes",
        "ukprofile.clock",
        "ukprofile.loopback",
    ),
    "ukprofile.flex": ("ukprofile.flex", "ukprofile.errors", "ukprofile.codes"),
    "ukprofile": ("ukprofile",),
    "vtn.domain": ("ukprofile", "vtn.domain"),
    "vtn.storage": ("ukprofile", "vtn.domain", "vtn.storage"),
    "vtn.notifiers": ("ukprofile", "vtn.domain", "vtn.notifiers"),
    "vtn.http": ("ukprofile", "vtn.domain", "vtn.http"),
    "vtn.relay": ("ukprofile", "vtn.domain", "vtn.relay"),
    "vtn": ("ukprofile", "vtn"),
    "ven": ("ukprofile", "ven"),
    "plugfest": ("ukprofile", "ven", "vtn.testing", "plugfest"),
    "demo.checker": (),
    # of what it plays it knows a published row, and no message
    "demo": (
        "demo",
        "ukprofile.clock",
        "ukprofile.errors",
        "ukprofile.flex.history",
        "plugfest.faults",
    ),
    "benchmarks": ("benchmarks", "demo.stage", "demo.joining", "ukprofile", "vtn.tell"),
}

ONLY_IN = {
    # third-party package -> the modules that may import it
    "aiohttp": (
        "ukprofile.openadr.client",
        "vtn.http",
        "vtn.app",
        "vtn.cli",
        "vtn.control",
        "vtn.testing",
        "ven",
        "demo",
        "vtn.notifiers",
        "plugfest",
    ),
    "sqlalchemy": ("vtn.storage",),
    "alembic": ("vtn.storage",),
    "joserfc": ("vtn.http.auth", "vtn.http.tokens"),
    "cryptography": ("ukprofile.signing", "ukprofile.trust", "vtn", "ven", "demo.checker"),
    "rfc8785": ("ukprofile.signing",),
    "sqlite3": ("ven.journal", "vtn.storage", "demo"),
}

NEVER_IN_UKPROFILE = {
    "asyncio",
    "os",
    "socket",
    "subprocess",
    "sqlite3",
    "sqlalchemy",
    "structlog",
    "mmap",
    "time",
}
EXCEPTIONS = {"ukprofile.openadr.client", "ukprofile.clock"}
"""What of ukprofile touches the world: the HTTP client, and the clock."""


ASKS_THE_TIME = {
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.datetime.today",
    "datetime.datetime.fromtimestamp",
    "datetime.datetime.utcfromtimestamp",
    "datetime.date.today",
    "datetime.date.fromtimestamp",
}
"""What nobody may call but `ukprofile.clock`, beside all of the module `time`: who needs the time
is handed a clock, and who waits does so by a clock or in `asyncio`. There are no exceptions. The
event loop's own seconds are none: they set its timers, and no time of day can be made of them.
"""


def modules() -> list[tuple[str, Path]]:
    found = []
    for top in OURS:
        for path in sorted((ROOT / top).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append((".".join(p for p in parts if p != "__init__"), path))
    return found


def imports(path: Path) -> set[str]:
    """Every module a file imports, wherever in the file it does so."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


def violations(module: str, imported: set[str]) -> list[str]:
    """Sentences that name each rule broken by `module` importing `imported`."""
    found = []
    rule = max((p for p in MAY_IMPORT_OF_OURS if within(module, p)), key=len, default=None)
    allowed = MAY_IMPORT_OF_OURS[rule] if rule else ()
    for name in sorted(imported):
        if name.split(".")[0] in OURS and not any(
            within(name, a) or within(a, name) for a in allowed
        ):
            found.append(f"{module} must not import {name}")
        for package, homes in ONLY_IN.items():
            if within(name, package) and not any(within(module, home) for home in homes):
                found.append(f"{module} must not import {package}: it belongs to {homes}")
        if (
            within(module, "ukprofile")
            and not any(within(module, exception) for exception in EXCEPTIONS)
            and name.split(".")[0] in NEVER_IN_UKPROFILE
        ):
            found.append(f"{module} must do no I/O, yet imports {name}")
    return found


@pytest.mark.parametrize(
    ("module", "path"), modules(), ids=lambda v: v if isinstance(v, str) else ""
)
def test_imports_run_one_way(module: str, path: Path) -> None:
    assert not violations(module, imports(path))


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Late imports count: a circle that is hidden in a function is a circle."""
    files = dict(modules())
    graph = {
        module: {name for name in imports(path) if name in files and name != module}
        for module, path in files.items()
    }
    for module, imported in graph.items():
        # a name taken from a module of a package is no import of the package's own face
        imported -= {name for name in imported if any(i.startswith(name + ".") for i in imported)}
        imported -= {name for name in imported if within(module, name)}
    TopologicalSorter(graph).prepare()


def asked_of_the_machine(source: str) -> list[str]:
    """Where a module asks the machine for the time, by whatever name it knows it."""
    tree = ast.parse(source)
    named = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named |= {a.asname or a.name.split(".")[0]: a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            named |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Name | ast.Attribute):
            continue
        name = _dotted(node, named)
        if name in ASKS_THE_TIME or within(name, "time"):
            found.append(f"line {node.lineno}: {name}")
    return found


def _dotted(node: ast.AST, named: dict[str, str]) -> str:
    """`dt.now` as datetime.datetime.now where dt was imported as that."""
    if isinstance(node, ast.Name):
        return named.get(node.id, f"a local name, {node.id}")
    if isinstance(node, ast.Call):
        return f"{_dotted(node.func, named)}()"
    return f"{_dotted(node.value, named)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


@pytest.mark.parametrize(
    ("module", "path"), modules(), ids=lambda v: v if isinstance(v, str) else ""
)
def test_only_the_clock_asks_what_time_it_is(module: str, path: Path) -> None:
    if module != "ukprofile.clock":
        assert not asked_of_the_machine(path.read_text())


@pytest.mark.parametrize(
    "source",
    [
        "import datetime\nx = datetime.datetime.now(datetime.UTC)",
        "from datetime import datetime\nstamp = datetime.now",
        "from datetime import datetime as dt\nx = dt.utcnow()",
        "from datetime import date\nx = date.today()",
        "import time as t\nx = t.perf_counter_ns()",
        "from time import monotonic\nx = monotonic()",
        "def nap():\n    from time import sleep\n    sleep(1)",
        "from datetime import datetime\nx = datetime.fromtimestamp(loop.time())",
    ],
)
def test_a_planted_look_at_the_machines_clock_is_found(source: str) -> None:
    assert asked_of_the_machine(source)


def test_what_only_sounds_like_the_time_is_allowed() -> None:
    source = (
        "from datetime import datetime\nx = datetime.fromisoformat(y).time(), clock.now(), time"
    )
    assert not asked_of_the_machine(source)
    assert not asked_of_the_machine("def due(loop): return loop.call_at(loop.time() + 5, f)")


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("vtn.http.routes", "vtn.storage.sqlite"),
        ("vtn.domain.objects", "vtn.http.problems"),
        ("vtn.domain.objects", "sqlalchemy"),
        ("vtn.storage.memory", "vtn.http.auth"),
        ("ukprofile.openadr.event", "ukprofile.flex.dispatch"),
        ("ukprofile.flex.dispatch", "ukprofile.openadr.event"),
        ("ukprofile.openadr.event", "aiohttp"),
        ("ukprofile.signing", "ven.journal"),
        ("ukprofile.receiving", "asyncio"),
        ("ven.agent", "vtn.domain.record"),
        ("vtn.app", "ven.agent"),
        ("demo.checker", "ukprofile.signing"),
        ("benchmarks.cease", "vtn.app"),
    ],
)
def test_a_planted_violation_is_named(module: str, imported: str) -> None:
    assert violations(module, {imported})
