import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_tokar import GREEDY, TEXTS, padded, speak, tiny
from transformers import GenerationConfig

from toktts.errors import ModelError
from toktts.models.modules import stepping
from toktts.models.modules.pointer import Pointer, elapsed_frames
from toktts.models.modules.sampling import RowSampler
from toktts.models.modules.stepping import StepDecoder
from toktts.models.modules.transformer import rotary_angles
from toktts.models.tokar import TokarConfig, TokarOutput
from toktts.tokens.layouts import LAYOUTS
from toktts.tokens.steps import HOLE, n_steps, steps_from_codes, steps_to_codes

every_layout = pytest.mark.parametrize("layout", LAYOUTS)


# Steps


@st.composite
def codes(draw: st.DrawFn) -> torch.Tensor:
    """Any codes, 0 frames included, as int64 (batch, n_codebooks, n_frames)."""
    shape = draw(st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(0, 12)))
    return torch.randint(0, 50, shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 1000))))


@every_layout
@settings(max_examples=40)
@given(codes=codes())
def test_steps_to_codes_undoes_steps_from_codes(layout: str, codes: torch.Tensor) -> None:
    n_frames = codes.shape[2]
    if layout == "delay" and not n_frames:
        return
    steps = steps_from_codes(layout, codes)
    assert steps.shape[1] == n_steps(layout, n_frames, codes.shape[1])
    assert torch.equal(steps_to_codes(layout, steps, n_frames=n_frames), codes)
    filled = torch.where(steps == HOLE, 7, steps)
    assert torch.equal(steps_to_codes(layout, filled, n_frames=n_frames), codes), "what stands in holes is ignored"


@settings(max_examples=30)
@given(codes=codes())
def test_each_code_stands_at_one_step_and_a_flat_step_holds_one(codes: torch.Tensor) -> None:
    for layout in LAYOUTS:
        held = steps_from_codes(layout, codes) != HOLE
        assert int(held.sum()) == codes.numel()
    if codes.shape[2]:
        assert (steps_from_codes("flat", codes) != HOLE).sum(dim=2).eq(1).all()


def test_steps_of_a_small_example() -> None:
    codes = torch.tensor([[[1, 3], [2, 4]]])
    assert steps_from_codes("parallel", codes).tolist() == [[[1, 2], [3, 4]]]
    assert steps_from_codes("delay", codes).tolist() == [[[1, HOLE], [3, 2], [HOLE, 4]]]
    flat = [[1, HOLE], [HOLE, 2], [3, HOLE], [HOLE, 4]]
    assert steps_from_codes("flat", codes).tolist() == [flat]


# Pointer


def test_elapsed_frames_count_from_0_at_every_unit() -> None:
    units = torch.tensor([[0, 0, 1, 1, 1, 2], [0, 1, 2, 2, 2, 2]])
    assert elapsed_frames(units).tolist() == [[0, 1, 0, 1, 2, 0], [0, 0, 0, 1, 2, 3]]


def walk(probabilities: list[float], *, n_units: int, most: int = 100, limit: int = 1000) -> tuple[Pointer, list[int]]:
    """Frames spent at each unit when the same probabilities come at every unit, the last one for ever."""
    pointer = Pointer([n_units], max_frames_per_unit=most)
    spent = [0] * n_units
    while not pointer.all_left:
        spent[pointer.units[0]] += 1
        probability = probabilities[min(pointer.elapsed[0], len(probabilities) - 1)]
        pointer.advance([probability], limit=limit)
    return pointer, spent


@pytest.mark.parametrize(("probability", "frames"), [(0.9, 1), (0.5, 2), (0.3, 2), (0.2, 4), (0.1, 7), (0.05, 14)])
def test_the_pointer_moves_at_the_median_of_a_geometric_duration(probability: float, frames: int) -> None:
    """The smallest n with (1 - p)^n below one half; at p = 0.5 that is 2, for 0.5 is not below it."""
    assert min(n for n in range(1, 100) if (1 - probability) ** n < 0.5) == frames
    pointer, spent = walk([probability], n_units=3)
    assert spent == [frames] * 3
    assert pointer.has_left_text == [True]


def test_a_certain_move_happens_there_and_nowhere_else() -> None:
    assert walk([0.0, 0.0, 1.0], n_units=4)[1] == [3] * 4


