"""`tokar` in the layout `stacked`: one step writes all codes of a frame, or of several."""

from pathlib import Path

import pytest
import torch
from tiny_tokar import GREEDY, TEXTS, padded, speak, tiny

from toktts.errors import ModelError
from toktts.models.tokar import Tokar, TokarConfig
from toktts.tokens.layouts import stack
from toktts.tokens.steps import HOLE, steps_from_codes

N_BOOKS = 2
every_depth = pytest.mark.parametrize("frames_per_step", [1, 2, 3])


def stacked(frames_per_step: int, **changes: object) -> Tokar:
    return tiny("stacked", frames_per_step=frames_per_step, **changes)


def labels_of(model: Tokar, n_frames: int, batch: int = 1) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, model.config.codebook_size, (batch, N_BOOKS, n_frames), generator=generator)


def teacher_forced(model: Tokar, ids: torch.Tensor, codes: torch.Tensor, units: torch.Tensor) -> torch.Tensor:
    """Logits of codes, along a path given for every step."""
    steps = steps_from_codes("stacked", stack(codes, model.config.frames_per_step, fill=HOLE))
    hidden = model._teacher_forced(model.encode_text(ids, torch.ones_like(ids)), steps, units)
    return model.code_logits(hidden, steps)


@every_depth
@torch.no_grad()
def test_a_code_hears_those_before_it_in_its_step_and_none_behind(frames_per_step: int) -> None:
    model = stacked(frames_per_step)
    ids, codes = torch.tensor([TEXTS[0]]), labels_of(model, 4 * frames_per_step)
    units = torch.tensor([[0, 1, 2, 3]])
    before = teacher_forced(model, ids, codes, units)
    for column in range(model.config.codes_per_step):
        frame, book = divmod(column, N_BOOKS)
        changed = codes.clone()
        changed[0, book, frames_per_step + frame] = (changed[0, book, frames_per_step + frame] + 1) % 16
        differs = (teacher_forced(model, ids, changed, units) != before).any(dim=3)[0]
        assert not differs[0].any()
        assert not differs[1, : column + 1].any()
        assert differs[1, column + 1 :].all()
        assert differs[2:].all()


@every_depth
@torch.no_grad()
def test_stacked_speech_is_what_training_would_have_predicted(frames_per_step: int) -> None:
    model = stacked(frames_per_step)
    ids, mask = padded([TEXTS[2]])
    speech = model.synthesize(ids, mask, generation=GREEDY)
    assert int(speech.n_frames[0]) % frames_per_step == 0
    units = speech.alignment[:, ::frames_per_step].argmax(dim=2)
    assert units[0, -1] == len(TEXTS[2]) - 1
    logits = teacher_forced(model, ids, speech.features, units)
    assert torch.equal(model.predicted_codes(logits, speech.features), speech.features)


@every_depth
@pytest.mark.parametrize("sampled", [False, True])
def test_company_and_order_do_not_change_stacked_codes(frames_per_step: int, sampled: bool) -> None:
    model = stacked(frames_per_step)
    wish = {"do_sample": True, "temperature": 1.0, "seed": 5} if sampled else {"do_sample": False}
    together = speak(model, TEXTS, **wish)
    backwards = speak(model, TEXTS[::-1], **wish)[::-1]
    for index, text in enumerate(TEXTS):
        alone = speak(model, [text], **wish)[0]
        assert torch.equal(together[index], alone)
        assert torch.equal(backwards[index], alone)
    assert len({codes.shape[1] for codes in together}) > 1, "blind if all texts are equally long"


def test_the_limit_is_kept_to_the_frame_and_each_frame_has_a_unit() -> None:
    model = stacked(2)
    ids, mask = padded([TEXTS[2], TEXTS[1]])
    speech = model.generate(ids, attention_mask=mask, do_sample=False, output_audio=False, max_new_tokens=5)
    assert speech.n_frames.tolist()[0] == 5
    assert speech.stop_reasons[0] == "length"
    assert speech.features.shape[2] == speech.units.shape[1]
    free = model.synthesize(ids, mask, generation=GREEDY)
    path = free.alignment[0, : int(free.n_frames[0])].argmax(dim=1)
    assert set(path.diff().tolist()) <= {0, 1}
    assert torch.equal(path[::2], path[1::2])


