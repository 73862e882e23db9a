"""`ukvtn desk`: dispatching flexibility, from the proposal to the end; and `ukvtn status`."""

import json
from typing import Annotated, Any

import typer

from vtn.cli.options import HERE, AsJson, DataDir, ask, utc
from vtn.show import (
    ALARM,
    COURSE,
    DISPATCH,
    alarm_row,
    course_row,
    dispatch_row,
    show,
    table,
)

app = typer.Typer(no_args_is_help=True, help="The dispatch desk: what FSPs are told to do.")

Contract = Annotated[str, typer.Argument(help="As in contracts list.")]
Start = Annotated[str, typer.Option(help="2026-11-24T16:30:00Z; other offsets are fine.")]
End = Annotated[str, typer.Option(help="When it ends.")]
DeltaW = Annotated[
    int | None, typer.Option(help="Change in watts; + = more export or less import at the meter.")
]
SetpointW = Annotated[int | None, typer.Option(help="Absolute watts instead; + = export.")]
Several = Annotated[
    list[str] | None,
    typer.Option("--period", help="START/END/WATTS instead, for each of several periods."),
]
Absolute = Annotated[
    bool, typer.Option("--absolute", help="The watts of --period are absolute; + = export.")
]
Type = Annotated[str, typer.Option("--type", help="demand_turn_down, generation_turn_up, ...")]
Assets = Annotated[
    list[str] | None,
    typer.Option("--asset", help="Asset ids; all of the contract if none is given."),
]
RespondBy = Annotated[str, typer.Option(help="Silence counts as the contract says then.")]
Origin = Annotated[str, typer.Option(help="Who needs it: DSO or NESO.")]
Reference = Annotated[str, typer.Option(help="That party's own name for it.")]
Priority = Annotated[int | None, typer.Option(min=0, max=999, help="1 before 2.")]
NewThread = Annotated[
    str, typer.Option("--thread", help="The dispatch's own name; made up if absent.")
]
Channel = Annotated[
    str, typer.Option(help="How it was given: api; telephone or email, for the record.")
]
EffectiveAt = Annotated[str, typer.Option(help="When it was given by telephone or email.")]
Dispatched = Annotated[str, typer.Argument(help="The dispatch, as in status.")]
Reason = Annotated[str, typer.Option(help="One word for the record, as NOT_REQUIRED.")]
OfContract = Annotated[
    str, typer.Option("--contract", help="Where two contracts have a dispatch of that name.")
]

STANDING = ("thread", "revision", "kind", "state", "ack_by")


