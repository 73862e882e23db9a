"""The command `ukven`: make an agent, enrol it, run it, look at it.

Exit codes: 0 done, 1 refused or failed (one line on stderr says why), 2 wrong usage.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

import typer

from ukprofile.errors import ProfileError

app = typer.Typer(
    name="ukven",
    help="An agent for flexibility providers: reads a DSO's dispatches, moves devices, answers.",
    epilog="Begin with: ukven init my-agent --party FSP7 --asset UKPN-AS-000731",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The agent's directory.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]


@app.command()
def init(
    directory: Directory,
    party: Annotated[str, typer.Option(help="Your party id, as the DSO knows it.")],
    asset: Annotated[
        list[str],
        typer.Option(
            help="An asset by the DSO's id, and the device behind it: ID, or "
            "ID=simulated:capacity_wh=4000000,max_w=2000000. May be given several times."
        ),
    ],
    environment: Annotated[
        Literal["sandbox", "production"], typer.Option(help="What its messages are worth.")
    ] = "sandbox",
    suite: Annotated[
        int, typer.Option(min=1, max=2, help="1 signs with Ed25519, 2 with ML-DSA-65 as well.")
    ] = 1,
) -> None:
    """Make DIR with settings and fresh keys.

    Then give DIR/public.json to the DSO, and enrol with what it gives you.

    Example: ukven init my-agent --party FSP7 --asset UKPN-AS-000731=simulated:max_w=1500000
    """
    import secrets

    from ukprofile.signing import SigningKeys
    from ven.settings import Asset, Place, Settings

    start, end = _key_life(environment)
    settings = Settings(
        party=party,
        environment=environment,
        assets=tuple(Asset.read(text) for text in asset),
        suite=suite,
    ).check()
    name = f"{party[:50]}-{secrets.token_hex(4)}"
    keys = SigningKeys.generate(name, party, "ven", start, end, secrets.token_bytes, suite=suite)
    place = Place(directory)
    place.make(settings, keys)
    typer.echo(f"made {directory}: {party}, {len(settings.assets)} assets, key set {name}")
    typer.echo(f"next: give {place.public} to the DSO; then ukven enrol {directory} ...")


@app.command()
def enrol(
    directory: Directory,
    vtn: Annotated[str, typer.Option(help="The VTN's base URL.")],
    client_id: Annotated[str, typer.Option(help="Your OAuth client, from the DSO.")],
    secret_file: Annotated[Path, typer.Option(help="A file with its secret; - reads stdin.")],
    dso_keys: Annotated[
        Path | None, typer.Option(help="The DSO's public keys: one set, or several.")
    ] = None,
    dialect: Annotated[
        Literal["uk", "gb-draft"] | None,
        typer.Option(
            help="uk: signed messages. gb-draft: only what the draft GB API has, which nobody "
            "signs: then whoever controls the VTN or the way to it moves your devices."
        ),
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(help="With gb-draft: GROUP=ASSET,ASSET, an asset group of the DSO."),
    ] = None,
    clock: Annotated[Path | None, typer.Option(help="A shared clock, for rehearsals.")] = None,
    poll_s: Annotated[float | None, typer.Option(help="Seconds between two polls.")] = None,
    heartbeat_s: Annotated[float | None, typer.Option(help="Between two heartbeats.")] = None,
    suite_floor: Annotated[
        int | None, typer.Option(min=1, max=2, help="Lowest suite taken from the DSO.")
    ] = None,
    token_host: Annotated[
        list[str] | None, typer.Option(help="A host other than the VTN's that gives out tokens.")
    ] = None,
    ca_file: Annotated[Path | None, typer.Option(help="A certificate authority to trust.")] = None,
) -> None:
    """Tell the agent in DIR where its VTN is and whose keys to trust.

    May be repeated: what is given replaces what was there; key sets are added. Compare the
    DSO's keys with what it published elsewhere: they decide what your devices do. A DSO that
    signs nothing is believed with --dialect gb-draft only, said at each enrolment.

    Example: ukven enrol my-agent --vtn https://vtn.example --client-id fsp7
    --secret-file secret.txt --dso-keys ukpn.json
    """
    from ven.settings import Place, SettingsError, key_sets_in, with_enrolment, write_whole
    from ven.show import TRUST

    place = Place(directory)
    settings = with_enrolment(
        place.load(),
        vtn=vtn,
        client_id=client_id,
        clock=clock and str(clock.absolute()),
        poll_s=poll_s,
        heartbeat_s=heartbeat_s,
        suite_floor=suite_floor,
        allow_token_hosts=token_host and tuple(token_host),
        dialect=dialect or "uk",  # said at each enrolment, or not meant
        asset_groups=group and tuple(group),
        ca_file=ca_file and str(ca_file.absolute()),
    )
    key_sets = key_sets_in(dso_keys) if dso_keys else ()
    secret, register = _secret(secret_file), place.load_register(settings)
    for key_set in key_sets:  # all of them, before any is pinned
        register = register.with_key_set(key_set)
    if settings.dialect == "uk" and not register.key_sets:
        raise SettingsError("whose messages to trust? --dso-keys FILE")
    for key_set in key_sets:
        place.pin(key_set)
    write_whole(place.secret, secret + "\n", mode=0o600)
    place.save(settings)
    trusted = ", ".join(f"{k.key_set} of {k.party}" for k in register)
    if settings.dialect == "gb-draft":
        trusted = f"gb-draft, {TRUST[settings.dialect]}"
    typer.echo(f"enrolled at {vtn} as {client_id}; trusted: {trusted}")
    typer.echo(f"next: ukven run {directory}")


@app.command("set")
def set_(
    directory: Directory,
    changes: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE", help="A setting, as in settings.toml.")
    ],
) -> None:
    """Change settings of the agent in DIR; it reads them when it starts.

    Examples: ukven set my-agent offer_price=GBP:21000:500 energy_source=Storage
    ukven set my-agent policy=mymodule:MyPolicy
    """
    from ven.settings import Place, with_texts

    place = Place(directory)
    place.save(with_texts(place.load(), changes))
    typer.echo(f"set {', '.join(changes)} in {place.settings}")


@app.command()
def run(
    directory: Directory,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written (JSON) once the first events have been taken.")
    ] = None,
) -> None:
    """Run the agent of DIR until it is told to stop (Ctrl-C, SIGTERM).

    Killed at any moment, it goes on where it was at the next start. Its log is DIR/agent.log.

    Example: ukven run my-agent --ready-file /run/my-agent.json
    """
    from ven.agent import run as run_agent
    from ven.settings import Place

    asyncio.run(run_agent(Place(directory), ready_file=ready_file, tell=typer.echo))


@app.command()
def status(directory: Directory, as_json: AsJson = False) -> None:
    """What the agent of DIR is doing, whether it runs or not.

    Contracts, dispatches with their states, what the devices do now, reports that wait, alarms.

    Example: ukven status my-agent --json
    """
    from ven import show
    from ven.equipment import batteries, business_clock
    from ven.journal import look
    from ven.settings import Place

    place = Place(directory)
    settings = place.load()
    clock = business_clock(settings)
    devices = batteries(place, settings, clock)
    with look(place.journal) as book:
        found = asyncio.run(show.status(book, settings, devices, clock))
    typer.echo(json.dumps(found, indent=2) if as_json else "\n".join(_told(found)))


@app.command()
def journal(directory: Directory, as_json: AsJson = False) -> None:
    """What the agent of DIR received, decided, planned, told its devices, said and posted.

    One line each, in the order it happened, by the business clock.

    Example: ukven journal my-agent
    """
    from ven import show
    from ven.journal import look
    from ven.settings import Place

    place = Place(directory)
    place.load()
    with look(place.journal) as book:
        for line in show.lines(book):
            at = line.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            if as_json:
                typer.echo(json.dumps({"at": at, "what": line.what, "text": line.text}))
            else:
                typer.echo(f"{at}  {line.what:9} {line.text}")


@app.command()
def statement(
    directory: Directory,
    day: Annotated[str, typer.Option(help="What began on a London day: yyyy-mm-dd.")] = "",
    since: Annotated[
        str, typer.Option("--from", help="What began then or later: 2026-11-24T16:30:00Z.")
    ] = "",
    until: Annotated[str, typer.Option("--to", help="What began before then.")] = "",
    compare: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What ukvtn statement --json said"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What the agent of DIR was asked, accepted and delivered, and is owed for it.

    From its own journal, as the DSO does it from its own. Provisional, without a performance
    factor: min(accepted, metered change against the nominated or zero baseline) at each reading x
    price, and availability as accepted. With --compare each line that differs is named, and the
    exit code is 1.

    Example: ukven statement my-agent --day 2026-11-24 --compare dso.json
    """
    from ukprofile.errors import Refused
    from ukprofile.flex.statement import Span
    from ven.settings import Place
    from ven.statement import compared, of_agent, printed

    try:
        span = Span.read(day, since, until)
    except Refused as refused:
        raise typer.BadParameter(refused.detail) from None
    found = of_agent(Place(directory), span)
    if as_json:
        typer.echo(json.dumps([one.to_json() for one in found], indent=2))
    elif compare is None:
        printed(found)
    differ = [] if compare is None else compared(found, compare)
    for line in differ:
        typer.echo(line, err=as_json)
    if differ:
        raise typer.Exit(1)
    if compare is not None:
        typer.echo(f"the same in {compare}", err=as_json)


