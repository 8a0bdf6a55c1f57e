import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from toktts.data.collate import IGNORED, Collator
from toktts.errors import TrainingError


@st.composite
def rows(draw):
    n_codebooks = draw(st.integers(1, 4))
    return [
        {
            "id": f"clip-{index}",
            "input_ids": draw(st.lists(st.integers(3, 383), min_size=1, max_size=8)),
            "codes": draw(
                st.integers(1, 9).flatmap(
                    lambda n: st.lists(
                        st.lists(st.integers(0, 1023), min_size=n, max_size=n),
                        min_size=n_codebooks,
                        max_size=n_codebooks,
                    )
                )
            ),
        }
        for index in range(draw(st.integers(1, 5)))
    ]


@given(rows())
def test_what_is_not_padding_is_the_rows(clips):
    batch = Collator(pad_token_id=0)(clips)
    for index, row in enumerate(clips):
        assert batch["input_ids"][index][batch["attention_mask"][index] == 1].tolist() == row["input_ids"]
        kept = batch["labels"][index][:, batch["labels"][index, 0] != IGNORED]
        assert kept.tolist() == row["codes"]


@given(rows())
def test_a_batch_is_as_long_as_its_longest_row(clips):
    batch = Collator(pad_token_id=7)(clips)
    assert batch["input_ids"].shape == (len(clips), max(len(row["input_ids"]) for row in clips))
    assert batch["labels"].shape[1:] == (len(clips[0]["codes"]), max(len(row["codes"][0]) for row in clips))
    assert (batch["input_ids"][batch["attention_mask"] == 0] == 7).all()
    assert {tensor.dtype for tensor in batch.values()} == {torch.int64}


def test_codes_come_as_lists_arrays_or_tensors():
    codes = [[1, 2], [3, 4]]
    expected = Collator(pad_token_id=0)([{"input_ids": [5], "codes": codes}])
    for same in (np.array(codes, dtype=np.int16), torch.tensor(codes)):
        assert torch.equal(Collator(pad_token_id=0)([{"input_ids": [5], "codes": same}])["labels"], expected["labels"])


def test_an_empty_batch_is_refused():
    with pytest.raises(TrainingError, match="batch holds no rows; check the batch size"):
        Collator(pad_token_id=0)([])


def test_a_row_without_text_is_named():
    with pytest.raises(TrainingError, match="clip-7: has no text; leave it out"):
        Collator(pad_token_id=0)([{"id": "clip-7", "input_ids": [], "codes": [[1]]}])


@pytest.mark.parametrize(("codes", "shape"), [([[], []], r"\(2, 0\)"), ([1, 2], r"\(2,\)")])
def test_a_row_without_frames_is_named(codes, shape):
    with pytest.raises(TrainingError, match=rf"clip-7: codes have shape {shape}, not \(n_codebooks, n_frames\)"):
        Collator(pad_token_id=0)([{"id": "clip-7", "input_ids": [1], "codes": codes}])


def test_rows_of_two_codecs_are_refused():
    clips = [{"id": "a", "input_ids": [1], "codes": [[1]]}, {"id": "b", "input_ids": [1], "codes": [[1], [2]]}]
    with pytest.raises(TrainingError, match="b: has 2 codebooks, the batch's first row 1; use one token cache"):
        Collator(pad_token_id=0)(clips)


def mel_row(name, n_frames, **columns):
    generator = np.random.default_rng(n_frames)
    return {
        "id": name,
        "input_ids": [5, 6, 1][: n_frames - 1],
        "mel": generator.normal(-5, 2, (4, n_frames)).astype(np.float16),
        "pitch": generator.uniform(0, 300, n_frames).astype(np.float32),
        "energy": generator.uniform(0, 9, n_frames).astype(np.float32),
        "durations": [n_frames - len([5, 6, 1][: n_frames - 1]) + 1, 1, 1][: n_frames - 1],
        "speaker_id": n_frames,
    } | columns


def test_mel_and_what_belongs_to_its_frames_and_ids_is_padded():
    rows = [mel_row("a", 3), mel_row("b", 6)]
    batch = Collator(pad_token_id=0)(rows)
    assert batch["labels"].dtype == batch["pitch"].dtype == batch["energy"].dtype == torch.float32
    assert batch["durations"].dtype == batch["speaker_ids"].dtype == torch.int64
    assert batch["speaker_ids"].tolist() == [3, 6]
    assert (batch["labels"][0, :, 3:] == IGNORED).all()
    assert (batch["pitch"][0, 3:] == 0).all()
    for index, row in enumerate(rows):
        n_frames, n_ids = row["mel"].shape[1], len(row["input_ids"])
        assert torch.equal(batch["labels"][index, :, :n_frames], torch.from_numpy(row["mel"]).float())
        for name in ("pitch", "energy"):
            assert torch.equal(batch[name][index, :n_frames], torch.from_numpy(row[name]))
        assert batch["durations"][index].tolist() == row["durations"] + [0] * (batch["durations"].shape[1] - n_ids)


def test_rows_without_prosody_make_batches_without():
    bare = [{name: row[name] for name in ("id", "input_ids", "mel")} for row in (mel_row("a", 3), mel_row("b", 6))]
    assert set(Collator(pad_token_id=0)(bare)) == {"input_ids", "attention_mask", "labels"}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"pitch": np.zeros(5)}, r"b: pitch has shape \(5,\), not \(6,\); cache again"),
        ({"energy": np.zeros((6, 1))}, r"b: energy has shape \(6, 1\), not \(6,\); cache again"),
        ({"durations": [6]}, r"b: durations has shape \(1,\), not \(3,\); cache again"),
        ({"mel": np.zeros((5, 6))}, "b: has 5 bands, the batch's first row 4; use one token cache"),
        ({"mel": np.zeros((4, 0))}, r"b: mel have shape \(4, 0\), not \(n_mels, n_frames\); cache again"),
    ],
)
def test_rows_whose_columns_do_not_fit_are_named(columns, message):
    with pytest.raises(TrainingError, match=message):
        Collator(pad_token_id=0)([mel_row("a", 3), mel_row("b", 6, **columns)])
