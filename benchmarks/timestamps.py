"""How far the word times of a voice are from those of a forced aligner, and from where sound begins and ends.

    python -m benchmarks.timestamps [--sentences 40] [--recordings 40] [--voice runs/mine]

The voice speaks the first plain sentences with `return_timestamps="word"`; pocketsphinx listens to what it spoke. Then
both align recordings that neither has made: the voice by the aligner it learned its durations from.
"""

import argparse
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import torch

import toktts
from toktts.alignment import Alignment
from toktts.alignment.pocketsphinx import PocketSphinxAligner, Word
from toktts.audio import Waveform
from toktts.audio.energy import frame_levels
from toktts.audio.reading import read_clip
from toktts.data.corpora.demo import Demo
from toktts.inference import TokttsPipeline
from toktts.inference.say import as_waveform
from toktts.inference.timestamps import align_sentence

PLAIN = Path(__file__).parent.parent / "toktts" / "assets" / "sentences" / "plain.txt"
LIMITS_MS = (20, 50, 100)
WANTED = "90 % within 50 ms"
HEAD = ("boundaries", "n", *(f"within {limit} ms" for limit in LIMITS_MS), "median", "90th percentile", "bias")
LEVEL_HOP_S = 0.005
AUDIBLE_DB = 35.0
FEWEST_WORDS = 5


@dataclass
class Differences:
    """Milliseconds from the times of others to ours, + = ours are later."""

    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)

    def add(self, ours: Iterable[tuple[float, float]], theirs: Iterable[tuple[float, float]]) -> None:
        """Compare starts and ends, in seconds, one by one."""
        for (start, end), (their_start, their_end) in zip(ours, theirs, strict=True):
            self.starts.append(1000 * (start - their_start))
            self.ends.append(1000 * (end - their_end))

    def rows(self, name: str) -> Iterator[tuple[str, ...]]:
        """Give three rows of the table."""
        yield f"{name}: starts", *cells(self.starts)
        yield f"{name}: ends", *cells(self.ends)
        yield f"{name}: all", *cells([*self.starts, *self.ends])


def cells(differences_ms: list[float]) -> tuple[str, ...]:
    """Summarise differences; times are multiples of a frame, so a limit is met with a hair's breadth."""
    sizes = sorted(abs(one) for one in differences_ms)
    shares = (sum(size <= limit + 1e-3 for size in sizes) / len(sizes) for limit in LIMITS_MS)
    ninetieth = sizes[min(len(sizes) - 1, int(0.9 * len(sizes)))]
    times = (statistics.median(sizes), ninetieth, statistics.fmean(differences_ms))
    return str(len(sizes)), *(f"{share:.1%}" for share in shares), *(f"{time:.0f} ms" for time in times)


def times_of(alignment: Alignment) -> list[tuple[float, float]]:
    """Start and end of each unit, seconds."""
    return [(span.start_s, span.end_s) for span in alignment]


def audible(waveform: Waveform) -> tuple[float, float]:
    """Seconds at which a clip becomes audible and stops to be: 5 ms within 35 dB of the loudest 5 ms."""
    levels = frame_levels(waveform, hop_length=round(LEVEL_HOP_S * waveform.sampling_rate))
    heard = (levels > levels.max() - AUDIBLE_DB).nonzero()[:, 0].tolist()
    return heard[0] * LEVEL_HOP_S, (heard[-1] + 1) * LEVEL_HOP_S


@dataclass
class Comparison:
    """The three comparisons of one kind of sound."""

    words: Differences = field(default_factory=Differences)
    our_edges: Differences = field(default_factory=Differences)
    their_edges: Differences = field(default_factory=Differences)

    def add(self, clip: Waveform, ours: Alignment, theirs: Alignment) -> None:
        """Compare the words of one clip, and its edges with what is audible."""
        assert ours.labels == theirs.labels
        self.words.add(times_of(ours), times_of(theirs))
        for edges, words in ((self.our_edges, ours), (self.their_edges, theirs)):
            edges.add([(words.spans[0].start_s, words.spans[-1].end_s)], [audible(clip)])

    def rows(self, name: str) -> Iterator[tuple[str, ...]]:
        """Give the rows of the table."""
        yield from self.words.rows(f"{name}, words")
        yield from self.our_edges.rows(f"{name}, first and last of a clip against its level")
        yield from self.their_edges.rows(f"{name}, the same for pocketsphinx")


def words_of(pipe: TokttsPipeline, sentence: str) -> list[Word]:
    """What a forced aligner needs: words as they are written, and their phonemes."""
    groups = pipe.tokenizer.groups(sentence)  # type: ignore[attr-defined]  # voices of these families pronounce
    return [(sentence[word.start : word.end], symbols) for word, symbols in groups if word is not None]


def compare_spoken(pipe: TokttsPipeline, aligner: PocketSphinxAligner, texts: Iterable[str]) -> Comparison:
    """Let the voice speak."""
    comparison = Comparison()
    for text in texts:
        if is_one_sentence(pipe, text):
            speech = pipe(text, return_timestamps="word")
            clip, words = as_waveform(speech), words_of(pipe, pipe.sentences(text)[0])
            comparison.add(clip, speech["alignment"], aligner.align(clip, words).words)
    return comparison


def is_one_sentence(pipe: TokttsPipeline, text: str) -> bool:
    """Whether a text is one sentence of several words."""
    return len(text.split()) >= FEWEST_WORDS and len(pipe.sentences(text)) == 1


def compare_recorded(pipe: TokttsPipeline, aligner: PocketSphinxAligner, n_clips: int) -> Comparison:
    """Let the voice listen to recordings of the demo corpus."""
    comparison, model = Comparison(), pipe.model
    for row in islice((row for row in Demo() if is_one_sentence(pipe, row.text)), n_clips):
        sentence = pipe.sentences(row.text)[0]
        clip = read_clip(row.audio, sampling_rate=model.config.sampling_rate)
        codes = model.codec.encode(clip)
        inputs = pipe.tokenizer(sentence, return_tensors="pt")
        durations = model.align(inputs["input_ids"], inputs["attention_mask"], codes)[0]  # type: ignore[operator]
        ours = align_sentence(
            sentence,
            inputs["input_ids"][0],
            torch.repeat_interleave(durations),
            tokenizer=pipe.tokenizer,
            frame_rate=model.config.frame_rate,
            tier="word",
            levels_db=frame_levels(clip, hop_length=model.config.codec_hop_length),
        )
        comparison.add(clip, ours, aligner.align(clip, words_of(pipe, sentence)).words)
    return comparison


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=40)
    parser.add_argument("--recordings", type=int, default=40)
    parser.add_argument("--voice", default=toktts.bundled_voice())
    arguments = parser.parse_args()
    pipe, aligner = toktts.pipeline(arguments.voice), PocketSphinxAligner()
    lines = [line for line in PLAIN.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    print("| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD), sep="\n")
    spoken = compare_spoken(pipe, aligner, lines[: arguments.sentences])
    recorded = compare_recorded(pipe, aligner, arguments.recordings)
    for row in [*spoken.rows("spoken"), *recorded.rows("recorded")]:
        print("| " + " | ".join(row) + " |")
    print(f"\nwanted of words that the voice speaks: {WANTED}")


if __name__ == "__main__":
    main()