def test_a_pointer_that_never_wants_to_move_moves_at_the_limit_of_a_unit() -> None:
    assert walk([0.0], n_units=3, most=5)[1] == [5] * 3


@settings(max_examples=40)
@given(
    n_units=st.lists(st.integers(1, 8), min_size=1, max_size=4),
    limit=st.integers(1, 60),
    seed=st.integers(0, 1000),
)
def test_every_pointer_says_all_units_in_order_and_leaves(n_units: list[int], limit: int, seed: int) -> None:
    pointer = Pointer(n_units, max_frames_per_unit=6)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(6 * max(n_units)):
        before = pointer.units.copy()
        pointer.advance(torch.rand(len(n_units), generator=generator).tolist(), limit=limit)
        assert {now - then for now, then in zip(pointer.units, before, strict=True)} <= {0, 1}
        assert all(unit < n for unit, n in zip(pointer.units, n_units, strict=True))
    assert pointer.all_left
    for row, n in enumerate(n_units):
        assert pointer.n_frames[row] <= limit
        assert pointer.has_left_text[row] or pointer.n_frames[row] == limit
        assert pointer.units[row] == n - 1 or not pointer.has_left_text[row]


def test_a_row_that_has_left_counts_no_more_frames() -> None:
    pointer = Pointer([1, 2], max_frames_per_unit=9)
    for _ in range(4):
        pointer.advance([1.0, 0.4], limit=100)
    assert pointer.n_frames == [1, 4]
    assert pointer.has_left == [True, True]


# Sampling


def sampler(ids: list[list[int]], seed: int | None = 0, **wish: object) -> RowSampler:
    wanted = GenerationConfig(**{"do_sample": True, **wish})
    return RowSampler(*padded(ids), generation=wanted, seed=seed)


def test_draws_follow_the_softmax() -> None:
    """4000 draws: the standard deviation of a share is below 0.008, so 0.04 is five of them."""
    logits = torch.tensor([[0.0, 1.0, 2.0]])
    drawing = sampler([[3, 1]])
    counts = torch.bincount(torch.cat([drawing.draw(logits) for _ in range(4000)]), minlength=3) / 4000
    torch.testing.assert_close(counts, logits.softmax(dim=1)[0], rtol=0, atol=0.04)


def test_top_k_and_top_p_leave_the_unlikely_out() -> None:
    logits = torch.tensor([[0.0, 0.5, 3.0, 3.1]])
    for wish in ({"top_k": 2}, {"top_k": 0, "top_p": 0.9}):
        drawing = sampler([[3, 1]], **wish)
        assert {int(drawing.draw(logits)) for _ in range(200)} == {2, 3}


def test_without_sampling_the_likeliest_is_taken() -> None:
    assert sampler([[3, 1]], do_sample=False).draw(torch.tensor([[0.0, 2.0, 1.0]])).tolist() == [1]


def test_a_row_draws_the_same_in_any_company_and_differently_for_another_seed() -> None:
    logits = torch.zeros(1, 1000)
    alone = [int(sampler([[3, 4]], seed=seed).draw(logits)) for seed in (0, 0, 1)]
    together = sampler([[9, 9, 9], [3, 4]]).draw(logits.expand(2, -1))
    assert alone[0] == alone[1] == int(together[1])
    assert alone[0] != alone[2]


def test_draws_of_two_codebooks_and_of_many_steps_follow_the_softmax() -> None:
    """Blocks of numbers are used up and drawn anew; 4000 draws each, five standard deviations as above."""
    logits = torch.tensor([[[0.0, 1.0, 2.0], [2.0, 0.0, 0.0]]])
    drawing = sampler([[3, 1]])
    drawn = torch.cat([drawing.draw(logits) for _ in range(4000)])
    for book in range(2):
        shares = torch.bincount(drawn[:, book], minlength=3) / 4000
        torch.testing.assert_close(shares, logits.softmax(dim=2)[0, book], rtol=0, atol=0.04)
    joint = torch.bincount(3 * drawn[:, 0] + drawn[:, 1], minlength=9).view(3, 3) / 4000
    probabilities = logits.softmax(dim=2)[0]
    torch.testing.assert_close(joint, probabilities[0][:, None] * probabilities[1], rtol=0, atol=0.04)


