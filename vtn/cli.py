"""`ukvtn`: the DSO's command."""

import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ukprofile.errors import ProfileError, Refused
from vtn.show import DISPATCH, dispatch_row, greet, show, table

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
clients = typer.Typer(no_args_is_help=True, help="Who may ask for tokens: FSPs' agents, desks.")
keys = typer.Typer(no_args_is_help=True, help="Whose signatures count.")
contracts = typer.Typer(no_args_is_help=True, help="Contracts with FSPs.")
dispatch = typer.Typer(no_args_is_help=True, help="Dispatching flexibility.")
app.add_typer(clients, name="clients")
app.add_typer(keys, name="keys")
app.add_typer(contracts, name="contracts")
app.add_typer(dispatch, name="dispatch")


class Side(StrEnum):
    """The two sides of a VTN."""

    VEN = "ven"
    BL = "bl"


DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        "-d",
        envvar="UKVTN_DATA_DIR",
        help="The VTN's directory: database, keys, log, control socket.",
    ),
]
ClientId = Annotated[str, typer.Argument(help="As in clients list.")]
SecretFile = Annotated[
    Path | None,
    typer.Option(help="Where the secret goes, for its owner's eyes only; else it is printed."),
]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout, for programs.")]
HERE = Path("ukvtn-data")


@app.command()
def serve(
    data_dir: DataDir = HERE,
    listen: Annotated[
        str, typer.Option(help="HOST:PORT to listen on; port 0 picks a free one.")
    ] = "127.0.0.1:8080",
    dso: Annotated[
        str, typer.Option(help="The operator's party id, as in its contract ids. First start only.")
    ] = "",
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Test keys count; a desk's credentials are shown.")
    ] = False,
    ready_file: Annotated[
        Path | None, typer.Option(help="JSON written once it answers: url, credentials.")
    ] = None,
    public_url: Annotated[
        str, typer.Option(help="Where clients reach this VTN, if not at --listen.")
    ] = "",
    tls_cert: Annotated[Path | None, typer.Option(help="PEM certificate chain: TLS 1.3.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM private key of it.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="Plain HTTP: a proxy in front ends TLS.")
    ] = False,
    clock: Annotated[
        Path | None, typer.Option(help="Shared business clock file, for rehearsals.")
    ] = None,
) -> None:
    """Run a VTN until SIGTERM or Ctrl-C.

    Try it:  ukvtn serve --sandbox --dso DSOA --data-dir /tmp/vtn
    """
    import uvloop

    from vtn.serve import serve as run_server
    from vtn.settings import Settings

    host, port = _address(listen)
    settings = Settings(
        data_dir=data_dir,
        host=host,
        port=port,
        public_url=public_url,
        dso=dso or ("DSOA" if sandbox and not (data_dir / "identity.json").exists() else ""),
        sandbox=sandbox,
        clock=clock,
        tls_cert=tls_cert,
        tls_key=tls_key,
        behind_proxy=behind_proxy,
    )
    uvloop.run(run_server(settings, ready_file, greet))


