import json
import re
import shutil
from pathlib import Path
from unittest.mock import ANY

import pytest
import torch
from tiny_run import save_run

from toktts.audio import Waveform
from toktts.codecs import load_codec
from toktts.codecs.griffin_lim import GriffinLim
from toktts.data.corpora._base import tiny_clip
from toktts.data.corpora.ljspeech import LJSpeech
from toktts.errors import AudioError, ConfigError, CorpusError, ModelError, RunFolderError, TextError
from toktts.evaluation._base import Metric
from toktts.evaluation.judging import load_metrics
from toktts.evaluation.judging.command import Request, evaluate
from toktts.evaluation.judging.scores import read_scores, write_scores

CONFIG = """
data: {{corpus: ljspeech, path: {corpus}}}
inference: {{max_seconds: 1}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    return save_run(folder / "tiny", config=CONFIG.format(corpus=folder / "nowhere"))


@pytest.fixture
def metrics() -> list[Metric]:
    names = ["wer", "mcd", "duration_error", "real_time_factor", "acoustic_real_time_factor"]
    return load_metrics(names, transcribe=lambda _clip: "good night")


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    folder = tmp_path / "sounds"
    folder.mkdir()
    for number, text in enumerate(["Good night.", "Good morning.", None]):
        tiny_clip(number).save(folder / f"{number}.wav")
        if text:
            (folder / f"{number}.txt").write_text(text, encoding="utf-8")
    return folder


def sentences(tmp_path: Path, *lines: str) -> Path:
    file = tmp_path / "mine.txt"
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def test_a_folder_is_judged_as_it_is(
    sounds: Path, metrics: list[Metric], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = sorted(sounds.rglob("*"))
    verdicts = evaluate(Request(what=str(sounds)), metrics=metrics)
    printed = capsys.readouterr().out
    assert re.search(r"^sounds +sound$", printed, re.MULTILINE)
    assert "WER, % (less is better)  25.0 (0.0 to 50.0) n=2" in printed
    assert "MCD" not in printed
    assert sorted(sounds.rglob("*")) == before
    write_scores(verdicts, tmp_path / "out.json")
    assert len(json.loads((tmp_path / "out.json").read_text())["sets"][0]["columns"]["sound"]["sentences"]) == 3


def test_a_folder_is_compared_with_originals_of_the_same_words(
    sounds: Path, metrics: list[Metric], tmp_path: Path
) -> None:
    originals = tmp_path / "originals"
    shutil.copytree(sounds, originals)
    (originals / "0.wav").rename(originals / "evening.wav")
    (originals / "0.txt").rename(originals / "evening.txt")
    (verdict,) = evaluate(Request(what=str(sounds), originals=originals, codec="melrvq"), metrics=metrics)
    found = verdict.summaries
    assert found["sound"]["mcd"].mean == 0.0
    assert found["sound"]["mcd"].n == 3
    assert found["codec ceiling"]["mcd"].mean > 0.0
    assert "mcd" not in found["originals"]
    assert found["originals"]["wer"] == found["sound"]["wer"]


def test_a_voice_speaks_sentences_and_has_three_columns(
    run: Path, metrics: list[Metric], tmp_path: Path, sounds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = sentences(tmp_path, "Good night.", "Nobody has said this.")
    out = tmp_path / "out"
    (verdict,) = evaluate(Request(what=str(run), text=text, originals=sounds, out=out), metrics=metrics)
    assert list(verdict.columns) == ["voice", "codec ceiling", "originals"]
    assert [len(judged) for judged in verdict.columns.values()] == [2, 1, 1]
    assert verdict.summaries["voice"]["real_time_factor"].mean > 0
    assert verdict.summaries["voice"]["acoustic_real_time_factor"].mean > 0
    assert "real_time_factor" not in verdict.summaries["originals"]
    names = {path.relative_to(out).as_posix() for path in out.rglob("*.wav")}
    assert names == {f"mine/{name}.wav" for name in ("voice/text-001", "voice/text-002", "codec/text-001")} | {
        "mine/originals/text-001.wav"
    }
    assert (out / "mine/voice/text-002.txt").read_text(encoding="utf-8") == "Nobody has said this.\n"
    assert "1 words" not in capsys.readouterr().out


def test_scores_repeat_and_threads_are_left_as_they_were(run: Path, metrics: list[Metric], tmp_path: Path) -> None:
    text, threads = sentences(tmp_path, "Good night."), torch.get_num_threads()
    (one,), (two,) = (
        evaluate(Request(what=str(run), text=text, out=tmp_path / name), metrics=metrics[:1]) for name in "ab"
    )
    assert one.facts() == two.facts()
    assert (tmp_path / "a/mine/voice/text-001.wav").read_bytes() == (
        tmp_path / "b/mine/voice/text-001.wav"
    ).read_bytes()
    assert torch.get_num_threads() == threads


def test_a_fixed_set_is_thinned_evenly_and_the_report_shows_it(
    run: Path, metrics: list[Metric], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (verdict,) = evaluate(Request(what=str(copy), sets=("short",), limit=3), metrics=metrics)
    assert [item.id for item in verdict.columns["voice"]] == ["short-001", "short-031", "short-061"]
    assert list(verdict.failures["voice"]) == ["1 word", "2 words", "3 words"]
    assert f"report: {copy / 'report.html'}" in capsys.readouterr().out
    page = (copy / "report.html").read_text(encoding="utf-8")
    assert "scores: short" in page
    assert 'src="evaluation/short/voice/short-001.wav"' in page


def test_sets_are_judged_one_after_another_into_one_file(run: Path, metrics: list[Metric], tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    for name in ("short", "long"):
        evaluate(Request(what=str(copy), sets=(name,), limit=1), metrics=metrics[:1])
    scores = read_scores(copy / "evaluation" / "scores.json")
    assert [one["title"] for one in scores["sets"]] == ["short", "long"]
    assert scores["run"] == {"family": "tokar", "n_parameters": ANY, "codec": "melrvq", "minutes": None, "hours": None}
    (copy / "config.yaml").write_text("inference: {max_seconds: 2}\n", encoding="utf-8")
    evaluate(Request(what=str(copy), sets=("short",), limit=1), metrics=metrics[:1])
    assert [one["title"] for one in read_scores(copy / "evaluation" / "scores.json")["sets"]] == ["short"]


def test_scores_that_cannot_be_read_are_said_before_anything_is_spoken(
    run: Path, metrics: list[Metric], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "scores.json").write_text("{", encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"scores.json: cannot be read .*; delete it and judge again"):
        evaluate(Request(what=str(run), sets=("short",), limit=1, out=tmp_path / "out"), metrics=metrics[:1])
    assert not list((tmp_path / "out").rglob("*.wav"))


def test_a_voice_of_mel_speaks_through_another_vocoder_into_a_folder_of_its_own(
    metrics: list[Metric], tmp_path: Path
) -> None:
    run, corpus, vocoder = save_run(tmp_path / "run", "fastspeech2"), tmp_path / "corpus", tmp_path / "more"
    LJSpeech.tiny(corpus)
    mel = load_codec(run / "codec").log_mel
    GriffinLim(mel, n_iterations=3).save_pretrained(vocoder)
    own = {"corpus": "ljspeech", "path": str(corpus)}
    codec = {"name_or_path": str(run / "codec")}
    (run / "config.yaml").write_text(json.dumps({"data": own, "codec": codec}), encoding="utf-8")
    log = {"stateful_callbacks": {"TimeLimit": {"attributes": {"elapsed_before_s": 90.0}}}}
    (run / "trainer_state.json").write_text(json.dumps(log), encoding="utf-8")
    (plain,) = evaluate(Request(what=str(run)), metrics=metrics)
    (other,) = evaluate(Request(what=str(run), codec=str(vocoder)), metrics=metrics)
    for verdict in (plain, other):
        assert verdict.summaries["voice"]["duration_error"].n == 1
        assert len(verdict.columns["originals"]) == 1
    folders = sorted(path.parent for path in (run / "evaluation").rglob("scores.json"))
    assert folders == [run / "evaluation", folders[1]]
    assert folders[1].name.startswith("with-")
    facts = read_scores(folders[1] / "scores.json")["run"]
    assert (facts["family"], facts["codec"], facts["minutes"]) == ("fastspeech2", "griffin_lim", 1.5)
    assert facts["hours"] == pytest.approx(4 / 3600)
    (wav,) = (folders[0] / "unseen" / "voice").glob("*.wav")
    assert wav.read_bytes() != (folders[1] / "unseen" / "voice" / wav.name).read_bytes()


def test_a_voice_that_says_nothing_has_failed(metrics: list[Metric], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Good night.", encoding="utf-8")
    Waveform(torch.zeros(10), 24_000).save(tmp_path / "a.wav")
    (verdict,) = evaluate(Request(what=str(tmp_path)), metrics=metrics)
    assert verdict.failures["sound"]["2 words"] == (1, 1)


def test_speaker_similarity_is_left_out_aloud_without_recordings(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (similarity,) = load_metrics(["speaker_similarity"])
    similarity.prepare = lambda: None  # type: ignore[method-assign]
    text = sentences(tmp_path, "Good night.")
    evaluate(Request(what=str(run), text=text, out=tmp_path / "out"), metrics=[similarity])
    assert "left out: speaker similarity, for the corpus is not there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("request_of", "error", "message"),
    [
        (lambda run, _: Request(what=str(run), sets=("shrt",)), ConfigError, "--sets: no such set 'shrt'; choose from"),
        (
            lambda run, _: Request(what=str(run), sets=("ljspeech",)),
            ConfigError,
            "ljspeech: has the ids of LJSpeech only; name its folder with --ljspeech",
        ),
        (
            lambda run, _: Request(what=str(run), text=Path("my/plain.txt")),
            ConfigError,
            "--text: my/plain.txt would be taken for the set 'plain'; rename the file",
        ),
        (lambda run, _: Request(what=str(run), codec="griffin_lim"), ModelError, "model writes codes, codec reads mel"),
        (lambda run, _: Request(what=str(run), metrics=("wr",)), ConfigError, "--metrics: .*did you mean 'wer'"),
        (lambda run, _: Request(what=str(run)), CorpusError, "nowhere"),
        (lambda run, tmp: Request(what=str(run), text=tmp / "none"), CorpusError, "none: cannot be read"),
        (lambda _, tmp: Request(what=str(tmp)), AudioError, "holds no .wav file; name a folder of NAME.wav"),
    ],
)
def test_what_cannot_be_judged_is_one_line(
    run: Path, tmp_path: Path, metrics: list[Metric], request_of: object, error: type[Exception], message: str
) -> None:
    request: Request = request_of(run, tmp_path)  # type: ignore[operator]
    with pytest.raises(error, match=message):
        evaluate(request, metrics=None if request.metrics else metrics)


def test_a_text_that_cannot_be_spoken_stops_before_the_first_word(
    run: Path, tmp_path: Path, metrics: list[Metric]
) -> None:
    text = sentences(tmp_path, "Good night.", "...")
    with pytest.raises(TextError, match="text-002: "):
        evaluate(Request(what=str(run), text=text, out=tmp_path / "out"), metrics=metrics)
    assert not (tmp_path / "out").exists()


def test_scores_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"x.json: cannot be written \(No such file or directory\)"):
        write_scores([], tmp_path / "no" / "x.json")
