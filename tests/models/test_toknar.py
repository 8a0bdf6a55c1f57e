"""The one-pass family: durations, upsampling, coarse-to-fine heads."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import GenerationConfig

from toktts.errors import ModelError
from toktts.models.modules.repeating import round_durations
from toktts.models.modules.upsampling import GaussianUpsampling, durations_of_path
from toktts.models.toknar import Toknar, ToknarConfig

IDS = torch.tensor([[5, 9, 3, 7, 11, 4, 1]])


def labels_of(model: Toknar, n_frames: int, *, seed: int = 0) -> torch.Tensor:
    shape = (1, model.config.n_codebooks, n_frames)
    return torch.randint(0, model.config.codebook_size, shape, generator=torch.Generator().manual_seed(seed))


def with_fixed_path(model: Toknar) -> Toknar:
    """Every unit lasts three frames, whatever the labels are."""

    def align(
        units: torch.Tensor, frames: torch.Tensor, *, n_units: torch.Tensor, n_frames: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        del n_units, n_frames
        path = (torch.arange(frames.shape[1]) // 3).clamp(max=units.shape[1] - 1)
        return path.expand(len(frames), -1), torch.zeros(())

    model.aligner.forward = align  # type: ignore[method-assign]
    return model


@torch.no_grad()
def test_a_codebook_sees_the_codes_before_it_and_never_its_own_or_later_ones() -> None:
    model = with_fixed_path(Toknar.tiny())
    labels = labels_of(model, 21)
    before = model(input_ids=IDS, labels=labels).logits
    for book in range(model.config.n_codebooks):
        changed = labels.clone()
        changed[0, book] = (changed[0, book] + 1) % model.config.codebook_size
        after = model(input_ids=IDS, labels=changed).logits
        assert torch.equal(after[:, :, : book + 1], before[:, :, : book + 1])
        assert not torch.equal(after[:, :, book + 1 :], before[:, :, book + 1 :]) or book == labels.shape[1] - 1


@torch.no_grad()
@pytest.mark.parametrize("frames_per_position", [1, 2, 3])
def test_a_decoder_position_may_stand_for_several_frames(frames_per_position: int) -> None:
    config = Toknar.tiny().config.to_dict() | {"frames_per_position": frames_per_position}
    torch.manual_seed(0)
    model = Toknar(ToknarConfig(**{name: config[name] for name in config if hasattr(ToknarConfig, name)})).eval()
    labels = labels_of(model, 20)
    assert model(input_ids=IDS, labels=labels).logits.shape[:3] == (1, 20, 2)
    features = model.generate(IDS, output_audio=False).features
    assert features is not None
    assert features.shape[1] == 2


@torch.no_grad()
def test_what_is_spoken_lasts_as_long_as_its_alignment_says() -> None:
    model = Toknar.tiny()
    generation = GenerationConfig(max_new_tokens=96, do_sample=False)
    synthesis = model.synthesize(IDS, generation=generation)
    assert synthesis.alignment is not None
    assert synthesis.alignment.shape == (1, int(synthesis.n_frames[0]), IDS.shape[1])
    path = synthesis.alignment[0].argmax(dim=1)
    assert path[0] == 0
    assert path[-1] == IDS.shape[1] - 1
    assert set(torch.diff(path).tolist()) <= {0, 1}
    assert synthesis.stop_reasons == ["eos"]


@torch.no_grad()
def test_a_limit_cuts_the_speech_and_says_so() -> None:
    synthesis = Toknar.tiny().synthesize(IDS, generation=GenerationConfig(max_new_tokens=4, do_sample=False))
    assert synthesis.n_frames.tolist() == [4]
    assert synthesis.stop_reasons == ["length"]


@torch.no_grad()
def test_drawing_depends_on_the_seed_and_not_on_the_neighbours() -> None:
    model = Toknar.tiny()
    batch = torch.tensor([[5, 9, 1, 0], [7, 3, 8, 1]])
    mask = (batch > 0).long()
    drawn = {"do_sample": True, "temperature": 2.0, "output_audio": False}
    alone = model.generate(batch[:1, :3], seed=3, **drawn)
    together = model.generate(batch, attention_mask=mask, seed=3, **drawn)
    again = model.generate(batch, attention_mask=mask, seed=4, **drawn)
    assert alone.features is not None
    assert together.features is not None
    assert again.features is not None
    assert torch.equal(alone.features[0], together.features[0, :, : alone.features.shape[2]])
    assert not torch.equal(together.features, again.features)


def test_too_few_frames_for_the_text_are_refused() -> None:
    model = Toknar.tiny()
    with pytest.raises(ModelError, match="4 frames cannot say 7 text ids, one frame each at least; give whole"):
        model(input_ids=IDS, labels=labels_of(model, 4))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden_size": 30, "num_attention_heads": 4}, "30 is no multiple of twice num_attention_heads 4"),
        ({"frames_per_position": 0}, "must be at least 1, got 0; 1 or 2 is usual"),
    ],
)
def test_impossible_sizes_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ToknarConfig(**options)


def test_codes_begin_near_the_codes_whose_centroids_are_near() -> None:
    model = Toknar.tiny()
    vectors = torch.randn(2, 16, 20, generator=torch.Generator().manual_seed(0))
    vectors[0, 1] = vectors[0, 0] + 0.01
    model.use_code_vectors(vectors)
    table = model.code_embeddings[0].get_parameter("weight")
    assert (table[0] - table[1]).norm() < 0.1 * (table[0] - table[2]).norm()


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 3))
def test_upsampling_covers_every_frame_and_prefers_the_unit_it_lies_in(
    lengths: list[int], frames_per_position: int
) -> None:
    durations = torch.tensor([lengths])
    total = int(durations.sum())
    if not total:
        return
    upsampling = GaussianUpsampling(len(lengths))
    torch.nn.init.zeros_(upsampling.place.weight)
    torch.nn.init.zeros_(upsampling.place.bias)
    with torch.no_grad():
        mixed = upsampling(
            torch.eye(len(lengths))[None], durations, total=total, frames_per_position=frames_per_position
        )
    assert mixed.shape == (1, -(-total // frames_per_position), len(lengths))
    torch.testing.assert_close(mixed.sum(dim=2), torch.ones(mixed.shape[:2]))
    assert not mixed[:, :, durations[0] == 0].any()
    if frames_per_position == 1 and len(set(lengths)) == 1:
        assert mixed[0].argmax(dim=1).tolist() == [unit for unit, n in enumerate(lengths) for _ in range(n)]


@torch.no_grad()
def test_padding_has_no_say_in_a_last_position_that_reaches_behind_the_end() -> None:
    upsampling = GaussianUpsampling(4)
    units, durations = torch.randn(1, 2, 4, generator=torch.Generator().manual_seed(0)), torch.tensor([[3, 4]])
    alone = upsampling(units, durations, total=7, frames_per_position=2)
    padded = [torch.nn.functional.pad(units, (0, 0, 0, 2)), torch.nn.functional.pad(durations, (0, 2))]
    torch.testing.assert_close(upsampling(*padded, total=7, frames_per_position=2), alone)


@given(st.lists(st.floats(0.0, 40.0), min_size=1, max_size=20))
def test_rounding_does_not_add_up(frames: list[float]) -> None:
    wanted = torch.tensor([frames])
    one = torch.ones_like(wanted, dtype=torch.long)
    rounded = round_durations(wanted, one.bool(), limit=50, least=one)
    assert int(rounded.min()) >= 1
    assert abs(float(rounded.sum()) - float(wanted.clamp(min=1).sum())) <= 1.0 + 1e-3


def test_units_that_are_padding_get_no_frame() -> None:
    is_real = torch.tensor([[True, True, False]])
    one = torch.ones_like(is_real, dtype=torch.long)
    rounded = round_durations(torch.tensor([[2.4, 900.0, 5.0]]), is_real, limit=50, least=one)
    assert rounded.tolist() == [[2, 50, 0]]


def test_durations_count_the_frames_of_each_unit() -> None:
    path = torch.tensor([[0, 0, 1, 2, 2, 2], [0, 1, 1, 1, 1, 1]])
    counted = durations_of_path(path, torch.tensor([6, 3]), n_units=4)
    assert counted.tolist() == [[2, 1, 3, 0], [1, 2, 0, 0]]


@torch.no_grad()
def test_likely_codes_are_mixed_unless_codes_are_drawn_or_it_is_switched_off() -> None:
    model = Toknar.tiny()
    greedy = GenerationConfig(max_new_tokens=96, do_sample=False)
    synthesis = model.synthesize(IDS, generation=greedy)
    assert synthesis.probabilities is not None
    assert torch.equal(synthesis.probabilities.argmax(dim=3), synthesis.features)
    torch.testing.assert_close(synthesis.probabilities.sum(dim=3), torch.ones(synthesis.features.shape))
    drawn = GenerationConfig(max_new_tokens=96, do_sample=True)
    assert model.synthesize(IDS, generation=drawn, seed=0).probabilities is None
    model.config.soft_decoding = False
    assert model.synthesize(IDS, generation=greedy).probabilities is None


def test_speed_divides_the_durations_and_is_kept_with_the_voice(tmp_path: Path) -> None:
    model = Toknar.tiny()
    with torch.no_grad():
        model.durations[-1].weight.zero_()
        model.durations[-1].bias.fill_(math.log(3.5))

    def n_frames(spoken_by: Toknar, **options: Any) -> int:
        return int(spoken_by.generate(IDS, output_audio=False, **options).n_frames[0])

    # Seven units of 3.5 frames; whole frames are chosen so that rounding does not add up.
    assert [n_frames(model, speed=speed) for speed in (None, 1.0, 2.0, 0.5)] == [25, 25, 12, 49]
    assert n_frames(model, generation_config=GenerationConfig(speed=2.0)) == 12
    model.generation_config.speed = 2.0
    model.save_pretrained(tmp_path)
    again = Toknar.from_pretrained(tmp_path)
    assert again.generation_config.speed == 2.0
    assert n_frames(again) == 12
    assert n_frames(again, speed=1.0) == 25
    with pytest.raises(ModelError, match=r"speed: must be from 0\.5 to 2, got 0\.4; change it"):
        n_frames(model, speed=0.4)
