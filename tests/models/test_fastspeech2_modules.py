"""Length regulator, prosody on its scale, buckets, post-net: the parts of `fastspeech2` one by one."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toktts.errors import ModelError
from toktts.models.modules.code_heads import CodeHeads
from toktts.models.modules.fft_block import FFTBlock
from toktts.models.modules.positions import sinusoids
from toktts.models.modules.postnet import PostNet
from toktts.models.modules.prosody import ProsodyScale, fill_unvoiced, unit_means
from toktts.models.modules.repeating import places_in_units, repeat_units, round_durations, units_of_frames
from toktts.models.modules.variance import Variance, VariancePredictor

frames_of_units = st.lists(st.integers(0, 9), min_size=1, max_size=12).filter(any)


@given(frames_of_units)
def test_repeating_equals_repeat_interleave(lengths: list[int]) -> None:
    durations = torch.tensor([lengths])
    units = torch.randn(1, len(lengths), 3)
    repeated = repeat_units(units, units_of_frames(durations))
    assert torch.equal(repeated[0], units[0].repeat_interleave(durations[0], dim=0))


@given(frames_of_units, frames_of_units)
def test_a_row_is_repeated_as_it_would_be_alone(first: list[int], second: list[int]) -> None:
    size = max(len(first), len(second))
    durations = torch.tensor([row + [0] * (size - len(row)) for row in (first, second)])
    together = units_of_frames(durations)
    for row, lengths in enumerate((first, second)):
        alone = units_of_frames(torch.tensor([lengths]))[0]
        assert torch.equal(together[row, : len(alone)], alone)


def test_each_frame_knows_where_in_its_unit_it_lies() -> None:
    durations = torch.tensor([[1, 0, 4]])
    places = places_in_units(units_of_frames(durations), durations)[0]
    torch.testing.assert_close(places[:, 0].expm1(), torch.tensor([0.5, 0.5, 1.5, 2.5, 3.5]))
    torch.testing.assert_close(places[:, 1].expm1(), torch.tensor([0.5, 3.5, 2.5, 1.5, 0.5]))
    torch.testing.assert_close(places[:, 2], torch.tensor([0.5, 0.125, 0.375, 0.625, 0.875]))
    torch.testing.assert_close(places[:, 3].expm1(), torch.tensor([1.0, 4.0, 4.0, 4.0, 4.0]))


@given(st.lists(st.floats(0.0, 40.0), min_size=1, max_size=20))
def test_rounding_durations_keeps_their_sum_and_never_gives_silence(frames: list[float]) -> None:
    wanted = torch.tensor([[*frames, 7.0]])
    is_real = torch.ones_like(wanted, dtype=torch.bool)
    is_real[0, -1] = False
    rounded = round_durations(wanted, is_real, limit=50)
    assert int(rounded.min()) >= 0
    assert rounded[0, -1] == 0
    assert int(rounded.sum()) >= 1
    assert abs(float(rounded.sum()) - sum(frames)) <= 1.0


def test_where_all_durations_are_zero_the_last_real_unit_gets_a_frame() -> None:
    is_real = torch.tensor([[True, True, False], [True, True, True]])
    assert round_durations(torch.zeros(2, 3), is_real, limit=9).tolist() == [[0, 1, 0], [0, 0, 1]]


def test_scores_of_a_fitted_scale_have_mean_0_and_deviation_1() -> None:
    scale = ProsodyScale("pitch")
    hertz = torch.tensor([0.0, 100.0, 120.0, 150.0, 0.0, 200.0])
    scale.fit([hertz[:3], hertz[3:]])
    scores = scale.scores(hertz[hertz > 0])
    torch.testing.assert_close(scores.mean(), torch.tensor(0.0), atol=1e-5, rtol=0)
    torch.testing.assert_close(scores.std(correction=0), torch.tensor(1.0), atol=1e-5, rtol=0)
    torch.testing.assert_close(scale.facts[2:], torch.tensor([100.0, 200.0]))


@pytest.mark.parametrize("kind", ["pitch", "energy"])
@given(st.floats(2.0, 400.0), st.floats(0.5, 2.0))
def test_a_factor_on_scores_is_a_factor_on_what_they_stand_for(kind: str, value: float, factor: float) -> None:
    scale = ProsodyScale(kind)  # type: ignore[arg-type]
    scores = scale.scores(torch.tensor([value]))
    torch.testing.assert_close(scale.natural(scores), torch.tensor([value]), rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(
        scale.natural(scale.scaled(scores, factor)), torch.tensor([value * factor]).clamp(min=1.0), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("clips", [[], [torch.zeros(5)], [torch.full((9,), 120.0)], [torch.tensor([90.0, math.nan])]])
def test_a_corpus_without_pitch_is_refused(clips: list[torch.Tensor]) -> None:
    message = r"pitch_level: pitch of the corpus has \d values that do not differ or are not finite; look at the rec"
    with pytest.raises(ModelError, match=message):
        ProsodyScale("pitch").fit(clips)


def test_unvoiced_frames_take_the_line_in_log_pitch_and_ends_are_held() -> None:
    pitch = torch.tensor([[0.0, 100.0, 0.0, 0.0, 800.0, 0.0, 0.0], [0.0] * 7])
    is_real = torch.ones(2, 7, dtype=torch.bool)
    filled = fill_unvoiced(pitch, is_real)
    torch.testing.assert_close(filled[0], torch.tensor([100.0, 100.0, 200.0, 400.0, 800.0, 800.0, 800.0]))
    assert not filled[1].any()


def test_padding_is_no_neighbour_of_unvoiced_frames() -> None:
    pitch = torch.tensor([[100.0, 0.0, 400.0]])
    assert fill_unvoiced(pitch, torch.tensor([[True, True, False]]))[0, :2].tolist() == pytest.approx([100.0, 100.0])


def test_a_unit_without_frames_is_0_and_leaves_its_neighbours_alone() -> None:
    durations = torch.tensor([[2, 0, 0, 3]])
    values = torch.tensor([[1.0, 3.0, 10.0, 20.0, 30.0, 99.0]])
    path = torch.nn.functional.pad(units_of_frames(durations), (0, 1), value=3)
    counted = torch.tensor([[True] * 5 + [False]])
    assert unit_means(values, path, counted, n_units=4).tolist() == [[2.0, 0.0, 0.0, 20.0]]


def variance(spacing: str, *, n_buckets: int = 11) -> Variance:
    predictor = VariancePredictor(4, channels=[4], kernel_size=3, dropout=0.0)
    made = Variance("pitch", predictor, n_buckets=n_buckets, spacing=spacing, size=4)  # type: ignore[arg-type]
    made.scale.facts.copy_(torch.tensor([math.log(200.0), 0.5, 100.0, 400.0]))
    return made


@pytest.mark.parametrize(
    ("spacing", "edges"),
    [
        ("linear", torch.linspace(100.0, 400.0, 10)),
        ("log", torch.logspace(math.log10(100.0), math.log10(400.0), 10)),
    ],
)
def test_buckets_share_the_range_as_torch_bucketize_says(spacing: str, edges: torch.Tensor) -> None:
    made = variance(spacing)
    hertz = torch.linspace(50.0, 500.0, 333)
    assert torch.equal(made.bucket(made.scale.scores(hertz)), torch.bucketize(hertz, edges))
    assert made.bucket(made.scale.scores(torch.tensor([50.0, 500.0]))).tolist() == [0, 10]


def test_log_buckets_are_finer_below() -> None:
    hertz = torch.tensor([190.0])
    assert variance("log").bucket(variance("log").scale.scores(hertz)) > variance("linear").bucket(
        variance("linear").scale.scores(hertz)
    )


@torch.no_grad()
def test_a_raised_control_moves_the_bucket_unless_the_truth_is_given() -> None:
    torch.manual_seed(0)
    made, hidden, is_real = variance("log"), torch.randn(1, 6, 4), torch.ones(1, 6, dtype=torch.bool)
    plain, scores = made(hidden, is_real)
    raised, higher = made(hidden, is_real, factor=1.5)
    before, after = made.bucket(scores), made.bucket(higher)
    is_last = before == made.buckets.num_embeddings - 1
    assert not bool(is_last.all())
    assert bool((after > before)[~is_last].all())
    torch.testing.assert_close(made.scale.natural(higher), 1.5 * made.scale.natural(scores))
    assert not torch.equal(plain, raised)
    truth = torch.zeros(1, 6)
    taught, predicted = made(hidden, is_real, teacher=truth, factor=1.5)
    assert torch.equal(taught, made.buckets(made.bucket(truth)))
    torch.testing.assert_close(predicted, scores)


@torch.no_grad()
@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
@pytest.mark.parametrize("is_residual", [True, False])
@pytest.mark.parametrize("norm_last", [True, False])
def test_padding_changes_no_frame_of_a_post_net(norm: str, is_residual: bool, norm_last: bool) -> None:
    torch.manual_seed(0)
    net = PostNet(
        5,
        8,
        n_layers=3,
        kernel_size=3,
        dropout=0.0,
        norm=norm,  # type: ignore[arg-type]
        is_residual=is_residual,
        norm_last=norm_last,
    )
    mel, is_real = torch.randn(2, 9, 5), torch.ones(2, 9, 1, dtype=torch.bool)
    is_real[0, 6:] = False
    more = torch.nn.functional.pad(mel, (0, 0, 0, 4), value=7.0)
    more_real = torch.nn.functional.pad(is_real, (0, 0, 0, 4), value=False)
    for training in (True, False):
        net.train(training)
        torch.testing.assert_close(net(more, more_real)[:, :9] * is_real, net(mel, is_real) * is_real)


def test_a_post_net_with_a_residual_adds_to_the_mel() -> None:
    settings = {"n_layers": 2, "kernel_size": 3, "dropout": 0.0, "norm": "none"}
    adding, writing = PostNet(5, 8, **settings), PostNet(5, 8, **settings, is_residual=False)  # type: ignore[arg-type]
    writing.load_state_dict(adding.state_dict())
    mel, is_real = torch.randn(1, 6, 5), torch.ones(1, 6, 1, dtype=torch.bool)
    torch.testing.assert_close(adding(mel, is_real), mel + writing(mel, is_real))


@torch.no_grad()
@pytest.mark.parametrize("norm", ["pre", "post", "branch"])
def test_attention_blocks_do_not_see_padding(norm: str) -> None:
    block = FFTBlock(
        8,
        2,
        head_size=6,
        intermediate_size=12,
        kernel_sizes=(3, 3),
        dropout=0.0,
        feed_dropout=0.0,
        norm=norm,  # type: ignore[arg-type]
    )
    hidden, is_real = torch.randn(1, 7, 8), torch.ones(1, 7, 1, dtype=torch.bool)
    padded = torch.nn.functional.pad(hidden, (0, 0, 0, 3), value=5.0)
    padded_real = torch.nn.functional.pad(is_real, (0, 0, 0, 3), value=False)
    torch.testing.assert_close(block(padded, padded_real)[:, :7], block(hidden, is_real))
    assert not block(padded, padded_real)[:, 7:].any()


def test_positions_are_waves_of_known_length() -> None:
    waves = sinusoids(torch.arange(3), 4)
    expected = [[math.sin(p), math.sin(p / 100), math.cos(p), math.cos(p / 100)] for p in range(3)]
    torch.testing.assert_close(waves, torch.tensor(expected))


@torch.no_grad()
def test_a_codebook_sees_the_codes_before_it_and_never_its_own_or_later_ones() -> None:
    heads = CodeHeads(3, 6, size=4, make_blocks=list)
    hidden, is_real = torch.randn(1, 5, 4), torch.ones(1, 5, 1, dtype=torch.bool)
    codes = torch.randint(0, 6, (1, 5, 3))
    before = heads(hidden, codes, is_real)
    for book in range(3):
        changed = codes.clone()
        changed[:, :, book] = (changed[:, :, book] + 1) % 6
        after = heads(hidden, changed, is_real)
        assert torch.equal(after[:, :, : book + 1], before[:, :, : book + 1])
        assert book == 2 or not torch.equal(after[:, :, book + 1 :], before[:, :, book + 1 :])


@torch.no_grad()
def test_codes_that_are_written_are_the_likeliest_given_those_before() -> None:
    heads = CodeHeads(2, 6, size=4, make_blocks=list)
    hidden, is_real = torch.randn(1, 5, 4), torch.ones(1, 5, 1, dtype=torch.bool)
    codes, logits = heads.write(hidden, is_real, lambda scored: scored.argmax(dim=2))
    again = heads(hidden, codes.transpose(1, 2), is_real).transpose(1, 2)
    torch.testing.assert_close(logits, again)
    assert torch.equal(codes, again.argmax(dim=3))
