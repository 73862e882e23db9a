"""What the commands of `ukvtn` share: their options, and how they ask and fail."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        "-d",
        envvar="UKVTN_DATA_DIR",
        help="The VTN's directory: database, keys, log, control socket.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout, for programs.")]
HERE = Path("ukvtn-data")


def ask(data_dir: Path, name: str, parameters: dict[str, Any] | None = None) -> Any:
    """Run a command at the VTN of `data_dir`; its result. Raises ProfileError."""
    from vtn.tell import tell

    return tell(data_dir, name, parameters or {})


def fail(text: str) -> NoReturn:
    """One line on stderr, and exit code 1."""
    print(f"ukvtn: {text}", file=sys.stderr)
    sys.exit(1)


def utc(text: str, option: str) -> str:
    """A time of any zone, as the VTN reads it. Raises BadParameter, naming the option."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no ISO 8601 time", param_hint=option) from None
    if when.tzinfo is None:
        raise typer.BadParameter(f"{text} lacks its zone: add Z or an offset", param_hint=option)
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def text_of(path: Path) -> str:
    """A file, or stdin for -. What stands in it, the VTN reads."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text()
    except OSError as error:
        fail(f"{path}: {error.strerror}")
    except UnicodeDecodeError:
        fail(f"{path} is not UTF-8 text")
