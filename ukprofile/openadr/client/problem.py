"""A VTN's no, as an exception."""

from ukprofile.errors import ProfileError, Refused
from ukprofile.openadr import JSON, Problem
from ukprofile.openadr.client.exchange import Answer


class VtnProblem(ProfileError):
    """The VTN answered with an error: its status, and what it said about it.

    `reason` is the UK profile's code, "" if none was given; `retry_after` the seconds to stay away.
    """

    def __init__(
        self, status: int, problem: Problem, *, retry_after: float | None = None, call: str = ""
    ) -> None:
        self.status = status
        self.problem = problem
        self.reason = problem.reason or ""
        self.retry_after = retry_after
        said = ": ".join(text for text in (self.reason, problem.title, problem.detail) if text)
        super().__init__(f"{call or 'the VTN'}: {status}" + (f", {said[:500]}" if said else ""))


def problem_of(answer: Answer, *secrets: str) -> VtnProblem:
    """The problem in `answer`, an error; where it holds none, an empty one with the status.

    `secrets` are what the server knows and may repeat: they are struck out.
    """
    try:
        problem = Problem.read(_without(answer.json(), secrets))
    except Refused:
        problem = Problem(status=answer.status)
    return VtnProblem(answer.status, problem, retry_after=answer.retry_after, call=str(answer.call))


def _without(value: JSON, secrets: tuple[str, ...]) -> JSON:
    """`value` with every mention of a secret struck out."""
    if isinstance(value, dict):
        return {_without(name, secrets): _without(v, secrets) for name, v in value.items()}
    if isinstance(value, list):
        return [_without(item, secrets) for item in value]
    if isinstance(value, str):
        for secret in filter(None, secrets):
            value = value.replace(secret, "***")
    return value
