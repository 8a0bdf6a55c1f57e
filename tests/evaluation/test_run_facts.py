"""What a table says about a training."""

from pathlib import Path

import pytest

from toktts import build
from toktts.config import load_config
from toktts.errors import CorpusError, DownloadError, MissingPackageError, ToktsError
from toktts.evaluation.judging.run_facts import run_facts
from toktts.models.toknar import Toknar


@pytest.mark.parametrize("error", [CorpusError, DownloadError, MissingPackageError])
def test_a_corpus_that_cannot_be_opened_has_no_hours_and_stops_no_judging(
    error: type[ToktsError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_config: object) -> object:
        raise error("is not here; fetch it")

    monkeypatch.setattr(build, "open_corpus", fail)
    (tmp_path / "trainer_state.json").write_text("{}", encoding="utf-8")
    facts = run_facts(Toknar.tiny(), tmp_path, load_config([]))
    assert (facts["family"], facts["codec"]) == ("toknar", "melrvq")
    assert facts["minutes"] is facts["hours"] is None
