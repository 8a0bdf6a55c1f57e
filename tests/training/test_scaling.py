import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toktts import registry
from toktts.config import Config, load_config
from toktts.data.amount import SpeechAmount
from toktts.models import ToktsModel
from toktts.training.scaling import Machine, open_keys, recommend
from toktts.training.sizes import Sound

BOTH_FEATURES = ("fastspeech2", "nonattentive")
FAMILIES = ("toknar", "tokar", "tokflat", *BOTH_FEATURES)
TWO_CORES, SOUND = Machine(threads=2), Sound(frame_rate=75.0, n_codebooks=2)
MEL = Sound(frame_rate=22050 / 256, n_codebooks=0)
GROWING = ("hidden_size", "decoder_layers", "intermediate_size", "max_minutes", "max_frames_per_batch", "warmup_steps")
GROWING += ("ema_decay", "train_fraction")
SHRINKING = ("dropout", "encoder_dropout", "decoder_dropout", "augmentation_copies")
HOURS = st.floats(0, 100)


def speech(hours: float) -> SpeechAmount:
    return SpeechAmount(hours, n_clips=int(hours * 600), longest_s=min(hours * 3600, 10.0))


def values_for(hours, family="toknar", *, machine=TWO_CORES, sound=SOUND, **given_values):
    return recommend(speech(hours), family=family, sound=sound, machine=machine, given=given_values).values


def options_of(values):
    return {key.rpartition(".")[2]: value for key, value in values.items() if key.startswith("model.options.")}


@given(HOURS, HOURS, st.sampled_from(FAMILIES))
def test_more_speech_never_gets_less_model_time_or_validation_and_never_more_dropout(one, other, family):
    less, more = (
        {key.rpartition(".")[2]: value for key, value in values_for(hours, family).items()}
        for hours in sorted((one, other))
    )
    assert all(less[key] <= more[key] for key in GROWING if key in less)
    assert all(less[key] >= more[key] for key in SHRINKING if key in less)


@given(HOURS, st.sampled_from(FAMILIES), st.integers(1, 128), st.booleans())
@settings(max_examples=20, deadline=None)
def test_every_value_is_legal_in_a_config_and_the_same_again(hours, family, threads, has_gpu):
    machine = Machine(threads=threads, has_gpu=has_gpu)
    values = values_for(hours, family, machine=machine)
    config = Config().filled(values)
    assert {key: value for key, value in config.given().items() if key in values} == values
    assert values == values_for(hours, family, machine=machine)
    assert 5 <= values["training.max_minutes"] <= 600


@given(HOURS, st.sampled_from(FAMILIES), st.sampled_from([1, 2, 3, 4, 5, 8, 12]))
@settings(max_examples=20, deadline=None)
def test_every_family_takes_its_sizes_with_any_number_of_heads(hours, family, heads):
    config_class = registry.load("toktts.models", family, ToktsModel).config_class
    wish = {} if family == "tokflat" else {"model.options.num_attention_heads": heads}
    values = values_for(hours, family, **wish) | wish
    options = options_of(values)
    built = config_class(n_codebooks=2, codebook_size=64, text_vocab_size=50, **options)
    assert all(getattr(built, name) == value for name, value in options.items())


@pytest.mark.parametrize(("hours", "millions"), [(0.1, (4, 5)), (1, (7.5, 8.5)), (12, (11.5, 13))])
@pytest.mark.parametrize("family", [name for name in FAMILIES if name != "tokflat"])
def test_every_family_of_ours_grows_alike(family, hours, millions):
    with torch.device("meta"):
        model_class = registry.load("toktts.models", family, ToktsModel)
        facts = {"n_codebooks": 0, "n_mels": 80} if family in BOTH_FEATURES else {}
        options = options_of(values_for(hours, family, sound=MEL if facts else SOUND))
        model = model_class(model_class.config_class(text_vocab_size=100, **facts, **options))
    least, most = millions
    assert least <= sum(weight.numel() for weight in model.parameters()) / 1e6 <= most


@pytest.mark.parametrize("family", BOTH_FEATURES)
def test_an_hour_gets_what_the_config_for_an_hour_has(family, root):
    named = load_config([root / f"config/{family}.yaml"])
    filled = load_config([root / "config/auto.yaml"]).filled(values_for(1, family, sound=MEL))
    model_class = registry.load("toktts.models", family, ToktsModel)
    by_name, by_amount = (
        model_class.config_class(n_codebooks=0, n_mels=80, **config.model.options).to_dict()
        for config in (named, filled)
    )
    by_name["frame_window"], by_amount["frame_window"] = 0, 0  # 14 s, in round numbers and to the frame
    assert by_amount == by_name
    same = ("learning_rate", "min_learning_rate", "lr_scheduler_type", "warmup_steps", "weight_decay", "adam_beta2")
    assert [filled.training.args[name] for name in same] == [named.training.args[name] for name in same]
    assert filled.training.max_minutes == named.training.max_minutes
    assert filled.training.ema_decay == named.training.ema_decay


@given(HOURS, st.floats(0.1, 60))
def test_the_longest_clip_fits_into_a_batch(hours, longest_s):
    amount = dataclasses.replace(speech(hours), longest_s=longest_s)
    values = recommend(amount, family="toknar", sound=SOUND, machine=TWO_CORES).values
    assert values["data.max_frames_per_batch"] >= longest_s * SOUND.frame_rate


