"""Three faults put into sentences that a voice has spoken, and whether the self-check finds them.

    python -m benchmarks.faults [--sentences 100] [--voice runs/mine]

A fault is a list of the frames that are left, in the order they are heard: path, codes and sound all follow it. The
sentences as they were spoken stand in the first row: what is found there is a false alarm.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

import toktts
from toktts.alignment.findings import Report
from toktts.inference import TokttsPipeline
from toktts.inference.judging import Row, Wishes, judge, rows_of

PLAIN = Path(__file__).parent.parent / "toktts" / "assets" / "sentences" / "plain.txt"
HEAD = ("fault", "sentences", "caught", "findings", "in one of them")
FEWEST_WORDS = 4
Places = list[tuple[int, int]]
"""First unit of each word, and the one behind its last."""


def nothing(units: Tensor, _words: Places) -> Tensor:
    """Leave everything as it is."""
    return torch.arange(len(units))


def skipped_word(units: Tensor, words: Places) -> Tensor:
    """Leave out the word in the middle."""
    first, behind = words[len(words) // 2]
    return ((units < first) | (units >= behind)).nonzero()[:, 0]


def repeated_phrase(units: Tensor, words: Places) -> Tensor:
    """Say two words in the middle, and go back and say them again."""
    middle = len(words) // 2
    first, behind = words[middle - 1][0], words[middle][1]
    return torch.cat([(units < behind).nonzero()[:, 0], (units >= first).nonzero()[:, 0]])


def early_stop(units: Tensor, words: Places) -> Tensor:
    """Stop before the last quarter of the words."""
    return (units < words[-(-3 * len(words) // 4)][0]).nonzero()[:, 0]


FAULTS: Mapping[str, Callable[[Tensor, Places], Tensor]] = {
    "none (false alarms)": nothing,
    "a word is skipped": skipped_word,
    "two words are said twice": repeated_phrase,
    "it stops early": early_stop,
}


@dataclass
class Tally:
    """What the check found in sentences with one fault."""

    reports: list[Report] = field(default_factory=list)

    def row(self, name: str) -> tuple[str, ...]:
        """Give the row of the table."""
        found = [report for report in self.reports if not report.passed]
        flags = Counter(flag for report in found for flag in report.flags)
        listed = ", ".join(f"{flag} {count}" for flag, count in sorted(flags.items()))
        example = found[0].reasons[0] if found else "-"
        return name, str(len(self.reports)), f"{len(found)}", listed or "-", example


def damaged(row: Row, frames: Tensor) -> Row:
    """Keep some frames of a sentence, in that order."""
    assert row.units is not None
    hop_length = len(row.samples) // len(row.units)
    samples = row.samples[: hop_length * len(row.units)].view(-1, hop_length)[frames].flatten()
    codes = None if row.codes is None else row.codes[:, frames]
    return replace(row, units=row.units[frames], samples=samples, codes=codes)


def spoken(pipe: TokttsPipeline, text: str) -> Iterator[tuple[Row, Places]]:
    """Speak the sentences of a text that have some words, with the units of each word."""
    for sentence in pipe.sentences(text):
        places, unit = [], 0
        for word, symbols in pipe.tokenizer.groups(sentence):  # type: ignore[attr-defined]  # a voice that pronounces
            if word is not None:
                places.append((unit, unit + len(symbols)))
            unit += len(symbols)
        if len(places) >= FEWEST_WORDS:
            batch = pipe.tokenizer([sentence], return_tensors="pt")
            inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
            output = pipe.model.generate(**inputs, seed=0)
            yield rows_of([sentence], inputs, output, has_codes=pipe.model.feature_kind == "codes")[0], places


def measure(pipe: TokttsPipeline, texts: list[str]) -> dict[str, Tally]:
    """Speak texts, damage each in every way, and check."""
    tallies = {name: Tally() for name in FAULTS}
    for text in texts:
        for row, places in spoken(pipe, text):
            assert row.units is not None
            for name, inject in FAULTS.items():
                one = damaged(row, inject(row.units, places))
                report = judge(one, Wishes(self_check=True), model=pipe.model, tokenizer=pipe.tokenizer).report
                assert report is not None
                tallies[name].reports.append(report)
    return tallies


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=100)
    parser.add_argument("--voice", default=toktts.bundled_voice())
    arguments = parser.parse_args()
    lines = [line for line in PLAIN.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    print("| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD), sep="\n")
    for name, tally in measure(toktts.pipeline(arguments.voice), lines[: arguments.sentences]).items():
        print("| " + " | ".join(tally.row(name)) + " |")


if __name__ == "__main__":
    main()
