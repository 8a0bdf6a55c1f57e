"""What every model family promises; a new file in toktts/models is tested here without writing a line.

A family that can write mel and codes is tested twice.
"""

import inspect
from dataclasses import fields
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForTextToWaveform, PreTrainedTokenizerBase, pipeline
from transformers.utils.generic import ModelOutput

from toktts import registry
from toktts.codecs.melrvq import MelRVQ
from toktts.models import ToktsModel, register_all
from toktts.models._aligned import AlignedModel
from toktts.models._attaching import small_voice
from toktts.tokens import build_tokenizer

register_all()
TEXTS = ["hello friend", "no", "i am happy you are here"]
# More frames than any text has ids: a family that aligns text and sound may ask for that.
N_FRAMES = 26
GREEDY = {"do_sample": False, "num_beams": 1, "max_new_tokens": 12}


FAMILIES: dict[str, type[ToktsModel]] = {
    name: registry.load("toktts.models", name, ToktsModel)  # type: ignore[type-abstract]
    for name in registry.available("toktts.models")
}
AUTOREGRESSIVE = [name for name, family in FAMILIES.items() if family.is_autoregressive]
CODES = "-codes"
WRITING_BOTH = [
    name + CODES
    for name, family in FAMILIES.items()
    if any(option.name == "feature" for option in fields(family.config_class))
]


def tiny_of_codes(family: type[ToktsModel]) -> ToktsModel:
    """The tiny model of a family that writes mel by itself, writing codes."""
    config, codec = family.tiny().config, MelRVQ.tiny()
    facts = {"feature": "codes", "n_mels": 0, "n_codebooks": codec.n_codebooks, "codebook_size": codec.codebook_size}
    facts |= {"codec_sampling_rate": codec.sampling_rate, "codec_hop_length": codec.hop_length}
    options = {option.name: getattr(config, option.name) for option in fields(family.config_class)}
    return small_voice(family, family.config_class(**options | facts), codec)


@pytest.fixture(params=[*FAMILIES, *WRITING_BOTH])
def model(request: pytest.FixtureRequest) -> ToktsModel:
    family = FAMILIES[request.param.removesuffix(CODES)]
    return tiny_of_codes(family) if request.param.endswith(CODES) else family.tiny()


def tokenizer_for(model: ToktsModel) -> PreTrainedTokenizerBase:
    tokenizers = [build_tokenizer(name) for name in ("bytes", "characters")]
    return next(tokenizer for tokenizer in tokenizers if len(tokenizer) <= model.config.text_vocab_size)


def ids_and_mask(model: ToktsModel, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    batch = tokenizer_for(model)(texts, padding=True, return_tensors="pt")
    return batch["input_ids"], batch["attention_mask"]


def random_labels(model: ToktsModel, batch: int, n_frames: int) -> torch.Tensor:
    """Codes; or mel as noisy as speech, of which half is learned by saying the same in every frame."""
    generator = torch.Generator().manual_seed(1)
    if model.feature_kind == "mel":
        bands = 3 * torch.randn(model.config.n_mels, 1, generator=generator)
        return bands - 5 + 0.3 * torch.randn(batch, model.config.n_mels, n_frames, generator=generator)
    shape = (batch, model.config.n_codebooks, n_frames)
    return torch.randint(0, model.config.codebook_size, shape, generator=generator)


def scores(model: ToktsModel, output: ModelOutput) -> torch.Tensor:
    """What was predicted: logits, or mel."""
    return model.predicted_mel(output) if model.feature_kind == "mel" else output.logits


def same_features(model: ToktsModel, one: torch.Tensor, other: torch.Tensor) -> bool:
    """Codes are equal to the bit, mel is close."""
    return torch.equal(one, other) if model.feature_kind == "codes" else torch.allclose(one, other, rtol=0, atol=1e-4)


def test_a_tiny_model_is_ready_to_speak(model: ToktsModel) -> None:
    assert not model.training
    assert model.codec.feature_kind == model.feature_kind
    sizes = ("n_mels",) if model.feature_kind == "mel" else ("n_codebooks", "codebook_size")
    assert all(getattr(model.codec, name) == getattr(model.config, name) for name in sizes)
    assert model.config.sampling_rate == model.codec.sampling_rate
    assert model.config.frame_rate == model.codec.frame_rate
    assert model.generation_config.max_new_tokens is not None


def test_loss_falls_on_one_batch(model: ToktsModel) -> None:
    ids, mask = ids_and_mask(model, TEXTS)
    labels = random_labels(model, len(TEXTS), N_FRAMES)
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]


