"""The memory of long campaigns: what is finished is not done again, what was cut is."""

from pathlib import Path

from tests.soak.progress import Progress, fingerprint


def test_what_is_finished_is_known_to_the_next_run(tmp_path: Path) -> None:
    first = Progress(tmp_path / "kills", "seed 1")
    assert first.finished == {}
    first.finish("a", ["x", "y"])
    first.finish("b")
    assert Progress(tmp_path / "kills", "seed 1").finished == {"a": ["x", "y"], "b": None}


def test_a_line_that_was_cut_does_not_count_and_does_not_spoil_the_next(tmp_path: Path) -> None:
    Progress(tmp_path, "seed 1").finish("a", 1)
    with (tmp_path / "finished.jsonl").open("a") as file:
        file.write('["b", [')
    second = Progress(tmp_path, "seed 1")
    assert second.finished == {"a": 1}
    second.finish("b", 2)
    assert Progress(tmp_path, "seed 1").finished == {"a": 1, "b": 2}


def test_another_subject_begins_again_in_an_empty_folder(tmp_path: Path) -> None:
    Progress(tmp_path / "kills", "seed 1").finish("a")
    (tmp_path / "kills" / "vtn.db").touch()
    assert Progress(tmp_path / "kills", "seed 2").finished == {}
    assert [path.name for path in (tmp_path / "kills").iterdir()] == ["finished.jsonl"]


def test_a_fingerprint_is_of_the_sources() -> None:
    assert fingerprint("ukprofile/openadr") == fingerprint("ukprofile/openadr")
    assert fingerprint("ukprofile/openadr") != fingerprint("ukprofile/flex")
