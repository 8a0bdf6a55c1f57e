"""Shorter examples out of aligned ones, drawn anew in every epoch: some words of a row, or those of several joined."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toktts.data.bucketing import BucketBatchSampler
from toktts.data.keyed import keyed_generator
from toktts.tokens.separators import Separators

FRAME_COLUMNS = ("codes", "mel", "pitch", "energy")
PARTS, PART_SHARES = (1, 2, 3), (0.5, 0.25, 0.25)
MAX_PACE = 2.5
"""How much faster or slower than its row a phrase may be: what is further off was aligned wrongly."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Piece:
    """Some words of a row.

    Args:
        row: its number.
        first: place of its first text id.
        until: place behind its last text id.
        start: its first frame.
        stop: the frame behind its last.
    """

    row: int
    first: int
    until: int
    start: int
    stop: int


@dataclass(frozen=True)
class Phrase:
    """Pieces laid behind each other, instead of a row.

    Args:
        pieces: at least one.
    """

    pieces: tuple[Piece, ...]

    @property
    def n_frames(self) -> int:
        """Frames of all pieces."""
        return sum(piece.stop - piece.start for piece in self.pieces)


@dataclass(frozen=True)
class Texts:
    """What must be known of the rows to cut them.

    Args:
        input_ids: of each row.
        speakers: of each row; pieces of one speaker only are joined.
        separators: of the tokenizer.
    """

    input_ids: Sequence[Sequence[int]]
    speakers: Sequence[str | None]
    separators: Separators


