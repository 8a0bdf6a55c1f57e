import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from spoiled_corpus import good_utterances

from toktts.codecs import load_codec
from toktts.codecs._base import Codec
from toktts.config import load_config
from toktts.data.corpora.demo import Demo
from toktts.data.corpora.ljspeech import LJSpeech
from toktts.data.encoding import ClipSettings
from toktts.errors import ConfigError, MissingPackageError, RunFolderError, ToktsError
from toktts.evaluation._base import Metric, Sample, Score
from toktts.evaluation.corpus import CodecVerdict, CorpusReport, command, judge_codec
from toktts.evaluation.corpus import codec as codec_module
from toktts.evaluation.corpus.checking import judge_sample
from toktts.evaluation.corpus.codec import KNOWN_BELOW, REFERENCE
from toktts.evaluation.corpus.command import Request, advice, check_corpus_command, parse_request
from toktts.evaluation.judging import load_metrics

SETTINGS = ClipSettings()


@pytest.fixture(scope="module")
def bundled() -> Codec:
    return load_codec("bundled")


def verdict_of(mcd: float, *, can_learn: bool = True) -> CodecVerdict:
    units = {metric.name: (metric.title, metric.unit) for metric in load_metrics(["mcd"])}
    return CodecVerdict({"codec": {"mcd": mcd}, "originals": {}}, {}, units, can_learn)


@pytest.mark.medium
def test_the_reference_figures_are_those_of_the_demo_corpus_through_the_packages_codec(bundled: Codec) -> None:
    verdict = judge_sample(Demo(), [utterance.id for utterance in Demo()], bundled, SETTINGS)
    assert verdict is not None
    assert len(verdict.clips) == 24
    # Another processor rounds differently, and a frame on the edge may be voiced there.
    tolerances = {"mcd": 0.05, "f0_error": 3.0, "voicing_error": 0.5}
    for name, value in REFERENCE.items():
        assert verdict.figures["codec"][name] == pytest.approx(value, abs=tolerances[name])
    assert verdict.knows_voice
    assert max(clip["mcd"] for clip in verdict.clips.values()) < KNOWN_BELOW


def test_a_real_voice_that_the_codec_never_heard_is_to_be_fine_tuned(shared_data: Path, bundled: Codec) -> None:
    shortest = sorted(LJSpeech(shared_data / "ljspeech-mini"), key=lambda row: Path(str(row.audio)).stat().st_size)[:4]
    verdict = judge_codec(shortest, bundled, SETTINGS, metrics=load_metrics(["mcd"]))
    assert verdict is not None
    assert not verdict.knows_voice
    assert verdict.can_learn
    # 4.56 dB in the mean of all 24 clips, 4.27 to 4.86.
    assert verdict.figures["codec"]["mcd"] == pytest.approx(4.56, abs=0.3)
    config = load_config([], overrides=["data.corpus=ljspeech", "data.path=/my voice/lj", "data.limit_rows=9"])
    said = "\n".join(advice(verdict, config))
    assert "the codec does not know this voice (mel-cepstral distortion 4." in said
    assert (
        "toktts train --config codec/finetune data.corpus=ljspeech 'data.path=\"/my voice/lj\"' "
        "data.limit_rows=9 training.output_dir=runs/codec\n"
    ) in said
    assert "codec.name_or_path=runs/codec/codec" in said


def test_a_codec_that_cannot_be_tuned_is_told_so() -> None:
    (line,) = advice(verdict_of(5.0, can_learn=False), load_config([]))
    assert line == (
        "the codec does not know this voice (mel-cepstral distortion 5.0 dB, fine up to 3.2), and cannot be tuned; "
        "codec.name_or_path=bundled can"
    )


def test_a_codec_to_start_from_is_part_of_the_command() -> None:
    config = load_config([], overrides=["codec.name_or_path=runs/c/codec"])
    assert "data.corpus=demo codec.name_or_path=runs/c/codec training" in advice(verdict_of(5.0), config)[1]


def test_clips_that_cannot_be_read_are_left_out(bundled: Codec) -> None:
    good, bad = good_utterances()[0], replace(good_utterances()[1], audio=b"no sound")
    verdict = judge_codec([bad, good], bundled, SETTINGS, metrics=load_metrics(["mcd"]))
    assert verdict is not None
    assert list(verdict.clips) == [good.id]
    assert judge_codec([bad], bundled, SETTINGS, metrics=load_metrics(["mcd"])) is None


class Absent(Metric):
    title, unit, higher_is_better, needs = "absent", "", True, ()

    def prepare(self) -> None:
        raise MissingPackageError("is not installed; install the judges with X", key="whisper")

    def _score(self, sample: Sample) -> Score | None:
        raise AssertionError(sample)


