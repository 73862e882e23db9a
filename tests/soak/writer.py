"""A process that writes through the store as fast as it can, and says what was acknowledged.

    python -m tests.soak.writer DATABASE RUN

Every line on standard output is the id of an object whose write was acknowledged.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from vtn.domain.record import Kind, Record
from vtn.storage.sqlite import SqliteStore

WRITERS = 16


async def main(path: Path, run: str) -> None:
    store = await SqliteStore.open(path, "sandbox", run)
    now = datetime(2026, 11, 24, 15, tzinfo=UTC)

    async def write(writer: int) -> None:
        number = 0
        while True:
            id = f"r{run}-w{writer}-{number}"  # noqa: A001 - OpenADR's noun
            one = Record(Kind.EVENT, id, now, now, b"{}", targets=("T",), has_targets=True)
            await store.write(lambda tx, one=one: tx.put(one))
            # straight to the descriptor: nothing may wait in a buffer when the kill comes
            os.write(1, f"{id}\n".encode())
            number += 1

    await asyncio.gather(*(write(n) for n in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
