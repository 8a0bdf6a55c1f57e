from pathlib import Path

import pytest
import torch
from tiny_run import save_run

from toktts.evaluation.judging import ErrorRateScorer
from toktts.inference import TokttsPipeline, pipeline

TEXTS = ("Good night.", "Come here.")


@pytest.fixture(scope="module")
def pipe(tmp_path_factory: pytest.TempPathFactory) -> TokttsPipeline:
    made = pipeline(save_run(tmp_path_factory.mktemp("runs") / "tiny"))
    made.model.generation_config.max_new_tokens = 20
    return made


def test_a_scorer_counts_what_is_heard_wrong(pipe: TokttsPipeline) -> None:
    # "good night" against "come here": two words of two, so two of four in all.
    scores = ErrorRateScorer(TEXTS, transcribe=lambda _clip: "Good night")(pipe)
    assert scores["wer"] == 50.0
    assert 0 < scores["cer"] < 100


def test_a_scorer_gives_the_same_each_time_and_leaves_random_numbers_alone(pipe: TokttsPipeline) -> None:
    heard: list[torch.Tensor] = []

    def hear(clip: object) -> str:
        heard.append(clip.samples)  # type: ignore[attr-defined]
        return ""

    scorer = ErrorRateScorer(TEXTS, transcribe=hear)
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    assert scorer(pipe) == {"cer": 100.0, "wer": 100.0} == scorer(pipe)
    assert torch.equal(torch.rand(3), expected)
    assert all(
        torch.equal(one, two) for one, two in zip(heard[: len(heard) // 2], heard[len(heard) // 2 :], strict=True)
    )


def test_eight_fixed_sentences_are_spoken_unless_told_otherwise() -> None:
    assert ErrorRateScorer(transcribe=lambda _clip: "").texts[0] == "The kettle is whistling in the kitchen."
    assert len(ErrorRateScorer(transcribe=lambda _clip: "").texts) == 8


def test_a_scorer_says_before_training_what_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from toktts.errors import MissingPackageError

    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(MissingPackageError, match="faster-whisper: is not installed"):
        ErrorRateScorer().prepare()
    assert not list(tmp_path.iterdir())
