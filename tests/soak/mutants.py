"""Faults a person might make in `ukprofile`, each with the tests that must notice it.

One row, one fault: file, the text as it stands there (exactly once), the text it becomes, why it
matters, and the tests that should fail. `tests/soak/mutating.py` plants them one by one.
"""

from dataclasses import dataclass

_UNIT = "tests/unit/ukprofile"
DOOR = (f"{_UNIT}/openadr/test_door.py",)
SCALARS = (f"{_UNIT}/openadr/test_scalars.py",)
WIRE = (f"{_UNIT}/openadr/test_wire.py",)
SIGNING = (f"{_UNIT}/test_signing.py",)
TRUST = (f"{_UNIT}/test_trust.py",)
HEADER = (f"{_UNIT}/flex/test_header.py",)
BODIES = (f"{_UNIT}/flex/test_bodies.py",)
SCHEMA = (f"{_UNIT}/flex/test_schema.py",)
EVENT = (f"{_UNIT}/mapping/test_event.py",)
FIELDS = (f"{_UNIT}/flex/test_fields.py",)
CONTRACT = (f"{_UNIT}/flex/test_contract.py",)
DISPATCH = (f"{_UNIT}/flex/test_dispatch.py",)
STATES = (f"{_UNIT}/flex/test_states.py",)
TIMERS = (f"{_UNIT}/flex/test_timers.py",)
DELIVERY = (f"{_UNIT}/flex/test_delivery.py",)
COURSE = (f"{_UNIT}/flex/test_course.py",)
RULES = (f"{_UNIT}/rules/test_dispatch.py",)
ANSWERS = (f"{_UNIT}/rules/test_answer.py",)
MAPPING = (f"{_UNIT}/test_mapping.py",)
TIMELINE = (f"{_UNIT}/test_timeline.py",)
CLOCK = (f"{_UNIT}/test_clock.py",)
CODES = (f"{_UNIT}/test_codes.py",)
OPENING = (f"{_UNIT}/receiving/test_opening.py",)
DECIDING = (f"{_UNIT}/receiving/test_deciding.py",)
VECTORS = ("tests/contract/test_vectors.py",)
BOTH_ENDS = ("tests/contract/test_states.py",)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: `old` becomes `new` in a file beneath the project."""

    source: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...]

    @property
    def file(self) -> str:
        return f"ukprofile/{self.source}"

    @property
    def name(self) -> str:
        return f"{self.source}: {self.old.strip()} -> {self.new.strip()}"

    def apply(self, source: str) -> str:
        """The source with the fault. Raises AssertionError unless `old` stands there once."""
        assert source.count(self.old) == 1, f"stands {source.count(self.old)} times: {self.name}"
        return source.replace(self.old, self.new)


# fmt: off
MUTANTS = (
    Mutant("openadr/door.py", "if len(raw) > limits.max_bytes:", "if len(raw) > limits.max_bytes * 2:", "the published size is the limit", DOOR),
    Mutant("openadr/door.py", "if len(members) != len(pairs):", "if len(members) > len(pairs):", "two readers of a doubled member see two messages", DOOR),
    Mutant("openadr/door.py", "(number := int(digits)) <= MAX_INTEGER:", "(number := int(digits)) <= MAX_INTEGER + 1:", "2^53 is rounded by other readers", DOOR),
    Mutant("openadr/door.py", "if not math.isfinite(number):", "if math.isnan(number):", "1e400 would be stored as null", DOOR),
    Mutant("openadr/door.py", "for _ in range(limits.max_depth):", "for _ in range(limits.max_depth + 1):", "one level too deep", DOOR),
    Mutant("openadr/door.py", "if _SURROGATE_ESCAPE.search(raw):", "if _SURROGATE_ESCAPE.match(raw):", "a lone surrogate cannot be written again", DOOR),
    Mutant("openadr/scalars.py", "    if minutes > 59:", "    if minutes > 60:", "+01:60 is no offset", SCALARS),
    Mutant("openadr/scalars.py", 'offset if sign == "+" else -offset', 'offset if sign == "-" else -offset', "a start two hours off in summer", SCALARS),
    Mutant("openadr/scalars.py", "    if sign:\n", "    if sign and seconds:\n", "a length cannot be negative", SCALARS),
    Mutant("openadr/scalars.py", "7 * 86_400 if unit", "86_400 if unit", "P1W is seven days", SCALARS),
    Mutant("openadr/scalars.py", '[1:7].ljust(6, "0")', '[1:7].rjust(6, "0")', ".25 is a quarter of a second", SCALARS),
    Mutant("openadr/wire.py", "if not cls.dropped.isdisjoint(value):", "if cls.dropped.isdisjoint(value):", "a client must not choose its own id or owner", WIRE),
    Mutant("openadr/wire.py", 'path=f"/{index}{refused.path}"', "path=refused.path", "which of fifty objects was wrong", WIRE),
    Mutant("openadr/wire.py", 'str(step).replace("~", "~0").replace("/", "~1")', 'str(step).replace("/", "~1").replace("~", "~0")', "RFC 6901: ~ is escaped first", WIRE),
    Mutant("openadr/subscription.py", 'if inner.get("objectType", outer) != outer:', 'if "objectType" not in inner:', "an event announced as a program", (f"{_UNIT}/openadr/test_subscription.py",)),
    Mutant("signing.py", "MAX_TEXT = 32_768", "MAX_TEXT = 32_769", "the limit is to the byte", SIGNING),
    Mutant("signing.py", "if suite < register.floor(key_set.party):", "if suite + 1 < register.floor(key_set.party):", "a stripped second signature", SIGNING),
    Mutant("signing.py", "if any(other.key_set != key_set.key_set for _, other in keys):", "if any(other.party != key_set.party for _, other in keys):", "half of an old key set and half of a new one", SIGNING),
    Mutant("trust.py", "return real and key_set.active(now)", "return real and key_set.active(key_set.active_from)", "retired keys would sign for ever", SIGNING),
    Mutant("signing.py", 'return f"{header}.{to_base64url(', 'return f"{to_base64url(', "other people's verifiers sign over the header too", SIGNING),
    Mutant("signing.py", '(key_set.ml_dsa_65 or b"").verify(raw, signed)', '(key_set.ml_dsa_65 or b"")', "the second signature must really verify", SIGNING),
    Mutant("trust.py", "<= now < self.active_to and not revoked", "<= now <= self.active_to and not revoked", "active_to is the first instant it is not", TRUST),
    Mutant("trust.py", "max(suite, self.floor(party))", "suite", "a floor never falls", TRUST),
    Mutant("trust.py", "return raw if to_base64url(raw) == text else None", "return raw", "two texts for one signature", TRUST),
    Mutant("trust.py", "if held is not None and held.revoked_at is not None and", "if held is not None and held.revoked_at is None and", "a revocation is not undone by enrolling again", TRUST),
    Mutant("trust.py", "ed25519[31] & 0x7F", "ed25519[31] & 0xFF", "the sign bit hides a point of small order", TRUST),
    Mutant("trust.py", "        or key_set.ml_dsa_65 in published\n", "", "a published second key under a fresh first one", TRUST),
    Mutant("flex/header.py", '- _TIMES - {"body"}):', '- _TIMES - {"body"} - {"not_before"}):', "a newer profile's grave field, half understood", HEADER),
    Mutant("flex/header.py", 'message["profile"].partition(".")[0] != "1"', 'message["profile"] != "1.0"', "the same major must interoperate", HEADER),
    Mutant("flex/header.py", "return type(value) is int and value >= 0", "return isinstance(value, int) and value >= 0", "true is no revision", HEADER),
    Mutant("flex/header.py", "_MOST_CRITICAL = 16", "_MOST_CRITICAL = 17", "the bound of criticality", HEADER),
    Mutant("flex/header.py", "-7[0-9a-f]{3}-", "-[0-9a-f]{4}-", "message ids are UUIDv7", HEADER),
    Mutant("flex/header.py", 'always.add("in_reply_to")', "pass", "an answer must say what it answers", HEADER),
    Mutant("flex/kinds.py", '"demand_turn_up": -1', '"demand_turn_up": 1', "turning demand up is less export", RULES),
    Mutant("flex/kinds.py", 'vital("cease_at", TIME,', 'may("cease_at", TIME,', "a cease without a time cannot be executed", VECTORS),
    Mutant("flex/kinds.py", '"dso ven",', '"dso",', "a VEN withdraws its offer", VECTORS),
    Mutant("flex/fields.py", "if type(value) is not int or not self.low", "if not isinstance(value, int) or not self.low", "true is no power", FIELDS),
    Mutant("flex/fields.py", "not self.least <= len(value) <= self.most", "not len(value) <= self.most", "a contract without assets", FIELDS),
    Mutant("flex/fields.py", 'elif field.need != "may":', 'elif field.need == "vital":', "what is due must be there", FIELDS),
    Mutant("flex/fields.py", 'name.replace("~", "~0").replace("/", "~1")', "name", "a pointer that means another field", FIELDS),
    Mutant("flex/fields.py", '"minItems": self.least,', '"minItems": 0,', "a schema that lets a contract without assets pass", FIELDS),
    Mutant("flex/fields.py", 'if field.need != "may"],', 'if field.need == "vital"],', "a schema that does not ask for what is due", SCHEMA),
    Mutant("flex/fields.py", '"^({self.pattern.pattern})$"', '"{self.pattern.pattern}"', "a pattern somewhere in the text", FIELDS),
    Mutant("flex/fields.py", '    "_w": "W",', '    "w": "W",', "a unit is told by the whole end of a name", FIELDS),
    Mutant("flex/times.py", '|{_BY_FOUR}00)"', '|[0-9]{{2}}00)"', "1900 was no leap year", SCHEMA),
    Mutant("flex/common.py", 'value.get("utilisation_minor_per_mwh"),', 'value.get("availability_minor_per_mw_h"),', "pence per MWh are not pence per MW and hour", BODIES),
    Mutant("flex/answer.py", 'start=checked_time(body["from"]),', 'start=checked_time(body["to"]),', "unavailable from its end", BODIES),
    Mutant("flex/instruction.py", '{"firm": False}', '{"firm": True}', "a schedule is a proposal", BODIES),
    Mutant("flex/stop.py", 'said = KINDS["cease"].body.legible(body)', "said = body", "a cease is never refused for what else it says", BODIES),
    Mutant("flex/offer.py", "notice_s=self.notice_s,", "notice_s=self.max_run_s,", "notice is not the longest run", BODIES),
    Mutant("flex/metering.py", "metered_wh=list(self.metered_wh) or None,", "metered_wh=list(self.metered_w) or None,", "energy shown as power", BODIES),
    Mutant("mapping/market.py", "span_of(body.start, body.end)", "span_of(body.start, body.respond_by)", "an event lasts as long as what it asks for", EVENT),
    Mutant("mapping/market.py", "max(p.end for p in", "min(p.end for p in", "an acceptance lasts to its last period", EVENT),
    Mutant("mapping/event.py", 'Request() | Cancellation(of="request")', "Request()", "the withdrawal of a request stays in its market", EVENT),
    Mutant("receiving/deciding.py", 'seen is None or opened.slot.family != "dispatch":', 'seen is None or opened.slot.family in ("request", "response"):', "only dispatches have a projection", DECIDING),
    Mutant("flex/contract.py", "there = local.replace(tzinfo=zone, fold=self.fold)", "there = local.replace(tzinfo=zone, fold=0)", "clocks go back: the second time round", CONTRACT),
    Mutant("flex/contract.py", "return there + timedelta(seconds=1)", "return there", "a window ends at its end, not a second before", CONTRACT),
    Mutant("flex/contract.py", "        return _change(local, zone)", "        return there", "clocks go forward: a start that does not exist", CONTRACT),
    Mutant("flex/contract.py", "        return _change(before, zone)", "        return there", "clocks go forward: an end that does not exist", CONTRACT),
    Mutant("flex/contract.py", "last = day if self.end > self.start", "last = day if self.end >= self.start", "00:00 to 00:00 is a whole day", CONTRACT),
    Mutant("flex/contract.py", "    return start, end\n", "    return start, start + timedelta(days=1)\n", "days of 23 and 25 hours", CONTRACT),
    Mutant("flex/contract.py", "return issued_at + min(allowed, half)", "return issued_at + max(allowed, half)", "silence is judged after the start", CONTRACT),
    Mutant("flex/dispatch.py", "return self.stated < other.stated", "return self.stated > other.stated", "of two stops the earlier end counts", DISPATCH),
    Mutant("flex/dispatch.py", "return self.header.stop, self.header.revision", "return False, self.header.revision", "a stop is final whatever its number", DISPATCH),
    Mutant("flex/dispatch.py", "is None else max(stated, held.received_at)", "is None else stated", "nothing ends before it was told to", DISPATCH),
    Mutant("flex/dispatch.py", "level_at(new, at) > level_at(old, at)", "level_at(new, at) >= level_at(old, at)", "the same level needs no acceptance", DISPATCH),
    Mutant("flex/dispatch.py", "            and not held.accepted\n", "", "an accepted increase takes effect", DISPATCH),
    Mutant("flex/dispatch.py", "cut(periods, min(stop.effective", "cut(periods, max(stop.effective", "the earlier of two stops cuts the plan", DISPATCH),
    Mutant("flex/dispatch.py", "for p in periods if p.start < end)", "for p in periods if p.start <= end)", "no period of no length is left behind", DISPATCH),
    Mutant("flex/projection.py", "scaleb(-6)", "scaleb(-3)", "watts shown as kilowatts: a thousand times too much", MAPPING),
    Mutant("flex/projection.py", '"variation", "cease"})', '"variation"})', "a ceased dispatch is still firm until it ends", MAPPING),
    Mutant("flex/projection.py", "(SELF_DISPATCHED, False)])", "(SELF_DISPATCHED, True)])", "a cancelled dispatch is not firm", MAPPING),
    Mutant("rules/dispatch.py", "if asked and total > case.terms.capacity_w:", "if asked and total >= case.terms.capacity_w:", "the whole capacity may be used", RULES),
    Mutant("rules/dispatch.py", "period.delta_w * sign <= 0", "period.delta_w * sign < 0", "a dispatch of nothing", RULES),
    Mutant("rules/dispatch.py", "if one.end > following.start:", "if one.end >= following.start:", "periods may touch", RULES),
    Mutant("rules/dispatch.py", "_LONGEST_VALID = timedelta(hours=24)", "_LONGEST_VALID = timedelta(hours=25)", "a message that lives too long", RULES),
    Mutant("rules/dispatch.py", "case.header.valid_until < held:", "case.header.valid_until > held:", "valid_until never shrinks", RULES),
    Mutant("rules/dispatch.py", "(now.start, now.level_w) == (old.start, old.level_w)", "now.start == old.start", "the running level is not rewritten", RULES),
    Mutant("rules/dispatch.py", "if case.periods[0].start < given + case.terms.notice:", "if case.periods[0].start <= given + case.terms.notice:", "notice to the second is enough", RULES),
    Mutant("rules/answer.py", " or period.end > was.end:", ":", "an acceptance must not run on", ANSWERS),
    Mutant("rules/answer.py", "abs(period.level_w) > abs(was.level_w)", "period.level_w > was.level_w", "more turn-up than was asked for", ANSWERS),
    Mutant("rules/answer.py", "if start == first and any", "if any", "only a series from midnight is a whole day", ANSWERS),
    Mutant("receiving/opening.py", "if carrier.program and carrier.program != header.program:", "if carrier.program and not header.program:", "a message moved into another contract's event", VECTORS),
    Mutant("receiving/opening.py", "return header.issuer == context.party", "return True", "another DSO writes into this VTN", OPENING),
    Mutant("receiving/opening.py", "if canonical_form(value) != text:", "if canonical_form(value) != text.strip():", "two texts of one message", OPENING),
    Mutant("receiving/opening.py", "if header.suite != suite:", "if header.suite < suite:", "a stripped signature shows in the text", VECTORS),
    Mutant("receiving/deciding.py", "_AHEAD = timedelta(seconds=30)", "_AHEAD = timedelta(seconds=31)", "how far a clock may be ahead", VECTORS),
    Mutant("receiving/deciding.py", "if now > header.valid_until:", "if now >= header.valid_until:", "valid until includes that second", DECIDING),
    Mutant("receiving/deciding.py", "now > header.accept_by and not runs(found):", "now > header.accept_by:", "a late reduction of a confirmed dispatch is obeyed", VECTORS),
    Mutant("receiving/deciding.py", "proves = from_dso and header.issued_at <= now", "proves = from_dso", "a time in the future never advances the clock", DECIDING),
    Mutant("receiving/deciding.py", 'verdict: Verdict = "alarm+act" if earlier else "alarm+noop"', 'verdict: Verdict = "alarm+noop"', "an equivocal earlier stop still stops", VECTORS),
    Mutant("receiving/state.py", 'body["answer"] == "refuse"', 'body["answer"] == "accept"', "a refusal is never too late", BOTH_ENDS),
    Mutant("receiving/deciding.py", "(entry.slot.thread, entry.revision) != (reply.thread, reply.revision)", "entry.slot.thread != reply.thread", "an answer to another revision", DECIDING),
    Mutant("mapping/carrier.py", "if len(texts) > 1 or len(texts[0].values) > 1:", "if len(texts[0].values) > 1:", "two messages, two readings", MAPPING),
    Mutant("mapping/carrier.py", "is not None or above.randomize_start is not None:", "is not None:", "a start shifted by chance", MAPPING),
    Mutant("mapping/carrier.py", "follows = _after(start, seconds)", "follows = start", "an interval without a start follows on", MAPPING),
    Mutant("mapping/answer.py", '"suspended": "FAILED"', '"suspended": "EXECUTING"', "a dispatch that stands still does not execute", MAPPING),
    Mutant("timeline.py", "max(absolute, key", "min(absolute, key", "the newest set-point counts", TIMELINE),
    Mutant("timeline.py", "p.start <= start < p.end]", "p.start < start < p.end]", "a level begins at its start", TIMELINE),
    Mutant("clock.py", "if before == after and before % 2 == 0:", "if before == after:", "a clock read while it is set", CLOCK),
    Mutant("clock.py", "self._write(self.now(), rate)", "self._write(_EPOCH, rate)", "changing the rate is no jump in time", CLOCK),
    Mutant("codes.py", 'a thread is never revived", 409', 'a thread is never revived", 200', "a refusal that looks like success", CODES),
    Mutant("codes.py", 'does not verify over these bytes", 403, step=2, alarm="SIGNATURE", security=True', 'does not verify over these bytes", 403, step=2, alarm="SIGNATURE", security=False', "forgeries belong in the security log", CODES),
    Mutant("flex/states.py", "Row(IN_RUN, _S.CEASED, (_E.CEASE,)),", "", "a cease is never refused", STATES),
    Mutant("flex/states.py", "(_G.BY_CONFIRM_BY, _G.AS_ACCEPTED)", "(_G.BY_CONFIRM_BY,)", "exactly the accepted periods", STATES),
    Mutant("flex/states.py", 'Otherwise(TERMINAL, ORDERS, "refused", "TERMINAL"', 'Otherwise(RAN, ORDERS, "refused", "TERMINAL"', "what lapsed is refused TERMINAL too", STATES),
    Mutant("flex/states.py", "holding.issuperset(row.guards)", "(not row.guards or holding & set(row.guards))", "all guards of a row must hold", STATES),
    Mutant("flex/timers.py", "now >= due.at if due.event in _EDGES else now > due.at", "now >= due.at", "what is signed at a deadline is in time", TIMERS),
    Mutant("flex/timers.py", "days -= when.weekday() < 5", "days -= when.weekday() < 6", "a Saturday is no working day", TIMERS),
    Mutant("flex/timers.py", "0 if due.event is Event.START else 3", "3 if due.event is Event.START else 3", "a cancellation at the start is after it", COURSE),
    Mutant("flex/timers.py", "return max(due, accept_by) if", "return min(due, accept_by) if", "a VEN may take it up until accept_by", COURSE),
    Mutant("flex/happenings.py", 'at = min(at, read_time(reply.body.get("at")) or at)', "pass", "a word stands at its time", COURSE),
    Mutant("flex/happenings.py", "return [one, replace(one, at=said.header.issued_at, again=True)]", "return [one]", "a cancellation read after the start ceases", COURSE),
    Mutant("flex/course.py", "if newest is None or newest.sha256 != answered.sha256:", "if newest is None:", "a response counts for the revision it names", COURSE),
    Mutant("flex/course.py", "texts = thread.standing if", "texts = thread.held if", "what never left the desk counts for nobody", COURSE),
    Mutant("flex/course.py", "if header.revision <= known.newest:", "if header.revision < known.newest and known.pending:", "an older revision changes nothing", COURSE),
    Mutant("flex/course.py", "ended=min(known.ended or at, _stop_end(known, held, at))", "ended=_stop_end(known, held, at)", "of two stops the earlier end counts", COURSE),
    Mutant("flex/delivery.py", "if now > ack_by:", "if now >= ack_by:", "overdue is after ack_by", DELIVERY),
    Mutant("flex/delivery.py", "if p.start > issued)", "if p.start >= issued)", "a variation is for its next change", DELIVERY),
)
# fmt: on