class PhraseDrawer:
    """Draws phrases: what comes out follows from (seed, epoch, row) alone, and is never longer than the row.

    Args:
        texts: of the rows.
        durations: of each row, the frames of each text id.
        share: of the rows that become phrases, as far as they can be cut.
        seed: of the drawing.
    """

    def __init__(self, texts: Texts, durations: Sequence[Ints], *, share: float, seed: int) -> None:
        self._texts, self._share, self._seed = texts, share, seed
        self._words = [texts.separators.words(ids) for ids in texts.input_ids]
        self._n_frames = [int(frames.sum()) for frames in durations]
        self._cuts = [self._cut(row, frames) for row, frames in enumerate(durations)]
        self._max_ids = max(map(len, texts.input_ids), default=0)
        self._rows_of: dict[str | None, list[int]] = {}
        for row, speaker in enumerate(texts.speakers):
            self._rows_of.setdefault(speaker, []).append(row)

    def _cut(self, row: int, durations: Ints) -> Ints:
        """Frames where words of a row can be parted: its beginning, the middle of what is between words, its end."""
        ids, silent = self._texts.input_ids[row], self._texts.separators.silent
        starts = np.concatenate([[0], np.cumsum(durations)])
        cuts = [0]
        for (_, until), (first, _) in zip(self._words[row], self._words[row][1:], strict=False):
            said = until
            while ids[said - 1] in silent:
                said -= 1
            # Rounded up, so that even a break of one frame is heard behind the word.
            cuts.append(int(starts[said] + (starts[first] - starts[said] + 1) // 2))
        return np.array([*cuts, int(starts[-1])])

    def draw(self, epoch: int, row: int) -> Phrase | int:
        """Give a phrase instead of a row, or the row's number."""
        rng = keyed_generator("phrases", self._seed, epoch, row)
        if rng.random() >= self._share:
            return row
        n_parts = int(rng.choice(PARTS, p=PART_SHARES))
        pieces = [self._some_words(row, rng)] if n_parts == 1 else self._several(row, n_parts, rng)
        phrase = Phrase(tuple(piece for piece in pieces if piece is not None))
        return phrase if self._is_usable(phrase) else row

    def _some_words(self, row: int, rng: np.random.Generator) -> Piece | None:
        """Short ones above all: one to two words are as likely as four to eight."""
        n_words = len(self._words[row])
        if n_words < 2:
            return None
        count = int(math.exp(rng.random() * math.log(n_words)))
        first = int(rng.integers(n_words - count + 1))
        return self._piece(row, first, first + count)

    def _several(self, row: int, n_parts: int, rng: np.random.Generator) -> list[Piece | None]:
        """As many words of this row and others as fit into its frames, the same for each."""
        rows_of_speaker = self._rows_of[self._texts.speakers[row]]
        others = [rows_of_speaker[int(rng.integers(len(rows_of_speaker)))] for _ in range(n_parts - 1)]
        budget = self._n_frames[row] // n_parts
        return [self._filled(part, budget, rng) for part in (row, *others)]

    def _filled(self, row: int, budget: int, rng: np.random.Generator) -> Piece | None:
        """Words of a row from anywhere in it, as many as fit; None if not one does."""
        cuts = self._cuts[row]
        if not self._words[row]:
            return None
        first = int(rng.integers(len(self._words[row])))
        until = int(np.searchsorted(cuts, cuts[first] + budget, side="right")) - 1
        return self._piece(row, first, until) if until > first else None

    def _piece(self, row: int, first_word: int, until_word: int) -> Piece:
        words, cuts = self._words[row], self._cuts[row]
        # The first word's ids begin the text: what is silent before it belongs to it.
        return Piece(row, words[first_word][0], words[until_word - 1][1], int(cuts[first_word]), int(cuts[until_word]))

    def _is_usable(self, phrase: Phrase) -> bool:
        """Whether there is a phrase, its text is no longer than others, and its pace that of its rows."""
        n_ids = sum(piece.until - piece.first + 1 for piece in phrase.pieces)
        return (
            bool(phrase.pieces) and n_ids <= min(self._max_ids, phrase.n_frames) and all(map(self._fits, phrase.pieces))
        )

    def _fits(self, piece: Piece) -> bool:
        row_pace = self._n_frames[piece.row] / len(self._texts.input_ids[piece.row])
        pace = (piece.stop - piece.start) / (piece.until - piece.first + 1)
        return row_pace / MAX_PACE <= pace <= row_pace * MAX_PACE


class PhraseSampler:
    """The batches of a `BucketBatchSampler`, with phrases in the place of some rows from when their words are known.

    Each epoch has as many batches as without phrases, of as many rows, and none holds more frames.

    Args:
        batches: of row numbers.
        texts: of the rows.
        share: of the rows that become phrases, in (0, 1].
        seed: of the drawing.
    """

    def __init__(self, batches: BucketBatchSampler, texts: Texts, *, share: float, seed: int) -> None:
        self.texts, self.batches = texts, batches
        self._share, self._seed = share, seed
        self._drawer: PhraseDrawer | None = None
        self._drawn: list[Phrase | int] = list(range(len(texts.input_ids)))
        self._epoch: int | None = None

    def use(self, durations: Sequence[Ints]) -> None:
        """Draw phrases from the next `set_epoch` on.

        Args:
            durations: of each row, the frames of each text id.
        """
        self._drawer = PhraseDrawer(self.texts, durations, share=self._share, seed=self._seed)
        self._epoch = None

    def set_epoch(self, epoch: int) -> None:
        """Choose phrases and shuffling."""
        self.batches.set_epoch(epoch)
        if self._drawer is None or epoch == self._epoch:
            return
        self._epoch = epoch
        self._drawn = [self._drawer.draw(epoch, row) for row in range(len(self._drawn))]
        self.batches.shorten({row: one.n_frames for row, one in enumerate(self._drawn) if isinstance(one, Phrase)})

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[Phrase | int]]:
        for batch in self.batches:
            yield [self._drawn[row] for row in batch]


class PhraseRows:
    """Rows, by their number or by a `Phrase` that is then cut out of them.

    Args:
        rows: with `input_ids` and codes or mel; columns that have a value a frame are cut, too.
        separators: of the tokenizer.
    """

    def __init__(self, rows: Any, separators: Separators) -> None:
        self._rows, self._separators = rows, separators

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: "Phrase | int") -> Mapping[str, Any]:
        """Give a row, or what a phrase makes of several; what is no text and has no frames is the first one's."""
        if not isinstance(index, Phrase):
            row: Mapping[str, Any] = self._rows[int(index)]
            return row
        rows = [self._rows[piece.row] for piece in index.pieces]
        pairs = list(zip(rows, index.pieces, strict=True))
        frames = {
            name: np.concatenate(
                [np.asarray(row[name])[..., piece.start : piece.stop] for row, piece in pairs], axis=-1
            )
            for name in FRAME_COLUMNS
            if name in rows[0]
        }
        texts = [list(row["input_ids"][piece.first : piece.until]) for row, piece in pairs]
        ids = self._separators.join(texts, end=rows[0]["input_ids"][-1])
        name = "+".join(str(row.get("id", piece.row)) for row, piece in pairs)
        cut = {**rows[0], **frames, "id": name, "input_ids": np.array(ids, dtype=np.int64)}
        if "durations" in cut:
            cut["durations"] = self._durations(pairs)
        return cut

    def _durations(self, pairs: Sequence[tuple[Mapping[str, Any], Piece]]) -> Ints:
        """Frames of each id of a phrase; those behind a piece's last word go to what closes or follows it."""
        durations: list[int] = []
        for number, (row, piece) in enumerate(pairs):
            ends = np.cumsum(np.asarray(row["durations"]))[piece.first : piece.until].clip(piece.start, piece.stop)
            durations += np.diff(ends, prepend=piece.start).tolist()
            rest = piece.stop - int(ends[-1])
            is_last = number == len(pairs) - 1
            if is_last or row["input_ids"][piece.until - 1] not in self._separators.marks:
                durations.append(rest)
            else:
                durations[-1] += rest
        return np.array(durations, dtype=np.int64)