@app.command()
def schedule(
    contract_id: Contract,
    start: Start = "",
    end: End = "",
    delta_w: DeltaW = None,
    setpoint_w: SetpointW = None,
    period: Several = None,
    absolute: Absolute = False,
    dispatch_type: Type = "",
    asset: Assets = None,
    confirm_by: Annotated[
        str, typer.Option(help="It lapses then unless confirmed; else at start less notice.")
    ] = "",
    respond_by: RespondBy = "",
    origin: Origin = "DSO",
    reference: Reference = "",
    priority: Priority = None,
    thread: NewThread = "",
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Propose a dispatch: the FSP answers, and it runs only once it is confirmed.

    Said again of a thread that is not confirmed yet, it takes the place of what was proposed.

    Example:  ukvtn desk schedule UKPN:FLEX-2026-0042 --thread DSP-88
              --period 2026-11-24T16:30:00Z/2026-11-24T17:00:00Z/1000000
              --period 2026-11-24T17:00:00Z/2026-11-24T18:00:00Z/1500000
    """
    given = _proposal(
        contract_id,
        _periods(start, end, delta_w, setpoint_w, period, absolute),
        dispatch_type,
        asset,
        respond_by,
        origin,
        reference,
        priority,
        thread,
    ) | _times(("confirm_by", confirm_by))
    show(ask(data_dir, "desk.schedule", given), as_json, STANDING)


@app.command()
def confirm(
    thread: Dispatched,
    channel: Channel = "api",
    effective_at: EffectiveAt = "",
    contract: OfContract = "",
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Instruct what was proposed: as scheduled, or exactly as it was accepted in part.

    Example:  ukvtn desk confirm DSP-88
    """
    given = _of(thread, contract) | _channel(channel, effective_at)
    show(ask(data_dir, "desk.confirm", given), as_json, STANDING)


@app.command()
def instruct(
    contract_id: Contract,
    start: Start = "",
    end: End = "",
    delta_w: DeltaW = None,
    setpoint_w: SetpointW = None,
    period: Several = None,
    absolute: Absolute = False,
    dispatch_type: Type = "",
    asset: Assets = None,
    respond_by: RespondBy = "",
    origin: Origin = "DSO",
    reference: Reference = "",
    priority: Priority = None,
    thread: NewThread = "",
    channel: Channel = "api",
    effective_at: EffectiveAt = "",
    unchecked: Annotated[
        bool,
        typer.Option(
            "--unchecked", help="Leave out our own rules, to see the FSP refuse: sandbox."
        ),
    ] = False,
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Dispatch for certain; returns once the signed instruction is on disk and can be fetched.

    Example:  ukvtn desk instruct UKPN:FLEX-2026-0042 --start 2026-11-24T16:30:00Z
              --end 2026-11-24T18:00:00Z --delta-w 1000000
    """
    given = _proposal(
        contract_id,
        _periods(start, end, delta_w, setpoint_w, period, absolute),
        dispatch_type,
        asset,
        respond_by,
        origin,
        reference,
        priority,
        thread,
    ) | _channel(channel, effective_at)
    given |= {"unchecked": True} if unchecked else {}
    show(ask(data_dir, "desk.instruct", given), as_json, STANDING)


@app.command()
def vary(
    thread: Dispatched,
    delta_w: DeltaW = None,
    setpoint_w: SetpointW = None,
    from_: Annotated[
        str, typer.Option("--from", help="Since when at that power; at once if not given.")
    ] = "",
    end: Annotated[str, typer.Option(help="Another end, sooner or later.")] = "",
    period: Annotated[
        list[str] | None,
        typer.Option("--period", help="START/END/WATTS, for all that follows the first start."),
    ] = None,
    absolute: Absolute = False,
    contract: OfContract = "",
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Change a confirmed dispatch. Less is obeyed; more waits until the FSP accepts it.

    Example:  ukvtn desk vary DSP-88 --delta-w 800000 --from 2026-11-24T17:20:00Z
    """
    power = {"delta_w": delta_w, "setpoint_w": setpoint_w}
    given = _of(thread, contract) | _times(("from", from_), ("end", end))
    given |= {name: watts for name, watts in power.items() if watts is not None}
    form = "setpoint_w" if absolute else "delta_w"
    given |= {"periods": [_period(text, form) for text in period]} if period else {}
    show(ask(data_dir, "desk.vary", given), as_json, (*STANDING, "changes"))


@app.command()
def cease(
    thread: Dispatched,
    at: Annotated[str, typer.Option(help="When it ends; at once if not given.")] = "",
    mode: Annotated[str, typer.Option(help="ramp: down as agreed; immediate: at once.")] = "ramp",
    reason: Reason = "",
    contract: OfContract = "",
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """End a confirmed dispatch. Final; no agent refuses it, however late it is read.

    Example:  ukvtn desk cease DSP-88 --reason NETWORK_RESTORED
    """
    given = _of(thread, contract) | _times(("at", at)) | {"mode": mode}
    given |= _texts(("reason", reason))
    show(ask(data_dir, "desk.cease", given), as_json, STANDING)


@app.command()
def cancel(
    thread: Dispatched,
    reason: Reason = "",
    contract: OfContract = "",
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """Take back a dispatch, or an acceptance, that has not begun; or a request. Final.

    Example:  ukvtn desk cancel DSP-88 --reason NOT_REQUIRED
    """
    given = _of(thread, contract) | _texts(("reason", reason))
    show(ask(data_dir, "desk.cancel", given), as_json, STANDING)


@app.command("show")
def show_(
    thread: Dispatched,
    contract: OfContract = "",
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """The whole course of a dispatch: every text and timer, and its state after each.

    Example:  ukvtn desk show DSP-88
    """
    found = ask(data_dir, "desk.show", _of(thread, contract))
    if as_json:
        print(json.dumps(found, indent=2))
        return
    show(found, False, ("thread", "contract_id", "provider", "state"))
    table([course_row(line) for line in found["course"]], False, COURSE)


@app.command()
def alarms(
    over: Annotated[bool, typer.Option("--all", help="What is over, too.")] = False,
    data_dir: DataDir = HERE,
    as_json: AsJson = False,
) -> None:
    """What a person should look at: what is late, refused, not delivered, or waits for the desk.

    Example:  ukvtn desk alarms
    """
    found = ask(data_dir, "desk.alarms", {"all": over})
    if as_json:
        print(json.dumps(found, indent=2))
        return
    table([alarm_row(alarm) for alarm in found["alarms"]], False, ALARM)


def status(data_dir: DataDir = HERE, as_json: AsJson = False) -> None:
    """What is dispatched, and what the FSPs answered."""
    found = ask(data_dir, "status")
    if as_json:
        print(json.dumps(found, indent=2))
        return
    print(f"{found['dso']} ({found['environment']}): {found['contracts']} contracts")
    if found["clock"]:
        print(found["clock"])
    if found["alarms"]:
        print(f"{found['alarms']} to look at: ukvtn desk alarms")
    if found["relay"] and found["relay"]["lacking"]:
        print(f"{found['relay']['lacking']} not at the other VTN yet: {found['relay']['why']}")
    rows = [dispatch_row(standing) for standing in found["dispatches"]]
    table(rows, False, DISPATCH)


# -- from options to parameters --------------------------------------------------------------------


def _proposal(
    contract_id: str,
    periods: list[dict[str, Any]],
    dispatch_type: str,
    asset: list[str] | None,
    respond_by: str,
    origin: str,
    reference: str,
    priority: int | None,
    thread: str,
) -> dict[str, Any]:
    """What schedule and instruct share."""
    given = {
        "contract_id": contract_id,
        "periods": periods,
        "assets": asset or [],
        "origin": origin,
        "priority": priority,
    }
    texts = ("dispatch_type", dispatch_type), ("reference", reference), ("thread", thread)
    return given | _texts(*texts) | _times(("respond_by", respond_by))


def _periods(
    start: str,
    end: str,
    delta_w: int | None,
    setpoint_w: int | None,
    several: list[str] | None,
    absolute: bool,
) -> list[dict[str, Any]]:
    """The periods of either form: --start, --end and a power, or --period for each."""
    one = [start, end, delta_w, setpoint_w] != ["", "", None, None]
    if several:
        if one:
            raise typer.BadParameter("--period stands alone, without --start, --end and a power")
        return [_period(text, "setpoint_w" if absolute else "delta_w") for text in several]
    if not start or not end:
        raise typer.BadParameter("--start and --end are due, or --period")
    if (delta_w is None) == (setpoint_w is None):
        raise typer.BadParameter("one of --delta-w and --setpoint-w is due")
    power = {"delta_w": delta_w} if delta_w is not None else {"setpoint_w": setpoint_w}
    return [{"start": utc(start, "--start"), "end": utc(end, "--end"), **power}]


def _period(text: str, power: str) -> dict[str, Any]:
    start, _, rest = text.partition("/")
    end, _, watts = rest.partition("/")
    try:
        return {
            "start": utc(start, "--period"),
            "end": utc(end, "--period"),
            power: int(watts),
        }
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no START/END/WATTS", param_hint="--period") from None


def _of(thread: str, contract: str) -> dict[str, Any]:
    return {"thread": thread} | _texts(("contract_id", contract))


def _channel(channel: str, effective_at: str) -> dict[str, Any]:
    return {"channel": channel} | _times(("effective_at", effective_at))


def _texts(*given: tuple[str, str]) -> dict[str, Any]:
    """Those that were given."""
    return {name: text for name, text in given if text}


def _times(*given: tuple[str, str]) -> dict[str, Any]:
    """Those that were given, in UTC."""
    return {name: utc(text, f"--{name.replace('_', '-')}") for name, text in given if text}