@given(HOURS, st.sampled_from(FAMILIES), st.data())
def test_nothing_is_recommended_for_what_is_given(hours, family, data):
    everything = values_for(hours, family)
    settled = data.draw(st.sets(st.sampled_from(sorted(everything))))
    rest = values_for(hours, family, **{key: everything[key] for key in settled})
    assert not settled & rest.keys()
    assert rest.keys() == open_keys(family, {key: everything[key] for key in settled})


@pytest.mark.parametrize(("hours", "minutes"), [(1 / 60, 17), (0.25, 30), (1, 60), (24, 294), (1000, 294)])
def test_minutes_grow_with_the_root_of_the_hours(hours, minutes):
    assert values_for(hours)["training.max_minutes"] == minutes


@pytest.mark.parametrize(("threads", "minutes"), [(1, 120), (2, 60), (3, 40), (64, 30)])
def test_fewer_cores_get_more_minutes_within_bounds(threads, minutes):
    assert values_for(1, machine=Machine(threads=threads))["training.max_minutes"] == minutes


def test_a_gpu_gets_larger_batches_and_fewer_minutes():
    values = values_for(1, machine=Machine(threads=2, has_gpu=True))
    assert (values["training.max_minutes"], values["data.max_frames_per_batch"]) == (15, 4 * 3000)
    assert values["training.args.num_train_epochs"] == 30


@pytest.mark.parametrize("key", ["max_steps", "num_train_epochs"])
def test_who_says_how_many_steps_gets_no_minutes(key):
    values = values_for(1, **{f"training.args.{key}": 40})
    assert not {"training.max_minutes", "training.args.num_train_epochs"} & values.keys()


@pytest.mark.parametrize(("hours", "epochs"), [(0.1, 45), (0.237, 45), (0.5, 22), (1, 15), (30, 15)])
def test_one_pass_to_codes_ends_before_it_knows_the_speech_by_heart(hours, epochs):
    assert values_for(hours)["training.args.num_train_epochs"] == epochs
    for family, sound in (("tokar", SOUND), ("fastspeech2", MEL)):
        assert values_for(hours, family, sound=sound)["training.args.num_train_epochs"] == 10_000


def test_minutes_that_somebody_asked_for_are_used_to_the_end():
    assert values_for(0.1, **{"training.max_minutes": 60.0})["training.args.num_train_epochs"] == 10_000


def test_little_speech_does_not_shorten_the_warm_up():
    assert [values_for(hours)["training.args.warmup_steps"] for hours in (0.1, 1, 4, 24)] == [150, 150, 300, 500]


def test_a_few_steps_warm_up_for_a_tenth_of_them_only():
    assert values_for(1, **{"training.args.max_steps": 40})["training.args.warmup_steps"] == 4


def test_the_lowest_learning_rate_follows_the_highest_that_is_given():
    values = values_for(1, **{"training.args.learning_rate": 1e-6})
    assert values["training.args.min_learning_rate"] == pytest.approx(1e-8)


def test_a_given_batch_size_takes_the_place_of_frames():
    assert "data.max_frames_per_batch" not in values_for(1, **{"training.args.per_device_train_batch_size": 4})


def test_speech_without_noise_is_not_copied():
    assert values_for(0.1)["data.augmentation_copies"] == 2
    assert values_for(0.1, **{"data.augmentation_noise_std": 0.0})["data.augmentation_copies"] == 1


def test_mel_is_never_learned_with_noise():
    assert values_for(0.1, "fastspeech2", sound=MEL)["data.augmentation_copies"] == 1
    assert values_for(0.1, "fastspeech2")["data.augmentation_copies"] == 2


@pytest.mark.parametrize(("sound", "frames"), [(SOUND, 40 * 75), (MEL, 3446)])
def test_a_batch_holds_as_many_seconds_at_any_frame_rate(sound, frames):
    assert values_for(1, sound=sound)["data.max_frames_per_batch"] == frames


def test_a_family_that_aligns_gets_phrases_instead_of_copies_if_words_can_be_parted():
    values = values_for(0.25, **{"tokens.tokenizer": "phonemes"})
    assert (values["data.phrase_share"], values["data.augmentation_copies"]) == (0.5, 1)
    for family in ("tokar", "fastspeech2", "nonattentive"):
        assert values_for(0.25, family, **{"tokens.tokenizer": "phonemes"})["data.phrase_share"] == 0.5
    assert "data.phrase_share" not in values_for(0.25, **{"tokens.tokenizer": "symbols360"})
    assert "data.phrase_share" not in values_for(0.25, "tokflat", **{"tokens.tokenizer": "phonemes"})
    assert "data.phrase_share" not in values_for(0.25, **{"tokens.tokenizer": "phonemes", "data.clip_seconds": 2.0})


def test_a_family_that_is_not_known_keeps_its_own_sizes():
    assert not [key for key in values_for(1, family="mine") if key.startswith("model.")]


def test_the_choice_is_told_in_a_few_lines_with_reasons():
    lines = str(recommend(speech(0.25), family="toknar", sound=SOUND, machine=TWO_CORES)).splitlines()
    assert lines[0] == "chosen for 15 minutes of speech in 150 clips, what the config sets excepted:"
    assert 5 <= len(lines) <= 10
    assert all(len(line) <= 270 and line.endswith(")") for line in lines[1:])
    assert any("max_minutes=30.0" in line and "here 2 threads" in line for line in lines)
