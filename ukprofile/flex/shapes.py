"""The objects that stand inside bodies: assets, periods, prices, windows (profile 3)."""

from ukprofile.flex.fields import (
    BOOLEAN,
    CURRENCY,
    IDENTIFIER,
    LENGTH,
    LOCAL_TIME,
    PERIOD_ID,
    POWER,
    SERIES,
    SIZE,
    TEXT,
    TIME,
    Each,
    Members,
    OneOf,
    Range,
    due,
    may,
    vital,
)

_ASSET_ID = due("asset_id", IDENTIFIER, "the DSO's id of the asset")
_ASSET_GROUP = may("asset_group_id", IDENTIFIER, "the group it was offered in")

ASSET = Members(_ASSET_ID, _ASSET_GROUP)
OFFERED_ASSET = Members(
    _ASSET_ID,
    _ASSET_GROUP,
    due("asset_class_id", IDENTIFIER, "make and model"),
    due("energy_source", TEXT, "as in the list of licence condition 31E"),
    may("ghg_g_per_kwh", SIZE, "greenhouse gas, as CO2"),
)
PERIOD = Members(
    due("id", PERIOD_ID, "unique in the dispatch; a variation keeps those of unchanged periods"),
    due("start", TIME, "first instant"),
    due("end", TIME, "first instant after it"),
    may("delta_w", POWER, "change against the baseline; + = more export or less import"),
    may("setpoint_w", POWER, "absolute level; + = export"),
)
OFFERED_PERIOD = Members(
    due("start", TIME, "first instant"),
    due("end", TIME, "first instant after it"),
    due("delta_w", POWER, "change against the baseline; + = more export or less import"),
    may("id", PERIOD_ID, "names the period in what follows"),
    may("max_run_s", LENGTH, "longest single run"),
    may("notice_s", LENGTH, "least time from instruction to start"),
)
PRICE = Members(
    due("currency", CURRENCY, "of both prices"),
    may("utilisation_minor_per_mwh", SIZE, "for energy delivered"),
    may("availability_minor_per_mw_h", SIZE, "for being available"),
)
DAY = OneOf("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WINDOW = Members(
    due("days", Each(DAY, least=1, most=7), "the local days on which it starts"),
    due("start", LOCAL_TIME, "first instant"),
    due("end", LOCAL_TIME, "first instant after it; on the next day if not after start"),
    due("time_zone", OneOf("Europe/London"), "of start and end"),
    due("fold", Range(0, 1), "which of two equal local times when the clocks go back"),
)
SPAN = Members(
    due("start", TIME, "first instant"),
    due("end", TIME, "first instant after it"),
)
ORIGIN = Members(
    due("party", OneOf("DSO", "NESO"), "who needs it"),
    may("reference", TEXT, "that party's own name for it"),
)
MAKE_UP = Members(
    due("asset_id", IDENTIFIER, "an asset that runs"),
    due("delta_w", POWER, "its part of the total"),
)
NOMINATED = Members(
    vital("start", TIME, "first instant of the first interval"),
    vital("interval_s", Range(1, 86_400), "length of every interval"),
    vital("baseline_w", SERIES, "mean power of each interval, all assets together; + = export"),
)
ROSTER_LINE = Members(
    due("thread", IDENTIFIER, "whose newest revision this is"),
    due("revision", SIZE, "its revision"),
    due("sha256", TEXT, "digest of its text"),
    due("end", TIME, "when it ends"),
    due("stop", BOOLEAN, "whether it was stopped"),
)
