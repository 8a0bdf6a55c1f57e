import json
import os
import re
import statistics
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from step_folders import demo_rows, prepared

from toktts.alignment import Alignment, Span
from toktts.alignment.pocketsphinx import PocketSphinxAligner
from toktts.alignment.spreading import spread_over_words
from toktts.alignment.textgrid import read_textgrid, tier_named, write_textgrid
from toktts.audio import Waveform
from toktts.audio.energy import frame_levels
from toktts.audio.reading import read_clip
from toktts.data.corpora.textgrid import TextGrid
from toktts.data.steps.align import align_dataset
from toktts.errors import AlignmentError, ConfigError, CorpusError, MissingPackageError
from toktts.text.basic import BasicNormalizer
from toktts.text.phonemes import EnglishPhonemizer

STUB = """#!{python}
import json, pathlib, sys
corpus, dictionary, model, output = map(pathlib.Path, sys.argv[-4:])
words = dict(line.split("\\t") for line in dictionary.read_text(encoding="utf-8").splitlines())
said = {{str(path.relative_to(corpus)): path.read_text(encoding="utf-8") for path in sorted(corpus.rglob("*.lab"))}}
heard = sorted(str(path.relative_to(corpus)) for path in corpus.rglob("*.wav"))
log = {{"argv": sys.argv[1:-4] + [str(model)], "words": words, "said": said, "heard": heard}}
pathlib.Path({log!r}).write_text(json.dumps(log), encoding="utf-8")
if {fails}:
    sys.exit("PretrainedModelNotFoundError: english_us_arpa")
for name in said:
    grid = (output / name).with_suffix(".TextGrid")
    grid.parent.mkdir(parents=True, exist_ok=True)
    grid.write_text({grid!r}, encoding="utf-8")
"""
HEADER = 'File type = "ooTextFile"\nObject class = "TextGrid"\n\n'
GRID = HEADER + '0\n1\n<exists>\n1\n"IntervalTier"\n"phones"\n0\n1\n1\n0\n1\n"HH"\n'


def align(folder: Path, **wishes: object):
    return align_dataset(folder, normalizer=BasicNormalizer(), **wishes)  # type: ignore[arg-type]


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], Path]:
    def install(fails: bool = False) -> Path:
        place = tmp_path / "bin"
        place.mkdir()
        log = tmp_path / "log.json"
        code = STUB.format(python=sys.executable, log=str(log), fails=fails, grid=GRID)
        (place / "mfa").write_text(code, encoding="utf-8")
        (place / "mfa").chmod(0o755)
        monkeypatch.setenv("PATH", f"{place}{os.pathsep}{os.environ['PATH']}")
        return log

    return install


def test_the_montreal_forced_aligner_is_called_if_it_is_installed(tmp_path: Path, stub: Callable[[bool], Path]) -> None:
    import json

    folder, log = prepared(tmp_path / "out"), stub(False)
    kept = write_grid(folder, 0)
    report = align(folder)
    assert (report.done, report.kept, report.rejected) == (1, 1, [])
    seen = json.loads(log.read_text(encoding="utf-8"))
    assert seen["argv"] == ["align", "--clean", "--output_format", "long_textgrid", "english_us_arpa"]
    row = demo_rows(2)[1]
    words = EnglishPhonemizer().words(BasicNormalizer()(row.text))
    assert seen["heard"] == [f"anna/{row.id}.wav"]
    assert seen["said"] == {f"anna/{row.id}.lab": " ".join(word.text for word in words) + "\n"}
    assert seen["words"] == {word.text: " ".join(word.symbols) for word in words}
    assert [tier.labels for tier in read_textgrid(folder / "anna" / "TextGrid" / f"{row.id}.TextGrid")] == [("HH",)]
    assert kept.read_text(encoding="utf-8") == GRID


def test_what_the_montreal_forced_aligner_says_is_one_line(tmp_path: Path, stub: Callable[[bool], Path]) -> None:
    stub(True)
    with pytest.raises(
        AlignmentError, match=r"mfa: ended with code 1 \(PretrainedModelNotFoundError: english_us_arpa\)"
    ):
        align(prepared(tmp_path / "out"), aligner="mfa")