@clients.command("add")
def clients_add(
    name: Annotated[str, typer.Argument(help="Of an FSP: its party id, as in its messages.")],
    role: Annotated[Side, typer.Option(help="ven: an FSP's agent; bl: a desk or other system.")],
    target: Annotated[
        list[str] | None, typer.Option(help="Targets granted to the ven; may be repeated.")
    ] = None,
    secret_file: SecretFile = None,
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Let somebody in; gives out the client's id and its secret, once.

    Example:  ukvtn clients add FSP7 --role ven --secret-file fsp7.secret
    """
    given = {"name": name, "role": role.value, "targets": target or []}
    _give_secret(data_dir, "clients.add", given, secret_file, as_json)


@clients.command("list")
def clients_list(data_dir: DataDir = HERE, as_json: AsJson = False) -> None:
    """Everybody who may ask for tokens."""
    found = _tell(data_dir, "clients.list")
    table(found, as_json, ("client_id", "name", "role", "disabled"))


@clients.command("secret")
def clients_secret(
    client_id: ClientId,
    secret_file: SecretFile = None,
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """A fresh secret in place of the old one; gives it out, once."""
    _give_secret(data_dir, "clients.secret", {"client_id": client_id}, secret_file, as_json)


@clients.command("disable")
def clients_disable(client_id: ClientId, data_dir: DataDir = HERE, as_json: AsJson = False) -> None:
    """Shut somebody out; the tokens it has stop working at once."""
    made = _tell(data_dir, "clients.disable", {"client_id": client_id})
    show(made, as_json, ("client_id", "disabled"))


@keys.command("own")
def keys_own(data_dir: DataDir = HERE) -> None:
    """The DSO's public key set, as JSON: give it to FSPs, who pin it."""
    print(json.dumps(_tell(data_dir, "keys.own"), indent=2))


@keys.command("add")
def keys_add(
    file: Annotated[Path, typer.Argument(help="A party's public key set (JSON); - = stdin.")],
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Pin an FSP's public key set.

    Example:  ukvtn keys add fsp7/public.json
    """
    made = _tell(data_dir, "keys.add", {"key_set": _text_of(file)})
    show(made, as_json, ("key_set", "party", "active_from", "active_to"))


@keys.command("list")
def keys_list(data_dir: DataDir = HERE, as_json: AsJson = False) -> None:
    """Every pinned key set, the DSO's own among them."""
    columns = ("key_set", "party", "role", "active_from", "active_to", "revoked_at", "suite_floor")
    table(_tell(data_dir, "keys.list"), as_json, columns)


@keys.command("revoke")
def keys_revoke(
    key_set: Annotated[str, typer.Argument(help="As in keys list.")],
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """From now on nothing signed with it counts."""
    made = _tell(data_dir, "keys.revoke", {"key_set": key_set})
    show(made, as_json, ("key_set", "revoked_at"))


@keys.command("floor")
def keys_floor(
    party: Annotated[str, typer.Argument(help="Whose signatures: its party id.")],
    suite: Annotated[
        int, typer.Argument(min=1, max=2, help="1: Ed25519; 2: Ed25519 and ML-DSA-65.")
    ],
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Take at least this signature suite from a party; a floor never falls."""
    made = _tell(data_dir, "keys.floor", {"party": party, "suite": suite})
    show(made, as_json, ("party", "suite_floor"))


@contracts.command("add")
def contracts_add(
    file: Annotated[Path, typer.Argument(help="Body of contract_terms (JSON); - = stdin.")],
    provider: Annotated[str, typer.Option(help="The FSP's party id; it must be a client.")],
    projection: Annotated[
        str, typer.Option(help="gb-draft: with the draft GB API's payloads; none: without.")
    ] = "gb-draft",
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Publish a contract: program, grant, assets, signed terms. Safe to repeat.

    Example:  ukvtn contracts add terms.json --provider FSP7
    """
    if projection not in ("gb-draft", "none"):
        raise typer.BadParameter("gb-draft or none", param_hint="--projection")
    given = {"terms": _text_of(file), "provider": provider, "projection": projection}
    show(_tell(data_dir, "contracts.add", given), as_json, ("contract_id", "provider"))


@contracts.command("list")
def contracts_list(data_dir: DataDir = HERE, as_json: AsJson = False) -> None:
    """Every contract, with its program and target."""
    found = _tell(data_dir, "contracts.list")
    table(found, as_json, ("contract_id", "program_id", "target"))


@dispatch.command("issue")
def dispatch_issue(
    contract_id: Annotated[str, typer.Argument(help="As in contracts list.")],
    start: Annotated[str, typer.Option(help="2026-11-24T16:30:00Z; other offsets are fine.")],
    end: Annotated[str, typer.Option(help="When it ends.")],
    delta_w: Annotated[
        int | None,
        typer.Option(help="Change in watts; + = more export or less import at the meter."),
    ] = None,
    setpoint_w: Annotated[
        int | None, typer.Option(help="Absolute watts instead; + = export.")
    ] = None,
    dispatch_type: Annotated[
        str, typer.Option("--type", help="demand_turn_down, generation_turn_up, ...")
    ] = "",
    asset: Annotated[
        list[str] | None, typer.Option(help="Asset ids; all of the contract if none is given.")
    ] = None,
    thread: Annotated[str, typer.Option(help="The dispatch's own name; made up if absent.")] = "",
    unchecked: Annotated[
        bool,
        typer.Option(
            "--unchecked", help="Leave out our own rules, to see the FSP refuse: sandbox."
        ),
    ] = False,
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Instruct an FSP; returns once the signed instruction is on disk and can be fetched.

    Example:  ukvtn dispatch issue UKPN:FLEX-2026-0042 --start 2026-11-24T16:30:00Z
              --end 2026-11-24T18:00:00Z --delta-w 1000000
    """
    if (delta_w is None) == (setpoint_w is None):
        raise typer.BadParameter("one of --delta-w and --setpoint-w is due")
    power = {"delta_w": delta_w} if delta_w is not None else {"setpoint_w": setpoint_w}
    given = {
        "contract_id": contract_id,
        "periods": [{"start": _utc(start, "--start"), "end": _utc(end, "--end"), **power}],
        "assets": asset or [],
        "dispatch_type": dispatch_type,
        "thread": thread,
        "unchecked": unchecked,
    }
    show(_tell(data_dir, "dispatch.issue", given), as_json, ("thread", "revision", "ack_by"))


Dispatched = Annotated[str, typer.Argument(help="The dispatch, as in status.")]
Reason = Annotated[str, typer.Option(help="One word for the record, as NOT_REQUIRED.")]
OfContract = Annotated[
    str, typer.Option("--contract", help="Where two contracts have a dispatch of that name.")
]


@dispatch.command("cease")
def dispatch_cease(
    thread: Dispatched,
    at: Annotated[str, typer.Option(help="When it ends; at once if not given.")] = "",
    immediate: Annotated[
        bool, typer.Option("--immediate", help="Stop without ramping down.")
    ] = False,
    reason: Reason = "",
    contract: OfContract = "",
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """End a confirmed dispatch. Final; no agent refuses it, however late it is read.

    Example:  ukvtn dispatch cease DSP-0001 --reason NETWORK_RESTORED
    """
    given = {"thread": thread, "reason": reason, "contract_id": contract}
    given |= {"at": _utc(at, "--at")} if at else {}
    given |= {"mode": "immediate"} if immediate else {}
    shown = ("thread", "revision", "kind", "ack_by")
    show(_tell(data_dir, "dispatch.cease", given), as_json, shown)


@dispatch.command("cancel")
def dispatch_cancel(
    thread: Dispatched,
    reason: Reason = "",
    contract: OfContract = "",
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Take back a dispatch that has not begun. Final.

    Example:  ukvtn dispatch cancel DSP-0001 --reason NOT_REQUIRED
    """
    given = {"thread": thread, "reason": reason, "contract_id": contract}
    shown = ("thread", "revision", "kind", "ack_by")
    show(_tell(data_dir, "dispatch.cancel", given), as_json, shown)


@app.command()
def status(data_dir: DataDir = HERE, as_json: AsJson = False) -> None:
    """What is dispatched, and what the FSPs answered."""
    found = _tell(data_dir, "status")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found['dso']} ({found['environment']}): {found['contracts']} contracts")
    rows = [dispatch_row(standing) for standing in found["dispatches"]]
    table(rows, False, DISPATCH)


@app.command()
def migrate(data_dir: DataDir = HERE) -> None:
    """Bring the database of a stopped VTN up to date; a server does so itself when it starts."""
    from vtn.settings import Place
    from vtn.storage.sqlite import migrate_file

    if Place(data_dir).identity() is None:
        _fail(f"no VTN in {data_dir}")
    print(f"database at revision {migrate_file(Place(data_dir).database)}")


@app.command()
def openapi() -> None:
    """Print the API as OpenAPI 3.1 (JSON)."""
    from vtn.http.openapi import document

    print(json.dumps(document(), indent=2))


@app.command("schema")
def schema_(
    kind: Annotated[
        str, typer.Argument(help="A kind of message; left out: the list of kinds.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """JSON Schema of a message's body; without KIND, the list of kinds.

    Example:  ukvtn schema instruction
    """
    from ukprofile.flex.kinds import KINDS
    from ukprofile.flex.schema import schema, senders

    if kind:
        print(json.dumps(schema(kind), indent=2))
        return
    rows = [{"kind": k.name, "from": senders(k), "what": k.title} for k in KINDS.values()]
    table(rows, as_json, ("kind", "from", "what"))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line, and exit with its code."""
    try:
        app(args=arguments, standalone_mode=True)
    except Refused as refused:
        _fail(str(refused) + (f" ({refused.clause})" if refused.clause else ""))
    except ProfileError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.filename or 'failed'}: {error.strerror or error}")
    sys.exit(0)


def _tell(data_dir: Path, name: str, parameters: dict[str, Any] | None = None) -> Any:
    from vtn.tell import tell

    return tell(data_dir, name, parameters or {})


def _give_secret(
    data_dir: Path, name: str, given: dict[str, Any], secret_file: Path | None, as_json: bool
) -> None:
    """Run a command that makes a secret. The file is opened first: a secret is made only once."""
    if secret_file is None:
        show(_tell(data_dir, name, given), as_json, ("client_id", "client_secret"))
        return
    fd = os.open(secret_file, os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(fd, "w") as file:
        os.fchmod(fd, 0o600)
        made = _tell(data_dir, name, given)
        file.truncate()
        print(made.pop("client_secret"), file=file)
    show(made | {"secret_file": str(secret_file)}, as_json, ("client_id", "secret_file"))


def _fail(text: str) -> NoReturn:
    print(f"ukvtn: {text}", file=sys.stderr)
    sys.exit(1)


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal():
        raise typer.BadParameter("HOST:PORT is due, as 127.0.0.1:8080", param_hint="--listen")
    return host.strip("[]") or "127.0.0.1", int(port)


def _utc(text: str, option: str) -> str:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no ISO 8601 time", param_hint=option) from None
    if when.tzinfo is None:
        raise typer.BadParameter(f"{text} lacks its zone: add Z or an offset", param_hint=option)
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _text_of(path: Path) -> str:
    """A file, or stdin for -. What stands in it, the VTN reads."""
    try:
        return sys.stdin.read() if str(path) == "-" else path.read_text()
    except OSError as error:
        _fail(f"{path}: {error.strerror}")
    except UnicodeDecodeError:
        _fail(f"{path} is not UTF-8 text")
