"""Parameters of lists."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ukprofile.errors import Refused
from vtn.domain.objects import Query
from vtn.domain.record import Kind
from vtn.http.query import check_id, pairs, read_query

KINDS = st.sampled_from(list(Kind))


@pytest.mark.parametrize(
    ("kind", "raw", "query"),
    [
        (Kind.EVENT, "", Query()),
        (Kind.EVENT, "targets=a&targets=b%2Fc", Query(targets=("a", "b/c"))),
        (Kind.EVENT, "programID=P-1&active=true", Query(program_id="P-1", active=True)),
        (Kind.EVENT, "active=false&skip=7&limit=0", Query(active=False, skip=7, limit=0)),
        (Kind.REPORT, "eventID=E&clientName=a+b", Query(event_id="E", client_name="a b")),
        (Kind.SUBSCRIPTION, "objects=EVENT&objects=VEN", Query(objects=("EVENT", "VEN"))),
        (Kind.VEN, "venName=Ll%C5%B7n", Query(name="Ll\u0177n")),
        (Kind.RESOURCE, "resourceName=r&venID=V", Query(name="r", ven_id="V")),
        (Kind.PROGRAM, "limit=50", Query(limit=50)),
    ],
)
def test_what_is_asked_for(kind: Kind, raw: str, query: Query) -> None:
    assert read_query(kind, raw) == query


@pytest.mark.parametrize(
    ("kind", "raw", "named"),
    [
        (Kind.EVENT, "limit=51", "?limit"),
        (Kind.EVENT, "limit=%2B1", "?limit"),
        (Kind.EVENT, "skip=1e3", "?skip"),
        (Kind.EVENT, "skip=%D9%A1", "?skip"),
        (Kind.EVENT, "skip=9999999999", "?skip"),
        (Kind.EVENT, "limit=1&limit=1", "?limit"),
        (Kind.EVENT, "active=True", "?active"),
        (Kind.EVENT, "targets=", "?targets"),
        (Kind.EVENT, "targets=" + "x" * 129, "?targets"),
        (Kind.EVENT, "programid=P", "?programid"),
        (Kind.PROGRAM, "active=true", "?active"),
        (Kind.PROGRAM, "targetType=PROGRAM_NAME", "?targetType"),
        (Kind.SUBSCRIPTION, "objects=EVENTS", "?objects"),
        (Kind.VEN, "venName=", "?venName"),
    ],
)
def test_what_is_refused_is_named(kind: Kind, raw: str, named: str) -> None:
    with pytest.raises(Refused, match="QUERY_INVALID") as refused:
        read_query(kind, raw)
    assert refused.value.path == named
    assert not refused.value.security


@pytest.mark.parametrize("id", ["a" * 129, "", "a.b", "a b", "é", "a\n"])
def test_an_id_of_another_form(id: str) -> None:
    with pytest.raises(Refused, match="QUERY_INVALID"):
        check_id(id)


@given(KINDS, st.text())
@example(Kind.EVENT, "targets=%FF")
@example(Kind.EVENT, "&".join(["targets=a"] * 101))
@example(Kind.EVENT, "=&;=%00")
def test_nothing_but_a_refusal_is_raised(kind: Kind, raw: str) -> None:
    with suppress(Refused):
        assert 0 <= read_query(kind, raw).limit <= 50


@given(
    KINDS,
    st.lists(
        st.tuples(
            st.sampled_from(
                ["targets", "skip", "limit", "active", "venName", "programID", "objects"]
            ),
            st.text(),
        )
    ),
)
def test_nor_for_parameters_that_exist(kind: Kind, given: list[tuple[str, str]]) -> None:
    with suppress(Refused):
        read_query(kind, "&".join(f"{name}={value}" for name, value in given))


def test_pairs_are_decoded_once() -> None:
    assert pairs("a=%2520&b=1+2&c=") == [("a", "%20"), ("b", "1 2"), ("c", "")]