def test_a_code_without_probability_is_never_drawn() -> None:
    logits = torch.tensor([[-torch.inf, 0.0, -torch.inf]])
    drawing = sampler([[3, 1]], top_k=0)
    assert {int(drawing.draw(logits)) for _ in range(500)} == {1}


def test_frames_draw_the_same_however_much_padding_follows_and_again_in_later_calls() -> None:
    logits = torch.zeros(1, 9, 1000)
    short, long = sampler([[3, 4]]), sampler([[3, 4]])
    for _ in range(2):
        assert torch.equal(short.draw_frames(logits[:, :4]), long.draw_frames(logits)[:, :4])


# The model


@every_layout
def test_no_frame_hears_a_later_one(layout: str) -> None:
    """Gradients of one frame's logits with respect to the embedded history, the pointer's path given."""
    model = tiny(layout)
    labels = torch.randint(0, 16, (1, 2, 12))
    encoded = model.encode_text(*padded([TEXTS[0]]))
    history = steps_from_codes(layout, labels)
    units = torch.arange(history.shape[1])[None].clamp(max=3)
    for step in range(history.shape[1]):
        changed = history.clone()
        changed[:, step + 1 :] = HOLE
        outputs = [model._run_decoder(encoded, given, units, elapsed_frames(units)) for given in (history, changed)]
        torch.testing.assert_close(outputs[0][:, : step + 1], outputs[1][:, : step + 1], rtol=0, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_step_at_a_time_equals_all_steps_at_once(dtype: torch.dtype) -> None:
    """Longer than the first room for keys and values, so that it grows on the way."""
    model = tiny(max_frames=400).to(dtype)
    n_steps = 2 * stepping.FIRST_ROOM + 3
    hidden = torch.randn(2, n_steps, 32).to(dtype)
    heads = [*model.code_heads, model.advance_head]
    decoder = StepDecoder(model.decoder, model.decoder_norm, heads)
    steps = torch.stack([decoder(hidden[:, step]) for step in range(n_steps)], dim=1)
    angles = rotary_angles(torch.arange(n_steps), 16)
    for layer in model.decoder:
        hidden = layer(hidden, angles)
    whole = torch.cat([head(model.decoder_norm(hidden)) for head in heads], dim=2)
    assert steps.dtype == dtype
    # bfloat16 keeps 8 bits: 2^-8 of values around 4, over two layers.
    torch.testing.assert_close(steps, whole, rtol=0, atol=1e-5 if dtype == torch.float32 else 0.05)


@torch.no_grad()
def test_a_step_feels_every_position_before_it() -> None:
    """Turned queries and keys: the same neighbours at other distances give another result."""
    model = tiny()
    one, two = torch.randn(2, 1, 32)
    outputs = []
    for order in ([one, two, two], [two, one, two]):
        decoder = StepDecoder(model.decoder, model.decoder_norm, [model.advance_head])
        outputs.append([decoder(vector) for vector in order][-1])
    assert not torch.allclose(*outputs)


@every_layout
@torch.no_grad()
def test_what_is_spoken_is_what_training_would_have_predicted(layout: str) -> None:
    """Greedy codes, fed back as labels along the path of the pointer, are the likeliest everywhere again."""
    model = tiny(layout)
    ids, mask = padded([TEXTS[2]])
    speech = model.synthesize(ids, mask, generation=GREEDY)
    n_frames = int(speech.n_frames[0])
    codes = speech.features[:, :, :n_frames]
    units = speech.alignment[:, :n_frames].argmax(dim=2)
    assert units[0, -1] == len(TEXTS[2]) - 1
    steps = steps_from_codes(layout, codes)
    hidden = model._teacher_forced(model.encode_text(ids, mask), steps, units)
    logits = model.code_logits(hidden, steps)
    assert torch.equal(model.predicted_codes(logits, codes), codes)


@every_layout
@pytest.mark.parametrize("sampled", [False, True])
def test_a_batch_a_shuffled_batch_and_single_texts_give_identical_codes(layout: str, sampled: bool) -> None:
    model = tiny(layout)
    wish = {"do_sample": True, "temperature": 1.0, "seed": 5} if sampled else {"do_sample": False}
    together = speak(model, TEXTS, **wish)
    order = [3, 0, 4, 2, 1]
    shuffled = dict(zip(order, speak(model, [TEXTS[index] for index in order], **wish), strict=True))
    for index, text in enumerate(TEXTS):
        alone = speak(model, [text], **wish)[0]
        assert torch.equal(together[index], alone)
        assert torch.equal(shuffled[index], alone)
    assert len({codes.shape[1] for codes in together}) > 1, "blind if all texts are equally long"


@every_layout
def test_speech_ends_with_its_text_or_at_the_limit_and_says_which(layout: str) -> None:
    model = tiny(layout)
    ids, mask = padded([TEXTS[2], TEXTS[1]])
    free = model.generate(ids, attention_mask=mask, do_sample=False, output_audio=False)
    assert free.stop_reasons == ["eos", "eos"]
    short = model.generate(ids, attention_mask=mask, do_sample=False, output_audio=False, max_new_tokens=5)
    assert short.n_frames.max() <= 5
    assert short.stop_reasons[0] == "length"
    assert (short.features >= 0).all()


@every_layout
def test_the_alignment_gives_each_frame_one_unit_from_first_to_last(layout: str) -> None:
    ids, mask = padded(TEXTS)
    speech = tiny(layout).synthesize(ids, mask, generation=GREEDY)
    for row, text in enumerate(TEXTS):
        units = speech.alignment[row, : int(speech.n_frames[row])].argmax(dim=1)
        assert units[0] == 0
        assert units[-1] == len(text) - 1
        assert set(units.diff().tolist()) <= {0, 1}


@every_layout
def test_forward_gives_the_loss_its_parts_and_a_path(layout: str) -> None:
    model = tiny(layout)
    ids, mask = padded(TEXTS[:2])
    labels = torch.randint(0, 16, (2, 2, 12))
    labels[1, :, 7:] = -100
    output = model(input_ids=ids, attention_mask=mask, labels=labels)
    assert isinstance(output, TokarOutput)
    config = model.config
    parts = output.code_loss + config.alignment_weight * output.alignment_loss
    torch.testing.assert_close(output.loss, parts + config.advance_weight * output.advance_loss)
    assert output.units[:, -1].tolist() == [3, 1]
    output.loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@torch.no_grad()
def test_rows_from_the_codec_make_similar_codes_similar() -> None:
    model = tiny()
    vectors = torch.randn(2, 16, 20)
    vectors[:, 1] = vectors[:, 0] + 0.01
    model.use_code_vectors(vectors)
    table = model.code_embeddings[0].weight
    assert (table[0] - table[1]).norm() < 0.1 * (table[0] - table[2]).norm()


def test_fewer_frames_than_units_are_refused_with_both_numbers() -> None:
    ids, mask = padded([TEXTS[1], TEXTS[2]])
    labels = torch.zeros(2, 2, 6, dtype=torch.long)
    with pytest.raises(ModelError, match="labels: 6 frames cannot say 7 text ids, one frame each at least; give whole"):
        tiny()(input_ids=ids, attention_mask=mask, labels=labels)


def test_forward_without_labels_is_refused() -> None:
    with pytest.raises(ModelError, match="forward wants input_ids and labels; call generate to speak"):
        tiny()(input_ids=torch.tensor([[3, 1]]))


def test_beams_are_refused() -> None:
    with pytest.raises(ModelError, match="num_beams: this family has no beam search; leave num_beams at 1"):
        tiny().generate(torch.tensor([[3, 1]]), num_beams=4, output_audio=False)


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(ModelError, match="layout: unknown layout 'piled'; write one of flat, delay, parallel"):
        TokarConfig(layout="piled")


def test_heads_that_do_not_divide_the_channels_are_refused() -> None:
    with pytest.raises(ModelError, match="hidden_size: 24 is no multiple of twice num_attention_heads 16; change one"):
        TokarConfig(hidden_size=24, num_attention_heads=16)


def test_the_names_live_beside_the_model() -> None:
    assert TokarConfig.model_type == "tokar"
    assert {field.name for field in dataclasses.fields(TokarOutput)} >= {"loss", "logits", "code_loss", "units"}
