from pathlib import Path

import pytest
import torch
from tiny_run import save_run

import toktts.inference
import toktts.text.phonemes.english as english
from toktts.errors import CodecError, ModelError
from toktts.models import ToktsModel
from toktts.models.modules.sampling import most_likely
from toktts.tokens import build_tokenizer


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(tmp_path_factory.mktemp("runs") / "toknar", "toknar")


def test_a_pipeline_has_its_codec_before_it_speaks(run: Path) -> None:
    assert toktts.inference.pipeline(run).model._codec is not None


def test_a_codec_that_is_not_there_is_missed_while_loading(run: Path, tmp_path: Path) -> None:
    for file in run.iterdir():
        if file.is_file():
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises((CodecError, ModelError), match="codec"):
        toktts.inference.pipeline(tmp_path)


def test_warming_up_leaves_no_trace_in_the_generators_and_the_sound(run: Path) -> None:
    pipe = toktts.inference.pipeline(run)
    model: ToktsModel = pipe.model
    state = torch.get_rng_state()
    before = pipe("hello friend", do_sample=True, seed=3)["audio"]
    toktts.inference.loading.warm_up(pipe)
    again = pipe("hello friend", do_sample=True, seed=3)["audio"]
    assert torch.equal(torch.get_rng_state(), state)
    assert (before == again).all()
    assert model.generation_config.max_new_tokens == model.default_generation().max_new_tokens


def test_a_sentence_is_pronounced_once_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, seen = build_tokenizer("phonemes"), []
    words = english.EnglishPhonemizer.words
    monkeypatch.setattr(english.EnglishPhonemizer, "words", lambda self, text: seen.append(text) or words(self, text))
    first = tokenizer.encode("Hello there.", add_special_tokens=False)
    assert tokenizer(["Hello there."]).input_ids[0][:-1] == first
    assert len(seen) == 1
    for number in range(200):
        tokenizer.encode(f"number {number}")
    assert len(tokenizer._kept) <= 64


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_most_likely_code_is_the_first_of_the_largest(dtype: torch.dtype) -> None:
    logits = torch.randint(0, 9, (3, 50, 40), generator=torch.Generator().manual_seed(0)).to(dtype)
    assert torch.equal(most_likely(logits), logits.float().argmax(dim=2))
    assert most_likely(logits[:, :0]).shape == (3, 0)