def test_an_aligner_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = prepared(tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(
        MissingPackageError, match="mfa: is not installed; conda install -c conda-forge montreal-forced"
    ):
        align(folder, aligner="mfa")
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    with pytest.raises(MissingPackageError, match="forced alignment needs pocketsphinx; pip install 'pocketsphinx>="):
        align(folder)
    with pytest.raises(ConfigError, match="--aligner: no aligner 'kaldi'; use one of auto, mfa, pocketsphinx"):
        align(folder, aligner="kaldi")


def write_grid(folder: Path, index: int) -> Path:
    path = folder / "anna" / "TextGrid" / f"{demo_rows(2)[index].id}.TextGrid"
    path.parent.mkdir(exist_ok=True)
    path.write_text(GRID, encoding="utf-8")
    return path


def test_our_own_aligner_writes_what_a_corpus_reads_and_a_second_run_keeps_it(tmp_path: Path) -> None:
    pytest.importorskip("pocketsphinx", reason="needs pocketsphinx (pip install 'toktts[align]')")
    folder = prepared(tmp_path)
    report = align(folder, aligner="pocketsphinx")
    assert (report.done, report.kept, report.rejected) == (2, 0, [])
    said = EnglishPhonemizer().words(BasicNormalizer()(demo_rows(1)[0].text))
    phones = next(iter(TextGrid(folder))).phones
    assert phones is not None
    assert [label for label in phones.labels if label != "sp"] == [symbol for word in said for symbol in word.symbols]
    before = {path: path.read_bytes() for path in folder.rglob("*.TextGrid")}
    report = align(folder, aligner="pocketsphinx")
    assert (report.done, report.kept) == (0, 2)
    assert {path: path.read_bytes() for path in folder.rglob("*.TextGrid")} == before


def test_boundaries_of_toy_speech_are_found_within_two_frames() -> None:
    pytest.importorskip("pocketsphinx", reason="needs pocketsphinx (pip install 'toktts[align]')")
    # Where speech begins and ends is known, because the silences between the clips were put there.
    rate, gap, known, pieces, words = 16_000, torch.zeros(6_400), [], [torch.zeros(6_400)], []
    for row in demo_rows(4):
        speech = loud_part(read_clip(row.audio, sampling_rate=rate))
        start = sum(map(len, pieces))
        known += [start / rate, (start + len(speech)) / rate]
        pieces += [speech, gap]
        words.append([(word.text, word.symbols) for word in EnglishPhonemizer().words(BasicNormalizer()(row.text))])
    found = (
        PocketSphinxAligner().align(Waveform(torch.cat(pieces), rate), [word for row in words for word in row]).words
    )
    firsts = [sum(map(len, words[:place])) for place in range(len(words) + 1)]
    edges = [(found.spans[first].start_s, found.spans[last - 1].end_s) for first, last in pairwise(firsts)]
    errors = [abs(here - there) for here, there in zip([edge for pair in edges for edge in pair], known, strict=True)]
    assert statistics.median(errors) <= 2 * 256 / 22_050


def loud_part(clip: Waveform) -> torch.Tensor:
    levels = frame_levels(clip, hop_length=160)
    loud = torch.nonzero(levels > levels.max() - 35)[:, 0]
    return clip.samples[0, int(loud[0]) * 160 : (int(loud[-1]) + 1) * 160]


def test_a_textgrid_with_words_only_gets_their_phonemes_spread(tmp_path: Path) -> None:
    folder = prepared(tmp_path, 1)
    grid = folder / "anna" / "TextGrid" / f"{demo_rows(1)[0].id}.TextGrid"
    grid.parent.mkdir()
    write_textgrid(grid, [Alignment((Span("hello", 0.2, 0.6), Span("you", 0.7, 0.8)), 1.0, "words")])
    report = align(folder)
    assert (report.done, report.kept, report.rejected) == (1, 0, [])
    words, phones = read_textgrid(grid)
    assert words.labels == ("hello", "you")
    assert tier_named([phones], "phones").labels == ("HH", "AH0", "L", "OW1", "Y", "UW1")
    assert [round(span.start_s, 6) for span in phones] == [0.2, 0.3, 0.4, 0.5, 0.7, 0.75]


def test_words_without_phonemes_cannot_be_spread() -> None:
    words = Alignment((Span("a", 0.0, 0.5),), 1.0, "words")
    with pytest.raises(AlignmentError, match="'a': has no phonemes; write how it is said"):
        spread_over_words(words, [[]])
    with pytest.raises(AlignmentError, match="has 1 words, 0 are pronounced; give phonemes for each"):
        spread_over_words(words, [])


def test_clips_that_cannot_be_aligned_are_left_out_by_name(tmp_path: Path) -> None:
    pytest.importorskip("pocketsphinx", reason="needs pocketsphinx (pip install 'toktts[align]')")
    folder = prepared(tmp_path)
    first, second = (folder / "anna" / f"{row.id}.lab" for row in demo_rows(2))
    first.write_text("a long text that nobody ever said in here " * 20, encoding="utf-8")
    with pytest.raises(CorpusError, match="rejected"):
        align(folder, aligner="pocketsphinx")
    report = align(folder, aligner="pocketsphinx", max_rejected_fraction=0.5)
    assert [(fault.id, fault.reason.partition("'")[0][-7:]) for fault in report.rejected] == [
        (f"anna-{first.stem}", "not say "[-7:]),
    ]
    second.unlink()
    with pytest.raises(CorpusError):
        align(folder, aligner="pocketsphinx")


@pytest.mark.parametrize("aligner", ["pocketsphinx", "mfa", "auto"])
def test_another_language_is_refused_before_anything_is_heard(
    tmp_path: Path, stub: Callable[..., Path], aligner: str
) -> None:
    log, folder = stub(), prepared(tmp_path / "set")
    in_german(folder)
    line = (
        f"{folder} language: is 'de', and only English is aligned here; put TextGrids that mfa makes "
        "with a model of that language into {speaker}/TextGrid, or train without this step, for models align by "
        "themselves"
    )
    with pytest.raises(AlignmentError, match=f"^{re.escape(line)}$"):
        align(folder, aligner=aligner)
    write_grid(folder, 0)
    words_only = folder / "anna" / "TextGrid" / f"{demo_rows(2)[1].id}.TextGrid"
    words_only.write_text(GRID.replace("phones", "words"), encoding="utf-8")
    with pytest.raises(AlignmentError, match="is 'de'"):
        align(folder, aligner=aligner)
    assert not log.exists()
    assert not list(folder.glob("align*"))


def test_another_language_that_is_aligned_already_is_kept(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "set")
    in_german(folder)
    for index in range(2):
        write_grid(folder, index)
    report = align(folder)
    assert (report.done, report.kept, report.rejected) == (0, 2, [])


def test_the_language_that_is_given_goes_before_the_one_that_is_written(tmp_path: Path) -> None:
    with pytest.raises(AlignmentError, match="language: is 'cy', and only English"):
        align(prepared(tmp_path / "set", 1), language="cy")


def in_german(folder: Path) -> None:
    facts = folder / "corpus.yaml"
    written = facts.read_text(encoding="utf-8")
    facts.write_text(re.sub("(?m)^language: .*$", "language: de", written), encoding="utf-8")


def test_words_of_the_users_lexicon_are_aligned_as_it_says(stub: Callable[..., Path], tmp_path: Path) -> None:
    log, folder = stub(), prepared(tmp_path / "set", 1)
    word = EnglishPhonemizer().words(BasicNormalizer()(demo_rows(1)[0].text))[0].text
    lexicon = tmp_path / "lexicon.txt"
    lexicon.write_text(f"{word}\tZH OY1\n", encoding="utf-8")
    align(folder, aligner="mfa", lexicon=lexicon)
    assert json.loads(log.read_text(encoding="utf-8"))["words"][word] == "ZH OY1"