@torch.no_grad()
def test_padding_a_batch_does_not_change_its_loss(model: ToktsModel) -> None:
    ids, mask = ids_and_mask(model, [TEXTS[1]])
    labels = random_labels(model, 1, 5)
    padded_ids = torch.nn.functional.pad(ids, (0, 6), value=model.config.pad_token_id)
    padded_mask = torch.nn.functional.pad(mask, (0, 6), value=0)
    padded_labels = torch.nn.functional.pad(labels, (0, 4), value=-100)
    alone = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    padded = model(input_ids=padded_ids, attention_mask=padded_mask, labels=padded_labels).loss
    torch.testing.assert_close(padded, alone, rtol=0, atol=1e-5)


@torch.no_grad()
def test_predictions_have_the_shape_of_the_labels(model: ToktsModel) -> None:
    ids, mask = ids_and_mask(model, TEXTS)
    labels = random_labels(model, len(TEXTS), N_FRAMES)
    predicted = scores(model, model(input_ids=ids, attention_mask=mask, labels=labels))
    if model.feature_kind == "codes":
        predicted = model.predicted_codes(predicted, labels)
    assert predicted.shape == labels.shape


@torch.no_grad()
def where_logits_differ(
    model: ToktsModel, one: torch.Tensor, other: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """Map positions of logits to (batch, n_codebooks, n_frames) through `predicted_codes`, whatever the layout."""
    differs = (one - other).abs().amax(dim=-1, keepdim=True) > 1e-6
    classes = torch.arange(one.shape[-1])
    unmarked = (classes == 5).float().expand_as(one)
    marked = torch.where(differs, (classes == 7).float(), unmarked)
    return model.predicted_codes(marked, labels) != model.predicted_codes(unmarked, labels)


def hold_alignment(model: ToktsModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the aligner, which hears whole recordings, say of changed labels what it said of the first ones."""
    if isinstance(model, AlignedModel):
        align, said = model.aligner.forward, []

        def repeat(*args: torch.Tensor, **lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            said.append(said[0] if said else align(*args, **lengths))
            return said[0]

        monkeypatch.setattr(model.aligner, "forward", repeat)


@torch.no_grad()
@pytest.mark.parametrize("model", AUTOREGRESSIVE, indirect=True)
def test_no_code_sees_itself_or_what_follows(model: ToktsModel, monkeypatch: pytest.MonkeyPatch) -> None:
    hold_alignment(model, monkeypatch)
    ids, mask = ids_and_mask(model, [TEXTS[0]])
    labels = random_labels(model, 1, N_FRAMES)
    before = model(input_ids=ids, attention_mask=mask, labels=labels).logits
    for codebook in range(model.config.n_codebooks):
        changed = labels.clone()
        changed[0, codebook, 4] = (changed[0, codebook, 4] + 1) % model.config.codebook_size
        after = model(input_ids=ids, attention_mask=mask, labels=changed).logits
        differs = where_logits_differ(model, before, after, labels)[0]
        assert not differs[:, :4].any()
        assert not differs[: codebook + 1, 4].any()
        assert differs[:, 5:].any(), "the test itself is blind if nothing ever changes"


@torch.no_grad()
def test_a_saved_model_loads_equal_and_brings_its_codec(model: ToktsModel, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    loaded = AutoModelForTextToWaveform.from_pretrained(tmp_path)
    assert type(loaded) is type(model)
    assert loaded.generation_config.max_new_tokens == model.generation_config.max_new_tokens
    ids, mask = ids_and_mask(model, TEXTS)
    labels = random_labels(model, len(TEXTS), N_FRAMES)
    ours, theirs = (m(input_ids=ids, attention_mask=mask, labels=labels) for m in (model, loaded))
    assert torch.equal(scores(model, ours), scores(loaded, theirs))
    ours, theirs = (m.generate(ids, attention_mask=mask, **GREEDY) for m in (model, loaded))
    assert torch.equal(ours.features, theirs.features)
    for one, other in zip(ours.audio, theirs.audio, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-3)  # a codec may be stored in half precision


def test_a_family_says_whether_it_can_be_told_durations(model: ToktsModel) -> None:
    assert model.config.takes_durations == ("durations" in inspect.signature(model.forward).parameters)


def test_a_training_checkpoint_can_leave_the_codec_out(model: ToktsModel, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path, save_codec=False)
    assert not (tmp_path / "codec").exists()


def test_the_codec_is_no_part_of_the_module_tree(model: ToktsModel) -> None:
    assert not [name for name, _ in model.named_modules() if "codec" in name]


def test_the_same_seed_gives_the_same_sound_and_leaves_the_generator_alone(model: ToktsModel) -> None:
    ids, mask = ids_and_mask(model, TEXTS)
    wish = {"do_sample": True, "max_new_tokens": 12, "attention_mask": mask}
    before = torch.get_rng_state()
    first, again, other = (model.generate(ids, seed=seed, **wish) for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert torch.equal(first.features, again.features)
    if model.feature_kind == "codes":  # mel is not drawn
        assert first.features.shape != other.features.shape or not torch.equal(first.features, other.features)


def test_a_batch_gives_what_its_texts_give_alone(model: ToktsModel) -> None:
    ids, mask = ids_and_mask(model, TEXTS)
    together = model.generate(ids, attention_mask=mask, **GREEDY)
    for row, text in enumerate(TEXTS):
        alone = model.generate(*ids_and_mask(model, [text])[:1], **GREEDY)
        n_frames = int(alone.n_frames[0])
        assert together.n_frames[row] == n_frames
        assert same_features(model, together.features[row, :, :n_frames], alone.features[0, :, :n_frames])
        torch.testing.assert_close(together.audio[row], alone.audio[0], rtol=0, atol=1e-5)
        assert together.stop_reasons[row] == alone.stop_reasons[0]


def test_only_legal_features_are_generated(model: ToktsModel) -> None:
    ids, mask = ids_and_mask(model, TEXTS)
    speech = model.generate(ids, attention_mask=mask, do_sample=True, temperature=100.0, seed=0, max_new_tokens=12)
    if model.feature_kind == "codes":
        assert ((speech.features >= 0) & (speech.features < model.config.codebook_size)).all()
    assert torch.isfinite(speech.features).all()
    hop = model.config.codec_hop_length
    assert [len(audio) for audio in speech.audio] == [int(n) * hop for n in speech.n_frames]


def test_the_stock_pipeline_speaks_one_text_and_a_batch_alike(model: ToktsModel, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    tokenizer_for(model).save_pretrained(tmp_path)
    speak = pipeline("text-to-speech", model=str(tmp_path))
    wish = {"generate_kwargs": GREEDY}
    single = [speak(text, **wish) for text in TEXTS]
    batch = speak(TEXTS, batch_size=len(TEXTS), **wish)
    for one, other in zip(single, batch, strict=True):
        assert one["sampling_rate"] == other["sampling_rate"] == model.config.sampling_rate
        assert one["audio"].shape == other["audio"].shape
        assert abs(one["audio"] - other["audio"]).max(initial=0.0) < 1e-5


def test_the_stock_pipeline_uses_the_models_own_length(model: ToktsModel, tmp_path: Path) -> None:
    tokenizer_for(model).save_pretrained(tmp_path)
    model.generation_config.max_new_tokens = 10
    model.save_pretrained(tmp_path)
    audio = pipeline("text-to-speech", model=str(tmp_path))("hello")["audio"]
    assert audio.size <= 10 * model.config.codec_hop_length


def test_a_timed_family_says_which_text_id_each_frame_speaks_and_another_does_not(model: ToktsModel) -> None:
    ids, mask = ids_and_mask(model, TEXTS)
    speech = model.generate(ids, attention_mask=mask, **GREEDY)
    assert (speech.units is not None) == model.is_timed
    if speech.units is not None:
        for units, n_frames, n_ids in zip(speech.units, speech.n_frames, mask.sum(dim=1), strict=True):
            said = units[: int(n_frames)]
            assert (said.diff() >= 0).all()
            assert 0 <= said.min() <= said.max() < n_ids
