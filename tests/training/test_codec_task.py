import sys
from pathlib import Path

import pytest
import torch

import toktts.codecs
from toktts.codecs import load_codec
from toktts.codecs.griffin_lim import GriffinLim
from toktts.codecs.melrvq import MelRVQ, MelRVQOptions
from toktts.errors import CodecError, ConfigError
from toktts.training.codec_task import CodecRecipe, codec_task


def test_options_are_sorted_into_those_of_the_codec_and_of_its_training() -> None:
    task = codec_task(
        {"n_codebooks": 4, "floor": 1, "segment_frames": 32, "adversarial_from": 1}, name_or_path="melrvq"
    )
    assert task.start is None
    assert task.options == MelRVQOptions(n_codebooks=4, floor=1.0)
    assert task.recipe == CodecRecipe(segment_frames=32, adversarial_from=1.0)
    assert isinstance(task.recipe.adversarial_from, float)


def test_a_new_codec_follows_from_the_seed_and_leaves_the_global_generator_alone() -> None:
    task = codec_task({"hidden_size": 8, "num_hidden_layers": 1}, name_or_path="melrvq")
    before = torch.get_rng_state()
    weights = [task.new_codec(seed=seed).vocoder.head.weight for seed in (0, 0, 1)]
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.parametrize("where", ["name_or_path", "with_model", "run folder"])
def test_a_trained_codec_is_where_training_starts(tmp_path: Path, where: str) -> None:
    codec = MelRVQ.tiny()
    codec.save_pretrained(tmp_path / "codec" if where == "run folder" else tmp_path)
    given = {"name_or_path": str(tmp_path)} if where == "name_or_path" else {"with_model": tmp_path}
    task = codec_task({"n_codebooks": 2}, **{"name_or_path": "melrvq", **given})
    assert task.options is None
    assert task.start is not None
    assert task.start.identity == codec.identity
    assert task.new_codec(seed=0) is task.start


def test_what_is_in_the_package_can_be_tuned_by_its_name() -> None:
    assert codec_task({}, name_or_path="mel_vocoder").start is None, "a new one"
    task = codec_task({}, name_or_path="bundled", with_model=Path("mel_vocoder"))
    assert task.start is not None
    assert task.start.identity == load_codec("mel_vocoder").identity


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"n_codebook": 2},
            r"codec.options.n_codebook: melrvq has no option 'n_codebook'; did you mean 'n_codebooks'\?",
        ),
        (
            {"zebra": 2},
            r"codec.options.zebra: melrvq has no option 'zebra'; it has sampling_rate, .*, held_out_segments",
        ),
        ({"n_codebooks": "2"}, "codec.options.n_codebooks: expected a whole number, got '2'; change it"),
        ({"n_codebooks": 2.5}, "codec.options.n_codebooks: expected a whole number, got 2.5; change it"),
        ({"floor": True}, "codec.options.floor: expected a number, got True; change it"),
        ({"n_codebooks": 9}, "codec.options.n_codebooks: n_codebooks must be 1 to 8, got 9; 2 is 1.5 kbps"),
        (
            {"adversarial_from": 1.5},
            "codec.options.adversarial_from: expected 0 to 1, got 1.5; choose one in that range",
        ),
        ({"segment_frames": 0}, "codec.options.segment_frames: expected 1 to 10000, got 0"),
    ],
)
def test_options_that_cannot_be_used_are_refused_by_key(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        codec_task(options, name_or_path="melrvq")


def test_a_trained_codec_cannot_change_its_shape(tmp_path: Path) -> None:
    MelRVQ.tiny().save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="n_codebooks: is 4, but the codec that is trained further has 2; remove"):
        codec_task({"n_codebooks": 4}, name_or_path=str(tmp_path))


def test_only_our_own_codec_can_be_trained(tmp_path: Path) -> None:
    GriffinLim().save_pretrained(tmp_path)
    with pytest.raises(CodecError, match="codec.name_or_path: GriffinLim cannot be trained here; name a melrvq codec"):
        codec_task({}, name_or_path=str(tmp_path))


def test_a_new_file_in_the_folder_of_codecs_is_enough_to_train_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "from toktts.codecs.melrvq import MelRVQ\n\nclass Fresh(MelRVQ):\n    name = 'fresh'\n"
    (tmp_path / "fresh.py").write_text(source, encoding="utf-8")
    monkeypatch.setattr(toktts.codecs, "__path__", [*toktts.codecs.__path__, str(tmp_path)])
    try:
        task = codec_task({"n_codebooks": 4}, name_or_path="fresh")
    finally:
        sys.modules.pop("toktts.codecs.fresh", None)
    assert (task.kind.name, task.start) == ("fresh", None)
