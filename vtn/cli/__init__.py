"""`ukvtn`: the DSO's command. Each module is a group of commands; here they become one.

Heavy imports stay inside the commands: `ukvtn --help` answers at once.
"""

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from ukprofile.errors import ProfileError, Refused
from vtn.cli import (
    backup,
    batch,  # noqa: F401 - a further command of the desk
    clients,
    clock,
    contracts,
    desk,
    history,
    keys,
    markets,
    reference,
    server,
    statement,
)
from vtn.cli.options import fail

_HELP = """A VTN for a DSO: dispatching flexibility by OpenADR 3.1 and the UK profile.

Commands that change or list something talk to the running server of the data directory, or \
open its database themselves where none is running.

Exit codes: 0 done; 1 refused or failed, and one line on stderr says why; 2 wrong usage.
"""

app = typer.Typer(
    help=_HELP,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(server.serve)
app.add_typer(clients.app, name="clients")
app.add_typer(keys.app, name="keys")
app.add_typer(contracts.app, name="contracts")
app.add_typer(markets.app, name="markets")
app.add_typer(desk.app, name="desk")
app.command()(desk.status)
app.add_typer(history.app, name="import")
app.command("history")(history.history)
app.command()(statement.statement)
app.command("trust-clock")(clock.trust_clock)
app.command()(server.migrate)
app.command()(backup.backup)
app.command()(backup.restore)
app.command()(reference.openapi)
app.command("schema")(reference.schema_)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and exit with its code."""
    try:
        app(args=arguments, standalone_mode=True)
    except Refused as refused:
        fail(str(refused) + (f" ({refused.clause})" if refused.clause else ""))
    except ProfileError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or 'failed'}: {error.strerror or error}")
    sys.exit(0)
