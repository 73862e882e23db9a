"""A history as a DSO publishes it, made here: lines of its CSV."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
HEADER = (
    "company_name,fu_id,zone,product,start_time_local,end_time_local,availability_mw_req,"
    "utilisation_mw_req,availability_price,utilisation_price,availability_mwh_req,"
    "utilisation_mwh_req,technology,dispatch_type,hours_requested,dispatch_method,start_time_utc,"
    "end_time_utc,time_utc"
)
START = datetime(2025, 6, 20, 15, 30, tzinfo=UTC)


def cells(
    start: datetime = START, hours: float = 1, utilisation: str = "0.02", **over: str
) -> dict[str, str]:
    """One row by its columns: 20 kW at 90 pounds a MWh, unless said otherwise."""
    end = start + timedelta(hours=hours)
    return {
        "company_name": "FSP Seven Ltd",
        "fu_id": "SEVEN-1",
        "zone": "Hendon Way",
        "product": "Peak Reduction",
        "start_time_local": start.astimezone(LONDON).isoformat(),
        "end_time_local": end.astimezone(LONDON).isoformat(),
        "availability_mw_req": "0.0",
        "utilisation_mw_req": utilisation,
        "availability_price": "0.0",
        "utilisation_price": "90.0",
        "availability_mwh_req": "0.0",
        "utilisation_mwh_req": "0.02",
        "technology": "EV Charger DSR",
        "dispatch_type": "demand_turn_down",
        "hours_requested": str(hours),
        "dispatch_method": "epex",
        "start_time_utc": str(start),
        "end_time_utc": str(end),
        "time_utc": f"{start:%H:%M:%S}+00:00",
    } | over


def available(**over: str) -> dict[str, str]:
    """A row of availability alone: 50 kW at 10 pounds a MW and hour."""
    none = {"utilisation": "0.0", "utilisation_price": "0.0"}
    held = {"availability_mw_req": "0.05", "availability_price": "10.0"}
    made: dict[str, Any] = none | held | over
    return cells(**made)


def published(*rows: dict[str, str], header: str = HEADER) -> bytes:
    """The file of these rows."""
    lines = [",".join(row[name] for name in HEADER.split(",")) for row in rows]
    return "\n".join([header, *lines, ""]).encode()
