import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toktts.tokens import LAYOUTS, arrange, restore, stack, unstack

FILL = 1024


@st.composite
def code_batches(draw: st.DrawFn) -> torch.Tensor:
    shape = draw(st.integers(1, 3)), draw(st.integers(1, 8)), draw(st.integers(0, 40))
    return torch.randint(0, FILL, shape, generator=torch.Generator().manual_seed(draw(st.integers(0, 999))))


@pytest.mark.parametrize("layout", LAYOUTS)
@given(codes=code_batches())
def test_restore_undoes_arrange_for_any_size(layout: str, codes: torch.Tensor) -> None:
    code_ids = arrange(layout, codes, fill=FILL)
    assert torch.equal(restore(layout, code_ids, n_codebooks=codes.shape[1]), codes)


@pytest.mark.parametrize("layout", LAYOUTS)
@given(codes=code_batches())
def test_a_layout_holds_every_code_once_and_the_fill_elsewhere(layout: str, codes: torch.Tensor) -> None:
    code_ids = arrange(layout, codes, fill=FILL)
    assert sorted(code_ids[code_ids != FILL].tolist()) == sorted(codes.flatten().tolist())


@pytest.mark.parametrize("layout", LAYOUTS)
@given(codes=code_batches(), cut=st.integers(0, 40))
def test_steps_cut_off_anywhere_restore_the_frames_before_them(layout: str, codes: torch.Tensor, cut: int) -> None:
    code_ids = arrange(layout, codes, fill=FILL)[:, :cut]
    restored = restore(layout, code_ids, n_codebooks=codes.shape[1])
    assert torch.equal(restored, codes[..., : restored.shape[-1]])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_codebook_never_comes_before_the_one_it_refines(layout: str) -> None:
    codes = torch.arange(12).view(1, 3, 4)
    code_ids = arrange(layout, codes, fill=FILL)[0].tolist()
    steps = {code: step for step, row in enumerate(code_ids) for code in row if code != FILL}
    for frame in range(4):
        order = [steps[int(codes[0, codebook, frame])] for codebook in range(3)]
        assert order == sorted(order)


@given(codes=code_batches(), frames_per_step=st.integers(1, 5))
def test_stacked_frames_restore_exactly_with_fill_behind_them(codes: torch.Tensor, frames_per_step: int) -> None:
    code_ids = arrange("stacked", codes, fill=FILL, frames_per_step=frames_per_step)
    n_frames = codes.shape[2]
    assert code_ids.shape[1:] == (-(-n_frames // frames_per_step), frames_per_step * codes.shape[1])
    restored = restore("stacked", code_ids, n_codebooks=codes.shape[1])
    assert torch.equal(restored[..., :n_frames], codes)
    assert (restored[..., n_frames:] == FILL).all()
    assert restored.shape[2] - n_frames < frames_per_step


@given(codes=code_batches(), frames_per_step=st.integers(1, 4))
def test_the_codes_of_a_stacked_step_stand_in_order_of_frames_then_codebooks(
    codes: torch.Tensor, frames_per_step: int
) -> None:
    stacked = stack(codes, frames_per_step, fill=FILL)
    for step in range(stacked.shape[2]):
        frames = codes[:, :, step * frames_per_step : (step + 1) * frames_per_step]
        said = stacked[:, : frames.shape[1] * frames.shape[2], step]
        assert torch.equal(said, frames.transpose(1, 2).flatten(1))
    assert torch.equal(unstack(stacked, codes.shape[1])[..., : codes.shape[2]], codes)