@every_depth
def test_the_loss_of_a_row_does_not_hear_its_padding(frames_per_step: int) -> None:
    model = stacked(frames_per_step)
    ids, mask = padded([TEXTS[1]])
    labels = labels_of(model, 7)
    alone = model(input_ids=ids, attention_mask=mask, labels=labels)
    longer = torch.nn.functional.pad(labels, (0, 5), value=-100)
    together = model(
        input_ids=torch.nn.functional.pad(ids, (0, 3)),
        attention_mask=torch.nn.functional.pad(mask, (0, 3)),
        labels=longer,
    )
    torch.testing.assert_close(together.loss, alone.loss, rtol=0, atol=1e-5)
    assert alone.units.shape == (1, 7)
    assert model.predicted_codes(alone.logits, labels).shape == labels.shape
    alone.loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@torch.no_grad()
def test_the_frames_of_a_step_begin_with_the_same_code_vectors() -> None:
    model = stacked(2)
    model.use_code_vectors(torch.randn(N_BOOKS, 16, 20))
    tables = [table.weight[:16] for table in model.code_embeddings]
    assert torch.equal(tables[0], tables[2])
    assert torch.equal(tables[1], tables[3])
    assert not torch.equal(tables[0], tables[1])


def test_several_frames_a_step_need_as_many_frames_for_each_text_id() -> None:
    model = stacked(2)
    assert model.config.frames_per_text_id == 2
    ids, mask = padded([TEXTS[0]])
    with pytest.raises(ModelError, match="labels: 7 frames cannot say 4 text ids, 2 frames each at least; give whole"):
        model(input_ids=ids, attention_mask=mask, labels=labels_of(model, 7))


@pytest.mark.parametrize(("layout", "frames"), [("delay", 2), ("stacked", 0)])
def test_frames_per_step_of_another_layout_are_refused(layout: str, frames: int) -> None:
    wanted = (
        f"frames_per_step: {frames} frames a step are written by layout stacked, 1 or more, not by {layout}; change"
    )
    with pytest.raises(ModelError, match=wanted):
        TokarConfig(layout=layout, frames_per_step=frames)


def test_a_voice_saved_before_there_were_stacked_layouts_has_the_tensors_it_had() -> None:
    names = {name.split(".")[0] for name, _ in tiny().named_parameters()}
    old = {"text_embedding", "encoder", "encoder_norm", "code_embeddings", "code_heads", "aligner"}
    assert names == old | {"elapsed_embedding", "context", "decoder", "decoder_norm", "advance_head"}


def test_a_stacked_voice_is_saved_and_loaded_whole(tmp_path: Path) -> None:
    model = stacked(2)
    model.save_pretrained(tmp_path)
    loaded = Tokar.from_pretrained(tmp_path)
    assert loaded.config.frames_per_step == 2
    for ours, theirs in zip(speak(model, TEXTS, seed=1), speak(loaded, TEXTS, seed=1), strict=True):
        assert torch.equal(ours, theirs)


@every_depth
def test_a_recording_is_aligned_to_the_frame(frames_per_step: int) -> None:
    model = stacked(frames_per_step)
    ids, mask = padded(TEXTS[:2])
    labels = labels_of(model, 13, batch=2)
    labels[1, :, 8:] = -100
    durations = model.align(ids, mask, labels)
    assert durations.sum(dim=1).tolist() == [13, 8]
    assert ((durations > 0) == mask.bool()).all()
    assert (durations[0, :-1] % frames_per_step == 0).all()


@every_depth
def test_a_stacked_model_learns_one_batch(frames_per_step: int) -> None:
    model = stacked(frames_per_step).train()
    ids, mask = padded(TEXTS[:2])
    labels = labels_of(model, 13, batch=2)
    torch.manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(40):
        loss = model(input_ids=ids, attention_mask=mask, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.75 * losses[0]
