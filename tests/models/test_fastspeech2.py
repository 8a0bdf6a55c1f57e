"""`fastspeech2`: what it learns from, what it is told while speaking, and what may be changed."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForTextToWaveform, GenerationConfig

from toktts.codecs.melrvq import MelRVQ
from toktts.config import load_config
from toktts.errors import ModelError
from toktts.models import register_all
from toktts.models.fastspeech2 import FastSpeech2, FastSpeech2Config

IDS = torch.tensor([[5, 9, 3, 7, 11, 4, 1]])
DURATIONS = torch.tensor([[3, 2, 0, 4, 5, 3, 1]])
N_FRAMES = 18
GREEDY = GenerationConfig(max_new_tokens=96, do_sample=False)


def build(**options: Any) -> FastSpeech2:
    """The tiny model with other options; without dropout, so that training and evaluation are the same."""
    tiny = FastSpeech2.tiny().config.to_dict()
    known = {name: tiny[name] for name in FastSpeech2Config.__dataclass_fields__ if name in tiny}
    plain = {"dropout": 0.0, "predictor_dropout": 0.0, "postnet_dropout": 0.0}
    torch.manual_seed(0)
    return FastSpeech2(FastSpeech2Config(**(known | plain | options))).eval()


def build_codes(**options: Any) -> FastSpeech2:
    codec = MelRVQ.tiny()
    facts = {"n_mels": 0, "n_codebooks": codec.n_codebooks, "codebook_size": codec.codebook_size}
    rates = {"codec_sampling_rate": codec.sampling_rate, "codec_hop_length": codec.hop_length}
    return build(feature="codes", **facts, **rates, **options).attach_codec(codec)


def batch(n_frames: int = N_FRAMES, *, n_mels: int = 20) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    pitch = 100 + 100 * torch.rand(1, n_frames, generator=generator)
    pitch[:, 4:7] = 0
    return {
        "input_ids": IDS,
        "attention_mask": torch.ones_like(IDS),
        "labels": 2 * torch.randn(1, n_mels, n_frames, generator=generator) - 5,
        "pitch": pitch,
        "energy": 30 * torch.rand(1, n_frames, generator=generator),
        "durations": DURATIONS,
    }


def padded(one: dict[str, torch.Tensor], *, units: int = 3, frames: int = 4) -> dict[str, torch.Tensor]:
    pad = torch.nn.functional.pad
    wide = {name: pad(one[name], (0, units)) for name in ("input_ids", "attention_mask", "durations") if name in one}
    wide |= {name: pad(one[name], (0, frames)) for name in ("pitch", "energy")}
    return wide | {"labels": pad(one["labels"], (0, frames), value=-100)}


PARTS = ("mel_loss", "postnet_loss", "pitch_loss", "energy_loss", "duration_loss")


@torch.no_grad()
def test_five_parts_of_the_loss_are_reported_and_add_up() -> None:
    model = build(duration_weight=1.0, pitch_weight=1.0, energy_weight=1.0)
    output = model(**batch())
    assert all(torch.isfinite(output[part]) and output[part] > 0 for part in PARTS)
    assert output.alignment_loss is None, "durations were given"
    torch.testing.assert_close(output.loss, sum(output[part] for part in PARTS))
    learning = model(**{name: value for name, value in batch().items() if name != "durations"})
    assert learning.alignment_loss > 0
    weighted = sum(learning[part] for part in PARTS) + model.config.alignment_weight * learning.alignment_loss
    torch.testing.assert_close(learning.loss, weighted)


@torch.no_grad()
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"decoder": "attention", "norm": "post", "positions_added": 2, "frame_places": False},
        {"pitch_level": "frame", "energy_level": "frame", "norm": "branch", "postnet_norm": "batch"},
        {"decoder_size": 20, "mel_head": False, "postnet_residual": False, "head_size": 32, "contract_kernel_size": 5},
    ],
)
@pytest.mark.parametrize("given", [True, False])
def test_padding_changes_no_part_of_the_loss(options: dict[str, Any], given: bool) -> None:
    model = build(**options)
    alone = batch()
    if not given:
        alone.pop("durations")
    for training in (False, True):
        model.train(training)
        one, other = model(**alone), model(**padded(alone))
        for part in (*PARTS, "alignment_loss", "loss"):
            if getattr(one, part) is not None:
                torch.testing.assert_close(other[part], one[part], rtol=0, atol=1e-5, msg=part)
        torch.testing.assert_close(other.mel[:, :, :N_FRAMES], one.mel, rtol=0, atol=1e-4)


@torch.no_grad()
def test_a_batch_loses_what_its_rows_lose_alone() -> None:
    model, long = build(), batch()
    short = batch(9) | {"durations": torch.tensor([[1, 1, 2, 2, 1, 1, 1]])}
    wide = padded(short, units=0, frames=9)
    together = model(**{name: torch.cat([long[name], wide[name]]) for name in long})
    for part in (*PARTS, "loss"):
        mean = (model(**long)[part] + model(**short)[part]) / 2
        torch.testing.assert_close(together[part], mean, rtol=0, atol=1e-5, msg=part)


@torch.no_grad()
def test_given_the_durations_training_and_evaluation_write_the_same() -> None:
    model = build()
    evaluated = model.eval()(**batch())
    trained = model.train()(**batch())
    assert torch.equal(evaluated.mel, trained.mel)
    assert torch.equal(evaluated.durations, DURATIONS)
    assert torch.equal(trained.durations, DURATIONS)
    assert evaluated.mel.shape[2] == N_FRAMES, "true frames are counted, not exponentials of them"


@torch.no_grad()
def test_true_pitch_and_energy_are_used_where_they_are_known() -> None:
    model = build()
    for kind in ("pitch", "energy"):
        changed = batch()
        changed[kind] = changed[kind] * 1.7
        assert not torch.equal(model(**changed).mel, model(**batch()).mel)
        model.variance(kind).predictor.head.bias.add_(3.0)  # type: ignore[arg-type]
        assert torch.equal(model(**changed).mel, model(**changed).mel)
    guessed = model(**{name: value for name, value in batch().items() if name not in ("pitch", "energy")})
    assert guessed.pitch_loss is None
    assert guessed.energy_loss is None


@torch.no_grad()
def test_predictions_do_not_reach_what_is_written_while_the_truth_is_known() -> None:
    model = build()
    before = model(**batch())
    for kind in ("pitch", "energy"):
        model.variance(kind).predictor.head.bias.add_(3.0)  # type: ignore[arg-type]
    after = model(**batch())
    assert torch.equal(before.mel, after.mel)
    assert after.pitch_loss > before.pitch_loss


@torch.no_grad()
@pytest.mark.parametrize("kind", ["pitch", "energy"])
def test_both_levels_of_prosody_shape_the_output(kind: str) -> None:
    for level in ("unit", "frame"):
        model = build(**{f"{kind}_level": level})
        changed = batch()
        changed[kind] = changed[kind] * 1.7
        assert not torch.equal(model(**changed).mel, model(**batch()).mel)
    without = build(**{f"{kind}_level": "none"})
    assert torch.equal(without(**changed).mel, without(**batch()).mel)
    assert getattr(without(**batch()), f"{kind}_loss") is None
    assert without.wants_prosody
    assert not build(pitch_level="none", energy_level="none").wants_prosody


@torch.no_grad()
def test_a_unit_without_frames_has_no_pitch_and_does_not_change_that_of_others() -> None:
    model, with_gap = build(), batch()
    teacher = model._teacher("pitch", with_gap["pitch"], DURATIONS, torch.ones(1, N_FRAMES, dtype=torch.bool))
    assert teacher.counted is not None
    assert teacher.teacher is not None
    assert teacher.counted.tolist() == [[True, True, False, True, True, True, True]]
    assert teacher.teacher[0, 2] == 0
    rest = model._teacher(
        "pitch",
        with_gap["pitch"],
        torch.cat([DURATIONS[:, :2], DURATIONS[:, 3:]], dim=1),
        torch.ones(1, N_FRAMES, dtype=torch.bool),
    )
    assert rest.teacher is not None
    assert torch.equal(rest.teacher[0], teacher.teacher[0, [0, 1, 3, 4, 5, 6]])


def test_a_clip_without_any_voice_weighs_nothing_in_the_loss_of_pitch() -> None:
    silent = batch() | {"pitch": torch.zeros(1, N_FRAMES)}
    assert build()(**silent).pitch_loss == 0


def test_gradients_reach_every_weight() -> None:
    model = build(n_speakers=2)
    for given in (True, False):
        data = batch() | {"speaker_ids": torch.tensor([1])}
        if not given:
            data.pop("durations")
        model(**data).loss.backward()
    without = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert without == []


def speak(model: FastSpeech2, **options: Any) -> Any:
    return model.generate(IDS, output_audio=False, **options)


@torch.no_grad()
def with_durations(model: FastSpeech2, frames: float) -> FastSpeech2:
    model.duration.head.weight.zero_()
    model.duration.head.bias.fill_(math.log1p(frames))
    return model


def test_speed_divides_the_durations() -> None:
    model = with_durations(build(), 3.0)
    assert [int(speak(model, speed=speed).n_frames[0]) for speed in (1.0, 0.5, 2.0)] == [21, 42, 11]
    assert speak(model).units[0].tolist() == [unit for unit in range(7) for _ in range(3)]


def test_nothing_but_durations_of_zero_still_gives_a_frame_of_sound() -> None:
    model = with_durations(FastSpeech2.tiny(), 0.0)
    speech = model.generate(IDS)
    assert speech.n_frames.tolist() == [1]
    assert [len(audio) for audio in speech.audio or []] == [model.config.codec_hop_length]


def test_pitch_and_energy_can_be_changed_while_speaking() -> None:
    model = with_durations(build(), 3.0)
    plain = speak(model).features
    for name in ("pitch", "energy"):
        changed = speak(model, **{name: 1.5}).features
        assert changed.shape == plain.shape
        assert not torch.equal(changed, plain)
        assert torch.equal(speak(model, **{name: 1.0}).features, plain)


def test_a_limit_cuts_the_speech_and_says_so() -> None:
    speech = speak(with_durations(build(), 3.0), max_new_tokens=4)
    assert (speech.n_frames.tolist(), speech.stop_reasons) == ([4], ["length"])


def test_what_is_spoken_lasts_as_long_as_its_alignment_says() -> None:
    synthesis = with_durations(build(), 2.0).synthesize(IDS, generation=GREEDY)
    assert synthesis.alignment is not None
    assert synthesis.alignment.sum(dim=1).tolist() == [[2.0] * 7]
    assert synthesis.n_frames.tolist() == [14]


def test_mel_is_normalised_inside_the_model() -> None:
    model = build(mel_mean=-4.0, mel_std=2.0)
    mel = torch.randn(1, 20, 9)
    torch.testing.assert_close(model.natural_mel(model.mel_scores(mel)), mel)
    torch.testing.assert_close(model.mel_scores(mel).transpose(1, 2), (mel + 4.0) / 2.0)


@torch.no_grad()
def test_the_parts_of_the_mel_loss_are_mean_absolute_errors_in_deviations() -> None:
    model, data = build(postnet_layers=None), batch()
    output = model(**data)
    assert output.postnet_loss is None
    torch.testing.assert_close(output.mel_loss, (output.mel - data["labels"]).abs().mean() / model.config.mel_std)


def test_two_speakers_of_a_table_sound_different() -> None:
    model = with_durations(build(n_speakers=2), 3.0)
    voices = [speak(model, generation_config=GenerationConfig(speaker_id=index)).features for index in (0, 1)]
    assert not torch.equal(*voices)
    with pytest.raises(ModelError, match="speaker_ids: is missing; choose one of 2 speakers"):
        speak(model)
    with pytest.raises(ModelError, match=r"speaker_ids: must lie in \[0, 2\), got \[2\]; choose another"):
        speak(model, generation_config=GenerationConfig(speaker_id=2))


def test_a_speaker_is_chosen_by_name() -> None:
    model = with_durations(build(n_speakers=2), 3.0)
    with pytest.raises(
        ModelError, match="speaker: has no meaning for this voice, which tells no speakers apart; leave"
    ):
        speak(model, speaker="ann")
    model.config.speakers = ["ann", "bob"]
    by_number = speak(model, generation_config=GenerationConfig(speaker_id=1)).features
    assert torch.equal(speak(model, speaker="bob").features, by_number)
    with pytest.raises(ModelError, match="speaker: 'eve' is none of this voice; choose one of ann, bob"):
        speak(model, speaker="eve")


def test_two_speakers_given_as_vectors_sound_different() -> None:
    model = with_durations(build(speaker_vector_size=3), 3.0)
    vectors = ([1.0, 0.0, 0.0], [0.0, 0.6, 0.8])
    voices = [speak(model, generation_config=GenerationConfig(speaker_vector=vector)).features for vector in vectors]
    assert not torch.equal(*voices)
    with pytest.raises(ModelError, match=r"speaker_vectors: must be \(batch, 3\), got nothing; give one a row"):
        speak(model)
    with pytest.raises(ModelError, match=r"must be \(batch, 3\), got \(1, 2\); give one a row"):
        model(**batch(), speaker_vectors=torch.zeros(1, 2))


@torch.no_grad()
def test_a_model_of_one_voice_takes_no_notice_of_speakers() -> None:
    model = build()
    assert torch.equal(model(**batch(), speaker_ids=torch.tensor([3])).mel, model(**batch()).mel)


@torch.no_grad()
def test_codes_are_scored_and_written_like_mel() -> None:
    model = with_durations(build_codes(), 3.0)
    books, size = model.config.n_codebooks, model.config.codebook_size
    labels = torch.randint(0, size, (1, books, N_FRAMES))
    data = batch() | {"labels": labels}
    output = model(**data)
    assert output.mel is None
    assert output.mel_loss is None
    assert output.code_loss > 0
    assert model.predicted_codes(output.logits, labels).shape == labels.shape
    other = model(**padded(data))
    for part in ("code_loss", "pitch_loss", "energy_loss", "duration_loss", "loss"):
        torch.testing.assert_close(other[part], output[part], rtol=0, atol=1e-5)
    learning = model(**{name: value for name, value in data.items() if name != "durations"})
    assert learning.alignment_loss > 0
    synthesis = model.synthesize(IDS, generation=GREEDY)
    assert synthesis.features.shape == (1, books, 21)
    assert synthesis.probabilities is not None
    assert torch.equal(synthesis.probabilities.argmax(dim=3), synthesis.features)
    audio = model.generate(IDS).audio
    assert audio is not None
    assert len(audio[0]) == 21 * model.config.codec_hop_length


def test_codes_begin_near_the_codes_whose_centroids_are_near() -> None:
    model = build_codes()
    vectors = torch.randn(model.config.n_codebooks, model.config.codebook_size, 20)
    vectors[0, 1] = vectors[0, 0] + 0.01
    model.use_code_vectors(vectors)
    assert model.code_heads is not None
    table = model.code_heads.embeddings[0].get_parameter("weight")
    assert (table[0] - table[1]).norm() < 0.1 * (table[0] - table[2]).norm()


@torch.no_grad()
def test_the_aligner_gives_every_unit_a_frame_and_uses_them_all() -> None:
    durations = build().align(IDS, torch.ones_like(IDS), batch()["labels"])
    assert int(durations.min()) >= 1
    assert durations.sum(dim=1).tolist() == [N_FRAMES]


@torch.no_grad()
def test_scales_of_prosody_are_set_from_the_corpus_and_saved_with_the_voice(tmp_path: Path) -> None:
    register_all()
    model = FastSpeech2.tiny()
    model.fit_prosody([torch.tensor([110.0, 0.0, 140.0])], [torch.tensor([1.0, 3.0, 9.0])])
    assert model.variance("pitch").scale.facts[2:].tolist() == [110.0, 140.0]
    model.save_pretrained(tmp_path)
    loaded = AutoModelForTextToWaveform.from_pretrained(tmp_path)
    assert torch.equal(loaded.variance("pitch").scale.facts, model.variance("pitch").scale.facts)
    assert torch.equal(loaded.variance("energy").scale.facts, model.variance("energy").scale.facts)
    assert torch.equal(loaded(**batch()).mel, model(**batch()).mel)


@pytest.mark.parametrize(
    ("durations", "message"),
    [
        ([[3, 2, 0, 4, 5, 3, 2]], "durations: of row 0 add up to 19 frames, its features have 18; cache again"),
        (
            [[3, 2, 0, 4, 5, 4]],
            r"durations: must be \(1, 7\) as input_ids, 0 or more, and 0 behind a text, got \(1, 6\)",
        ),
        ([[3, 2, -1, 5, 5, 3, 1]], r"must be \(1, 7\) as input_ids, 0 or more"),
    ],
)
def test_durations_that_do_not_fit_are_refused(durations: list[list[int]], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        build()(**(batch() | {"durations": torch.tensor(durations)}))


def test_a_model_without_aligner_wants_durations() -> None:
    model = build(learn_durations=False)
    assert model.aligner is None
    assert model.config.frames_per_text_id == 0
    assert model(**batch()).loss > 0
    with pytest.raises(ModelError, match=r"durations: are missing, .* use an aligned corpus and a tokenizer that"):
        model(**{name: value for name, value in batch().items() if name != "durations"})


def test_too_few_frames_for_the_text_are_refused() -> None:
    short = {name: value for name, value in batch(4).items() if name != "durations"}
    with pytest.raises(ModelError, match="4 frames cannot say 7 text ids, one frame each at least; give whole"):
        build()(**short)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_mels": 0}, "feature: is mel, but the codec has codes; write feature: codes, or name a mel codec"),
        (
            {"feature": "codes"},
            "feature: is codes, but the codec has mel; write feature: mel, or name a codec of codes",
        ),
        ({"mel_head": False}, "mel_head: is false, so decoder_size must be n_mels 80, got 256; change one"),
        ({"mel_std": 0.0}, r"mel_std: must be above 0, got 0\.0; 2\.08 is that of speech"),
        ({"decoder_kernel_size": 4}, "decoder_kernel_size: must be odd and above 0, got 4; 5 would do"),
        ({"n_buckets": 1}, "n_buckets: must be at least 2, got 1; change it"),
        ({"postnet_layers": 1}, "postnet_layers: must be at least 2, or null for none, got 1; 5 is usual"),
        ({"predictor_channels": []}, r"predictor_channels: must be a list of widths, as \[256, 256\]"),
        ({"decoder_size": 81}, "decoder_size: must be even, got 81; change it"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        FastSpeech2Config(**options)


@pytest.mark.medium
def test_eight_clips_are_learned_by_heart() -> None:
    torch.manual_seed(0)
    model = build(encoder_layers=2, hidden_size=48, n_buckets=32).train()
    data = toy_clips()
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 120, eta_min=1e-5)
    errors = []
    for _ in range(120):
        output = model(**data)
        errors.append(mel_error(output.mel.detach(), data["labels"]))
        optimizer.zero_grad()
        output.loss.backward()
        optimizer.step()
        schedule.step()
    model.eval()
    with torch.no_grad():
        learned = model(**data)
        encoded = model.encode_text(data["input_ids"], data["attention_mask"])
        is_text = data["attention_mask"].bool()
        predicted = model.log_durations(encoded, is_text).expm1()
    assert mel_error(learned.mel, data["labels"]) <= 0.2 * errors[0]
    assert float((predicted - learned.durations).abs()[is_text].mean()) < 1.0


def toy_clips() -> dict[str, torch.Tensor]:
    """Eight texts whose ids each have a spectrum, a pitch and a length of their own."""
    generator = torch.Generator().manual_seed(3)
    n_ids, shapes = 12, 3 * torch.randn(12, 20, generator=generator) - 5
    rows = []
    for _ in range(8):
        ids = torch.randperm(n_ids - 1, generator=generator)[:5] + 1
        lengths = 2 + ids % 4
        frames = ids.repeat_interleave(lengths)
        rows.append((ids, shapes[frames].T, 100.0 + 10 * frames, 5.0 + frames))
    longest = max(mel.shape[1] for _, mel, _, _ in rows)

    def fill(track: torch.Tensor, value: float) -> torch.Tensor:
        return torch.nn.functional.pad(track, (0, longest - track.shape[-1]), value=value)

    return {
        "input_ids": torch.stack([ids for ids, _, _, _ in rows]),
        "attention_mask": torch.ones(8, 5, dtype=torch.long),
        "labels": torch.stack([fill(mel, -100.0) for _, mel, _, _ in rows]),
        "pitch": torch.stack([fill(pitch, 0.0) for _, _, pitch, _ in rows]),
        "energy": torch.stack([fill(energy, 0.0) for _, _, _, energy in rows]),
    }


def mel_error(mel: torch.Tensor, labels: torch.Tensor) -> float:
    return float((mel - labels).abs()[labels != -100].mean())


def test_the_reference_config_has_the_sizes_of_the_reference(root: Path) -> None:
    config = load_config([root / "config/fastspeech2/reference.yaml"])
    model = FastSpeech2(FastSpeech2Config(text_vocab_size=360, **config.model.options))
    assert model.encoder[0].get_parameter("attention.query_key_value.weight").shape == (3 * 1024, 256)
    assert model.encoder[0].get_parameter("expand.weight").shape == (512, 256, 5)
    assert model.decoder[0].get_parameter("attention.query_key_value.weight").shape == (3 * 320, 80)
    assert model.mel_head is None
    assert [model.variance(kind).buckets.num_embeddings for kind in ("pitch", "energy")] == [256, 256]
    assert model.postnet is not None
    assert [layer.get_parameter("weight").shape[:2] for layer in model.postnet.layers] == [
        (256, 80),
        *[(256, 256)] * 5,
        (80, 256),
    ]


def test_the_small_config_has_the_weights_it_names(root: Path) -> None:
    path = root / "config/fastspeech2.yaml"
    model = FastSpeech2(FastSpeech2Config(text_vocab_size=100, **load_config([path]).model.options))
    assert "# 8 million weights" in path.read_text(encoding="utf-8")
    assert round(sum(weight.numel() for weight in model.parameters()) / 1e6) == 8