@app.command("trust-clock")
def trust_clock(directory: Directory) -> None:
    """Say that the machine's clock is right, after the agent of DIR stopped to sign by it.

    A clock that was set by more than 5 s, or is that far from the VTN's, is trusted again by
    itself only once it is set right. Compare it with another one first: by this clock dispatches
    begin and end from now on.

    Example: ukven trust-clock my-agent
    """
    from ven.journal import in_use
    from ven.settings import Place, write_whole

    place = Place(directory)
    place.load()
    write_whole(place.clock_vouched, "")
    when = "now" if in_use(place.journal) else "at its next start"
    typer.echo(f"the agent of {directory} takes the machine's clock as right {when}")


@app.command()
def check(directory: Directory) -> None:
    """Whether the journal of the agent in DIR is whole, running or not.

    Every page, and that each thing in it follows from another: texts have the digests they should,
    commands a dispatch, reports what was said. Exit code 1 names what is wrong.

    Example: ukven check my-agent
    """
    from ven.audit import audit
    from ven.journal import JournalDamaged
    from ven.settings import Place

    place = Place(directory)
    place.load()
    found = audit(place.journal)
    for line in found:
        typer.echo(line)
    if found:
        raise JournalDamaged(f"{place.journal}: {len(found)} things are wrong: ukven restore")
    typer.echo(f"{place.journal} is whole")


