import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktts.data.rejects import Rejected, Rejects
from toktts.errors import CorpusError


def test_each_row_is_written_with_id_file_and_reason(tmp_path: Path):
    rejects = Rejects(tmp_path / "deep" / "rejected.jsonl", max_rejected_fraction=0.5)
    rejects.add("a", file=Path("wavs/a.wav"), reason="is empty; copy it again")
    rejects.extend([Rejected("ä\udcff", None, "is silent; leave it out")])
    rejects.finish(n_accepted=2)
    lines = (tmp_path / "deep" / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        {"id": "a", "file": "wavs/a.wav", "reason": "is empty; copy it again"},
        {"id": "ä\udcff", "file": None, "reason": "is silent; leave it out"},
    ]


def test_a_run_without_rejects_empties_the_file_of_the_run_before(tmp_path: Path):
    path = tmp_path / "rejected.jsonl"
    path.write_text("old\n", encoding="utf-8")
    Rejects(path).finish(n_accepted=3)
    assert path.read_text(encoding="utf-8") == ""


def test_too_many_rejects_stop_the_run_and_are_written_all_the_same(tmp_path: Path):
    rejects = Rejects(tmp_path / "rejected.jsonl", max_rejected_fraction=0.01)
    for index in range(2):
        rejects.add(f"LJ001-{index:04d}", file="a.wav", reason="is silent; leave it out")
    with pytest.raises(CorpusError) as caught:
        rejects.finish(n_accepted=98)
    assert caught.value.one_line() == (
        f"toktts: error: {tmp_path / 'rejected.jsonl'} data.max_rejected_fraction: 2 of 100 rows rejected (2.0%, "
        "allowed are 1.0%), the first, 'LJ001-0000', because it is silent; mend them or raise the limit"
    )
    assert len(rejects.path.read_text(encoding="utf-8").splitlines()) == 2


def test_a_run_in_which_nothing_is_left_stops_whatever_the_limit(tmp_path: Path):
    rejects = Rejects(tmp_path / "rejected.jsonl", max_rejected_fraction=1.0)
    rejects.add("a", file=None, reason="is silent; leave it out")
    with pytest.raises(CorpusError, match="1 of 1 rows rejected"):
        rejects.finish(n_accepted=0)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(CorpusError, match="cannot be written"):
        Rejects(tmp_path / "file" / "rejected.jsonl").finish(n_accepted=1)


@given(n_rejected=st.integers(0, 50), n_accepted=st.integers(1, 50), limit=st.sampled_from([0.0, 0.01, 0.25, 1.0]))
def test_the_limit_is_the_share_of_all_rows(
    n_rejected: int, n_accepted: int, limit: float, tmp_path_factory: pytest.TempPathFactory
):
    rejects = Rejects(tmp_path_factory.getbasetemp() / "rejected.jsonl", max_rejected_fraction=limit)
    rejects.extend([Rejected("a", None, "b; c")] * n_rejected)
    if n_rejected > limit * (n_rejected + n_accepted):
        with pytest.raises(CorpusError):
            rejects.finish(n_accepted)
    else:
        rejects.finish(n_accepted)
