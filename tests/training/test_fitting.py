from pathlib import Path

import pytest
import torch

from toktts import build
from toktts.config import load_config
from toktts.data.corpora.folder import Folder
from toktts.errors import ConfigError, ToktsError
from toktts.inference.loading import load_model
from toktts.training.fitting import fit_to_data
from toktts.training.run import train_voice


def config_of(tmp_path: Path, *overrides: str):
    if not (tmp_path / "corpus").exists():
        Folder.tiny(tmp_path / "corpus")
    places = {"data.path": "corpus", "data.cache_dir": "cache", "training.output_dir": "run"}
    words = ["data.corpus=folder", *(f"{key}={tmp_path / name}" for key, name in places.items())]
    return load_config(["auto"], overrides=[*words, *overrides])


def test_a_config_that_says_how_long_is_left_as_it_is(tmp_path):
    config = config_of(tmp_path, "training.fit_to_data=null", "training.max_minutes=2")
    assert fit_to_data(config, tmp_path / "run") is config


@pytest.mark.parametrize(
    ("overrides", "fits"),
    [
        ([], True),
        (["training.max_minutes=3"], True),
        (["training.fit_to_data=false"], False),
        (["training.fit_to_data=null"], True),
        (["training.fit_to_data=null", "training.args.max_steps=3"], False),
        (["training.kind=codec"], False),
    ],
)
def test_open_keys_are_filled_when_asked_for_or_when_nothing_says_how_long(overrides, fits):
    assert build.fits_to_data(load_config(["auto"], overrides=overrides)) is fits


def test_what_is_chosen_is_printed_and_what_is_set_stays(tmp_path, capsys):
    config = config_of(tmp_path, "training.max_minutes=2", "model.options.hidden_size=64")
    filled = fit_to_data(config, tmp_path / "run")
    assert (filled.training.max_minutes, filled.model.options["hidden_size"]) == (2.0, 64)
    assert filled.model.options["frames_per_position"] == 2
    assert filled.training.args["num_train_epochs"] == 10_000
    printed = capsys.readouterr().out
    assert printed.startswith("chosen for 0.")
    assert "decoder_layers=4" in printed
    assert "hidden_size=64" not in printed
    assert "max_minutes" not in printed


def test_the_sizes_of_a_loaded_model_are_not_chosen(tmp_path):
    filled = fit_to_data(config_of(tmp_path), tmp_path / "run", is_new=False)
    assert filled.model.options == {}
    assert filled.training.max_minutes is not None


def test_a_run_holds_what_was_chosen_and_goes_on_with_it_whatever_the_data_are(tmp_path, capsys):
    words = ["model.options.hidden_size=32", "training.args.max_steps=2", "training.samples_per_evaluation=0"]
    train_voice(config_of(tmp_path, *words))
    saved = load_config([tmp_path / "run/config.yaml"])
    assert saved.model.options["decoder_layers"] == 4
    assert (saved.data.augmentation_copies, saved.data.phrase_share, saved.data.train_fraction) == (1, 0.5, 0.95)
    assert saved.training.max_minutes is None
    capsys.readouterr()

    edited = saved.to_yaml().replace("train_fraction: 0.95", "train_fraction: 0.7")
    (tmp_path / "run/config.yaml").write_text(edited, encoding="utf-8")
    again = fit_to_data(config_of(tmp_path, *words), tmp_path / "run")
    assert again.data.train_fraction == 0.7
    assert capsys.readouterr().out == ""
    assert fit_to_data(again, tmp_path / "run") == again

    checkpoint = tmp_path / "run/checkpoints/checkpoint-2"
    assert fit_to_data(config_of(tmp_path, *words), tmp_path / "other", checkpoint=checkpoint) == again


@pytest.mark.parametrize("family", ["tokar", "fastspeech2"])
def test_what_an_older_run_left_open_of_model_and_data_stays_open(family, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text("data: {augmentation_copies: 2, train_fraction: 0.9}", encoding="utf-8")
    words = f"model.family={family}"
    for place, checkpoint in ((run, None), (tmp_path / "other", run / "checkpoints" / "checkpoint-2")):
        filled = fit_to_data(config_of(tmp_path, words), place, checkpoint=checkpoint)
        assert filled.model.options == {}
        assert (filled.data.augmentation_copies, filled.data.train_fraction) == (2, 0.9)
        assert filled.data.phrase_share is filled.data.max_frames_per_batch is None
        assert filled.training.max_minutes is not None
    assert fit_to_data(config_of(tmp_path, words), tmp_path / "new").data.phrase_share == 0.5


def test_a_voice_that_goes_on_from_another_keeps_its_sizes_and_gets_the_rest(tmp_path):
    fitted = fit_to_data(config_of(tmp_path), tmp_path / "run", is_new=False)
    assert not fitted.model.options
    assert (fitted.data.phrase_share, fitted.training.args["weight_decay"]) == (0.5, 0.01)


@pytest.mark.parametrize("codec", ["bundled", "griffin_lim"])
@pytest.mark.parametrize("family", ["fastspeech2", "nonattentive"])
def test_a_family_that_writes_both_features_writes_those_of_the_codec_that_is_named_or_bundled(
    family, codec, tmp_path, capsys
):
    named = [f"codec.name_or_path={codec}"] if codec != "bundled" else []
    words = ["model.options.hidden_size=32", "training.args.max_steps=2", "training.samples_per_evaluation=0"]
    folder = train_voice(config_of(tmp_path, f"model.family={family}", *named, *words))
    trained = load_model(folder)
    assert trained.feature_kind == trained.codec.feature_kind == ("codes" if codec == "bundled" else "mel")
    assert "phrase_share=0.5, augmentation_copies=1" in capsys.readouterr().out
    assert trained.generate(torch.tensor([[5, 6, 7, 1]])).audio[0].isfinite().all()


@pytest.mark.parametrize("family", ["toknar", "tokar", "tokflat"])
def test_a_family_that_writes_codes_only_says_so_of_a_codec_of_mel(family, tmp_path):
    config = config_of(tmp_path, f"model.family={family}", "codec.name_or_path=griffin_lim")
    with pytest.raises(
        ConfigError, match=f"name_or_path: makes mel, {family} writes codes; use one with codebooks, as"
    ):
        train_voice(config)


def test_samples_are_split_as_the_run_was(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "config.yaml").write_text("data: {train_fraction: 0.5}", encoding="utf-8")
    config = build.filled_from(config_of(tmp_path), run)
    assert build.split(config, list("abcdefgh"))[0] != build.split(config_of(tmp_path), list("abcdefgh"))[0]
    assert len(build.split(config, list("abcdefgh"))[0]) == 4


def test_a_config_that_cannot_be_used_is_refused_before_anything_is_chosen(tmp_path):
    config = config_of(tmp_path, f"data.path={tmp_path / 'nowhere'}")
    with pytest.raises(ToktsError, match="nowhere"):
        fit_to_data(config, tmp_path / "run")