@app.command()
def backup(
    directory: Directory,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file for the copy.")],
) -> None:
    """Copy the journal of the agent in DIR, which may go on running, to FILE.

    The keys and the settings are files in DIR: copy these as well, and keep them as secret.

    Example: ukven backup my-agent /backup/my-agent-2026-11-24.db
    """
    from ven.journal import backup as copy
    from ven.settings import Place

    place = Place(directory)
    place.load()
    copy(place.journal, file)
    typer.echo(f"{place.journal} as it was just now: {file}, {file.stat().st_size:,} bytes")


@app.command()
def restore(
    directory: Directory,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What ukven backup made.")],
) -> None:
    """Put FILE in place of the journal of the agent in DIR, which must not be running.

    What was there is kept beside it. When the agent starts it asks the VTN what it said since FILE
    was made, before it tells a device or signs anything: nothing is said or done a second time.

    Example: ukven restore my-agent /backup/my-agent-2026-11-24.db
    """
    from ven.journal import restore as put_back
    from ven.settings import Place

    place = Place(directory)
    place.load()
    aside = put_back(place.journal, file)
    kept = "" if aside is None else f"; what was there is {aside}"
    typer.echo(f"{place.journal} is {file} now{kept}")
    typer.echo(f"next: ukven run {directory}")


Contract = Annotated[str, typer.Option(help="Only this contract; else every one it is in.")]


@app.command()
def unavailable(
    directory: Directory,
    asset: Annotated[str, typer.Option(help="The asset, by the DSO's id.")],
    begins: Annotated[str, typer.Option("--from", help="From when, YYYY-MM-DDThh:mm:ssZ.")],
    ends: Annotated[str, typer.Option("--to", help="First instant it is back.")],
    reason: Annotated[str, typer.Option(help="Why: MAINTENANCE, or a few words.")],
    contract: Contract = "",
) -> None:
    """Declare to the DSO that an asset cannot be dispatched for a while.

    Signed, on the contract's event. What is dispatched already still stands: only the DSO changes
    it, and the status of a run says what the asset really does.

    Example: ukven unavailable my-agent --asset UKPN-AS-000731 --from 2026-11-25T06:00:00Z
    --to 2026-11-25T18:00:00Z --reason MAINTENANCE
    """
    import secrets

    from ven.errand import Unavailable
    from ven.inbox import leave
    from ven.settings import Place, SettingsError

    place = Place(directory)
    known = [one.id for one in place.load().assets]
    if asset not in known:
        raise SettingsError(f"--asset {asset}: none of mine: {', '.join(known)}")
    errand = Unavailable(
        asset,
        _time_of("--from", begins),
        _time_of("--to", ends),
        reason,
        secrets.token_hex(8),
        contract,
    )
    typer.echo(f"{asset} unavailable from {begins} to {ends}: {leave(place, errand)}")