def test_judges_that_are_not_installed_are_left_out_with_the_command_that_installs_them(
    bundled: Codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(names: Sequence[str]) -> list[Metric]:
        return load_metrics(["mcd"]) if "mcd" in names else [Absent()]

    monkeypatch.setattr(codec_module, "load_metrics", load)
    verdict = judge_codec(good_utterances()[:1], bundled, SETTINGS)
    assert verdict is not None
    assert list(verdict.figures["codec"]) == ["mcd"]
    assert verdict.missing == "install the judges with X"


@pytest.fixture
def corpus(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A corpus without findings, and what the codec does to it, in dB, one verdict after the other."""
    verdicts: list[float] = []

    def look(*_: object, **__: object) -> CorpusReport:
        return CorpusReport(1, {}, ("nobody",), ("en",), (), codec=verdict_of(verdicts.pop(0)))

    monkeypatch.setattr(command, "check_corpus", look)
    monkeypatch.setattr(command, "judge_sample", lambda *_: verdict_of(verdicts.pop(0)))
    return verdicts


def test_findings_are_a_failure_only_if_asked(corpus: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    corpus += [5.0, 5.0, 2.0]
    assert check_corpus_command(["--config", "demo"]) == 0
    assert check_corpus_command(["--config", "demo", "--strict"]) == 3
    assert check_corpus_command(["--config", "demo", "--strict"]) == 0
    assert "the codec knows this voice (mel-cepstral distortion 2.0 dB, fine up to 3.2)" in capsys.readouterr().out


def test_fine_tuning_trains_on_this_corpus_and_gives_the_line_for_the_voice(
    corpus: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus += [5.0, 2.5]
    folder, trained = tmp_path / "tuned", []

    def train(config: object) -> Path:
        trained.append(config)
        return folder

    monkeypatch.setattr(command, "train_codec_run", train)
    monkeypatch.setattr(command, "load_codec", lambda path: path)
    out = tmp_path / "found.json"
    words = ["--fine-tune", str(folder), "--minutes", "2", "--strict", "--json", str(out), "data.max_seconds=9"]
    assert check_corpus_command(["--config", "demo", *words]) == 0
    (config,) = trained
    assert config.training.kind == "codec"
    assert (config.training.output_dir, config.training.max_minutes) == (str(folder), 2.0)
    assert (config.data.corpus, config.data.max_seconds, config.codec.name_or_path) == ("demo", 9.0, "bundled")
    assert f"codec:\n  name_or_path: {folder / 'codec'}\n" in capsys.readouterr().out
    facts = json.loads(out.read_text(encoding="utf-8"))
    assert facts["codec"]["knows_voice"] is False
    assert facts["fine_tuned"] == {"knows_voice": True, "figures": {"codec": {"mcd": 2.5}, "originals": {}}}


def test_a_codec_that_knows_the_voice_is_not_trained(
    corpus: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus += [2.0]
    monkeypatch.setattr(command, "train_codec_run", None)
    assert check_corpus_command(["--config", "demo", "--fine-tune", str(tmp_path)]) == 0


def test_a_fine_tuning_that_did_not_help_enough_says_so(
    corpus: list[float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus += [5.0, 4.0]
    monkeypatch.setattr(command, "train_codec_run", lambda _config: tmp_path)
    monkeypatch.setattr(command, "load_codec", lambda path: path)
    assert check_corpus_command(["--config", "demo", "--fine-tune", str(tmp_path), "--strict"]) == 3
    assert "it still does not know the voice well" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "command line: --config is missing; add --config config/demo.yaml"),
        (["--config", "demo", "--minutes", "0"], "--minutes: must be above 0, got 0; write 5"),
        (["--config", "demo", "--jsn", "a"], "command line: unknown flag '--jsn'; did you mean --json?"),
        (
            ["--config", "demo", "data.corpus=folder"],
            "folder needs data.path, which is null; name the folder with metadata.csv",
        ),
    ],
)
def test_a_wrong_command_line_is_refused_in_one_line(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_corpus_command(words)
    assert message in str(caught.value)


def test_a_folder_that_holds_something_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(RunFolderError, match="is not empty; choose another folder for the codec"):
        check_corpus_command(["--config", "demo", "--fine-tune", str(tmp_path)])
    with pytest.raises(ToktsError, match="is a file; choose a folder for the codec"):
        check_corpus_command(["--config", "demo", "--fine-tune", str(tmp_path / "a")])


def test_a_json_file_that_cannot_be_written_is_refused(corpus: list[float], tmp_path: Path) -> None:
    corpus += [2.0]
    with pytest.raises(RunFolderError, match=r"cannot be written \(No such file or directory\); choose another place"):
        check_corpus_command(["--config", "demo", "--json", str(tmp_path / "none" / "a.json")])


def test_a_value_stays_what_it_is_on_the_way_to_another_config() -> None:
    for value in ("yes", "a b", "1e3", "./x", "/a/b", "~/v", 5, 1.5, True, "Ä: ö"):
        word = f"data.speaker={command._as_yaml(value)}"
        if isinstance(value, str):
            assert load_config([], overrides=[word]).data.speaker == value


def test_the_command_line_is_that_of_train() -> None:
    request = parse_request(["--config", "demo", "data.limit_rows=3", "--strict"])
    assert isinstance(request, Request)
    assert request.config.data.limit_rows == 3
    assert request.strict
