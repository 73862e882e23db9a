"""What a DSO and an FSP do once, with the commands each of them has.

FSP   ukven init        keys and settings; gives public.json to the DSO
DSO   ukvtn keys add    pins them
      ukvtn clients add gives out a client and its secret
      ukvtn contracts add   all of that FSP's
FSP   ukven enrol       with the secret, and the DSO's public keys
      ukven set         its price, what its assets are, what it reports
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo.stage import Stage


async def join(
    stage: Stage,
    agent: Mapping[str, Any],
    contract: Mapping[str, Any],
    vtn: Path,
    url: str,
    *enrolment: str | Path,
) -> None:
    """Enrol an agent of the scenario with the VTN in directory `vtn`, reached at `url`.

    `contract` is what all contracts of the scenario have in common; `enrolment` more options of
    `ukven enrol`. Raises StageError.
    """
    party, home, to = agent["party"], home_of(stage, agent), ("-d", vtn)
    assets = agent["assets"].items()
    devices = [w for asset, spec in assets for w in ("--asset", f"{asset}=simulated:{spec}")]
    await stage.command("ven", "init", home, "--party", party, *devices)
    await stage.command("vtn", "keys", "add", home / "public.json", *to)
    made = json.loads(
        await stage.command("vtn", "clients", "add", party, "--role", "ven", "--json", *to)
    )
    terms = [{**contract, **own, "assets": _assets(agent, own)} for own in agent["contracts"]]
    await stage.command(
        "vtn", "contracts", "add", "-", "--provider", party, *to, stdin=json.dumps(terms)
    )
    await stage.command(
        "ven", "enrol", home, "--vtn", url, "--client-id", made["client_id"],
        "--secret-file", "-", "--dso-keys", await dso_keys(stage, vtn), *enrolment,
        stdin=made["client_secret"],
    )  # fmt: skip
    said = [f"{name}={value}" for name, value in agent.get("settings", {}).items()]
    if said:
        await stage.command("ven", "set", home, *said)


def _assets(agent: Mapping[str, Any], own: Mapping[str, Any]) -> list[dict[str, str]]:
    """The assets of one contract: those it names, or all of the agent's."""
    return [{"asset_id": asset} for asset in own.get("assets", agent["assets"])]


async def dso_keys(stage: Stage, vtn: Path) -> Path:
    """The file with the DSO's public keys, as the DSO publishes it."""
    path = stage.directory / "dso_public.json"
    if not path.exists():
        path.write_text(await stage.command("vtn", "keys", "own", "-d", vtn))
    return path


def home_of(stage: Stage, agent: Mapping[str, Any]) -> Path:
    """The directory of an agent."""
    return stage.directory / str(agent["party"]).lower()