@app.command()
def baseline(
    directory: Directory,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV: start,watts; or JSON.")],
    asset: Annotated[
        list[str] | None, typer.Option(help="What it is of; else all assets of the contract.")
    ] = None,
    contract: Contract = "",
) -> None:
    """Nominate what will flow without any dispatch: whole London days, by settlement period.

    A day has 48 half hours, or 46 or 50 where the clocks change; watts, + = export, all assets
    together. A day that was nominated before is nominated anew.

    Example: ukven baseline my-agent tomorrow.csv
    """
    from ven.baseline_file import read_baseline
    from ven.errand import Nomination
    from ven.inbox import leave
    from ven.settings import Place, SettingsError

    place = Place(directory)
    place.load()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is no text: {error}") from error
    series = read_baseline(text, file.name)
    errand = Nomination(series, tuple(asset or ()), contract)
    typer.echo(f"a baseline from {file.name}, days: {len(series)}: {leave(place, errand)}")


def main() -> NoReturn:
    """The console script: mistakes become one line, never a stack trace."""
    try:
        app(prog_name="ukven")
    except ProfileError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
    sys.exit(0)


def _time_of(option: str, text: str) -> datetime:
    """The time in an option. Raises SettingsError."""
    from ukprofile.flex.times import read_time
    from ven.settings import SettingsError

    when = read_time(text)
    if when is None:
        raise SettingsError(f"{option} {text!r} is no time YYYY-MM-DDThh:mm:ssZ")
    return when


def _fail(why: str) -> NoReturn:
    sys.stderr.write(f"ukven: {why}\n")
    sys.exit(1)


def _key_life(environment: str) -> tuple[datetime, datetime]:
    """When fresh keys count: rehearsals in the sandbox may take place on any day."""
    from ukprofile.clock import SystemClock

    if environment == "sandbox":
        return datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
    today = SystemClock().now().replace(hour=0, minute=0, second=0, microsecond=0)
    return today, today + timedelta(days=730)


def _secret(path: Path) -> str:
    """The secret in a file, or on stdin."""
    from ven.settings import SettingsError

    secret = (sys.stdin.read() if str(path) == "-" else path.read_text()).strip()
    if not secret:
        raise SettingsError("the secret is empty")
    return secret


def _told(found: dict[str, Any]) -> list[str]:
    """The status as lines for a person."""
    contact = found["contact"] or "never"
    told = [f"{found['party']} ({found['environment']}) at {found['vtn'] or 'no VTN yet'}"]
    told += [f"dialect {found['dialect']}, {found['trust']}"]
    told += [f"business time {found['now']}, last contact {contact}"]
    told += [f"clock: {found['clock']}", ""] if found["clock"] else [""]
    sections = {
        "contracts": "{contract_id}  {product} in {zone}, {capacity_w:,} W until {valid_to}",
        "dispatches": "{thread}  {state}  {shown}  {whose}",
        "offers": "{request}  {state}  {shown}  {reason}",
        "devices": "{asset_id}  {power_w:,} W (baseline {baseline_w:,} W) {short}",
        "queued": "{kind} on {event_id}, {attempts} attempts {error}",
        "alarms": "{at}  {alarm} {reason}: {detail}",
    }
    for name, form in sections.items():
        told.append(f"{name}: {len(found[name]) or 'none'}")
        for one in found[name]:
            spans = [f"{p['w']:+,} W {p['start']} - {p['end']}" for p in one.get("periods", ())]
            line = form.format(**one, shown="; ".join(spans), whose=_whose(one))
            told.append("  " + line.rstrip())
    return told


def _whose(one: dict[str, Any]) -> str:
    """For whom a dispatch is, and how much it matters; "" where nothing is said of it."""
    said = [f"for {one['origin']} {one['reference']}".rstrip()] if "origin" in one else []
    if one.get("priority") is not None:
        said.append(f"priority {one['priority']}")
    return ", ".join(said)
