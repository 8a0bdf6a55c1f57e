"""Phrases cut out of aligned rows: their text is what their frames say."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toktts.data.bucketing import BucketBatchSampler
from toktts.data.phrases import Phrase, PhraseDrawer, PhraseRows, PhraseSampler, Piece, Texts
from toktts.tokens.separators import Separators

BREAK, MARK, EOS = 5, 6, 1
SEPARATORS = Separators(BREAK, frozenset([MARK]), frozenset([BREAK, MARK]))


@st.composite
def corpora(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[np.ndarray]]:
    """Rows whose codes say which text id each frame is of, and how long each id lasts."""
    rows, durations = [], []
    for number in range(draw(st.integers(1, 6))):
        words = draw(st.lists(st.lists(st.integers(10, 30), min_size=1, max_size=4), min_size=1, max_size=6))
        ids: list[int] = []
        for word in words:
            ids += [*word, draw(st.sampled_from([BREAK, MARK]))]
        ids = [*(ids if ids[-1] == MARK else ids[:-1]), EOS]
        frames = np.array(draw(st.lists(st.integers(1, 6), min_size=len(ids), max_size=len(ids))))
        said = np.repeat(ids, frames)
        durations.append(frames)
        row = {"id": f"r{number}", "input_ids": ids, "codes": np.stack([said, np.full(len(said), number)])}
        rows.append(row | {"pitch": said.astype("float32"), "durations": frames})
    return rows, durations


def sampler_of(rows: list[dict[str, Any]], *, share: float = 1.0, seed: int = 0, **limits: int) -> PhraseSampler:
    lengths = [row["codes"].shape[1] for row in rows]
    batches = BucketBatchSampler(lengths, **(limits or {"batch_size": 2}), seed=seed)
    texts = Texts([row["input_ids"] for row in rows], [None] * len(rows), SEPARATORS)
    return PhraseSampler(batches, texts, share=share, seed=seed)


def epoch_of(sampler: PhraseSampler, epoch: int) -> list[list[Phrase | int]]:
    sampler.set_epoch(epoch)
    return list(sampler)


def n_frames(rows: list[dict[str, Any]], one: Phrase | int) -> int:
    return int(PhraseRows(rows, SEPARATORS)[one]["codes"].shape[1])


@given(corpora(), st.integers(0, 3))
def test_every_sound_of_a_phrase_is_in_its_text_and_the_other_way_round(corpus: Any, epoch: int) -> None:
    rows, durations = corpus
    sampler = sampler_of(rows)
    sampler.use(durations)
    for batch in epoch_of(sampler, epoch):
        for one in batch:
            row = PhraseRows(rows, SEPARATORS)[one]
            said = [int(unit) for unit in row["codes"][0]]
            sounds = [unit for before, unit in zip([None, *said], said, strict=False) if unit != before]
            text = [int(unit) for unit in row["input_ids"]]
            # The same id twice in a row looks like one long sound.
            folded = [unit for before, unit in zip([None, *text], text, strict=False) if unit != before]
            silent = (BREAK, MARK, EOS)
            squeezed = [unit for unit in sounds if unit not in silent]
            spoken = [unit for unit in folded if unit not in silent]
            assert _without_repeats(squeezed) == _without_repeats(spoken)
            assert text[-1] == EOS
            assert BREAK not in (text[0], text[-2])


def _without_repeats(units: list[int]) -> list[int]:
    return [unit for before, unit in zip([None, *units], units, strict=False) if unit != before]


@given(corpora(), st.integers(0, 3))
def test_frames_durations_and_columns_of_a_phrase_fit_each_other(corpus: Any, epoch: int) -> None:
    rows, durations = corpus
    sampler = sampler_of(rows)
    sampler.use(durations)
    for one in (one for batch in epoch_of(sampler, epoch) for one in batch):
        row = PhraseRows(rows, SEPARATORS)[one]
        total = row["codes"].shape[1]
        assert len(row["input_ids"]) <= total
        assert np.array_equal(row["pitch"], row["codes"][0])
        assert len(row["durations"]) == len(row["input_ids"])
        assert row["durations"].sum() == total
        assert row["durations"].min() >= 0
        # What a sound lasts is what its frames say.
        for unit in set(row["input_ids"]) - {BREAK, MARK, EOS}:
            is_unit = np.array(row["input_ids"]) == unit
            heard = int((row["codes"][0] == unit).sum())
            assert heard <= row["durations"][is_unit].sum()


@given(corpora(), st.integers(0, 5))
def test_no_batch_holds_more_than_without_phrases(corpus: Any, epoch: int) -> None:
    rows, durations = corpus
    longest = max(row["codes"].shape[1] for row in rows)
    plain = sampler_of(rows, max_frames=2 * longest)
    cut = sampler_of(rows, max_frames=2 * longest)
    cut.use(durations)
    batches = epoch_of(cut, epoch)
    assert len(batches) == len(plain) == len(cut)
    for batch in batches:
        assert len(batch) * max(n_frames(rows, one) for one in batch) <= 2 * longest


@given(corpora(), st.integers(0, 3))
def test_phrases_follow_from_seed_and_epoch_alone(corpus: Any, epoch: int) -> None:
    rows, durations = corpus
    one, other = sampler_of(rows, share=0.7), sampler_of(rows, share=0.7)
    one.use(durations)
    epoch_of(one, epoch + 1)
    other.use(durations)
    assert epoch_of(one, epoch) == epoch_of(other, epoch)


def long_rows(n_rows: int = 200) -> tuple[list[dict[str, Any]], list[np.ndarray]]:
    ids = [10, 11, BREAK, 12, 13, 14, BREAK, 15, MARK, 16, 17, BREAK, 18, 19, 20, MARK, EOS]
    durations = np.full(len(ids), 5)
    codes = np.repeat(ids, durations)[None]
    return [{"id": str(n), "input_ids": ids, "codes": codes} for n in range(n_rows)], [durations] * n_rows


def test_the_share_of_phrases_is_what_was_asked_for_and_half_of_them_are_of_one_row() -> None:
    rows, durations = long_rows()
    sampler = sampler_of(rows, share=0.5)
    assert all(isinstance(one, int) for batch in epoch_of(sampler, 0) for one in batch)
    sampler.use(durations)
    drawn = [one for batch in epoch_of(sampler, 0) for one in batch]
    phrases = [one for one in drawn if isinstance(one, Phrase)]
    assert len(drawn) == 200
    assert 80 <= len(phrases) <= 115
    assert 0.4 <= sum(len(phrase.pieces) == 1 for phrase in phrases) / len(phrases) <= 0.65
    assert epoch_of(sampler, 0) != epoch_of(sampler, 1)
    lengths = {sum(piece.until - piece.first for piece in phrase.pieces) for phrase in phrases}
    assert min(lengths) <= 2


def test_pieces_of_different_speakers_are_never_joined() -> None:
    rows, durations = long_rows(40)
    speakers = ["a", "b"] * 20
    drawer = PhraseDrawer(Texts([row["input_ids"] for row in rows], speakers, SEPARATORS), durations, share=1, seed=0)
    drawn = [drawer.draw(0, row) for row in range(40)]
    phrases = [one for one in drawn if isinstance(one, Phrase)]
    assert any(len({piece.row for piece in phrase.pieces}) > 1 for phrase in phrases)
    assert all(len({speakers[piece.row] for piece in phrase.pieces}) == 1 for phrase in phrases)


def test_a_known_phrase_is_cut_in_the_middle_of_what_is_between_words() -> None:
    rows, _ = long_rows(2)
    # Words 12-14 and 15 of one row (breaks of frames 10-14, 30-34 and the mark 40-44), and 16-17 of another.
    phrase = Phrase((Piece(0, 3, 9, 13, 43), Piece(1, 9, 11, 43, 58)))
    row = PhraseRows(rows, SEPARATORS)[phrase]
    assert row["input_ids"].tolist() == [12, 13, 14, BREAK, 15, MARK, 16, 17, EOS]
    assert row["codes"].tolist() == [
        [5] * 2
        + [12] * 5
        + [13] * 5
        + [14] * 5
        + [5] * 5
        + [15] * 5
        + [6] * 3
        + [6] * 2
        + [16] * 5
        + [17] * 5
        + [5] * 3
    ]
    assert row["id"] == "0+1"


def test_a_word_that_was_aligned_wrongly_is_not_cut_out() -> None:
    rows, durations = long_rows(1)
    wrong = durations[0].copy()
    wrong[:16], wrong[0] = 1, 5 * 17 - 15 - 5
    texts = Texts([rows[0]["input_ids"]], [None], SEPARATORS)
    drawer = PhraseDrawer(texts, [wrong], share=1, seed=0)
    pieces = [one.pieces for epoch in range(50) if isinstance(one := drawer.draw(epoch, 0), Phrase)]
    # Fifteen ids in a frame each are no words.
    assert all(piece.stop - piece.start >= 2 * (piece.until - piece.first + 1) for part in pieces for piece in part)


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_rows_that_are_not_cut_come_as_they_are(share: float) -> None:
    rows, durations = long_rows(20)
    sampler = sampler_of(rows, share=share)
    sampler.use([frames * 0 + 5 for frames in durations])
    for one in (one for batch in epoch_of(sampler, 0) for one in batch):
        if isinstance(one, int):
            assert PhraseRows(rows, SEPARATORS)[one] is rows[one]
