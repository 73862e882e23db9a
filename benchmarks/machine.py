"""What a figure was measured on: it says nothing without."""

import os
import platform
from pathlib import Path

from ukprofile.clock import monotonic


def machine(directory: Path) -> dict[str, str]:
    """Processor, system, Python, and how often a second the disk of `directory` can commit."""
    return {
        "processor": f"{os.cpu_count()} x {_processor()}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": f"{os.getloadavg()[0]:.1f} before: by others, if it is not near 0",
        "commits": f"{commits_per_s(directory):.0f} a second (a write of 4 KiB and fsync)",
    }


def commits_per_s(directory: Path, lasting_s: float = 1.0) -> float:
    """Writes of 4 KiB, each followed by fsync, one after the other."""
    path, page, count = directory / "fsync", bytes(4_096), 0
    with path.open("wb", buffering=0) as file:
        start = monotonic()
        while (passed := monotonic() - start) < lasting_s:
            file.write(page)
            os.fsync(file.fileno())
            count += 1
    path.unlink()
    return count / passed


def _processor() -> str:
    """Its name, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
