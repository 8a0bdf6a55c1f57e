import json
from pathlib import Path

import pytest
import torch
from tiny_run import save_run

from toktts import build
from toktts.audio import Waveform
from toktts.config import load_config
from toktts.data.corpora.folder import Folder
from toktts.errors import ConfigError, ModelError, ToktsError
from toktts.evaluation.samples.generate import main

CONFIG = """\
model: {{name: tiny}}
codec: {{name_or_path: "{run}/codec"}}
data: {{corpus: folder, path: "{corpus}", train_fraction: 0.5, cache_dir: "{cache}"}}
training: {{output_dir: "{run}"}}
inference: {{do_sample: false, max_seconds: 0.2}}
evaluation: {{limit_rows: 1}}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("place")
    Folder.tiny(place / "corpus")
    config = CONFIG.format(run=place / "run", corpus=place / "corpus", cache=place / "cache")
    return save_run(place / "run", config=config)


@pytest.fixture
def config_file(run: Path) -> str:
    return str(run / "config.yaml")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_first_rows_of_both_splits_are_spoken_and_reported(
    run: Path, config_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["--config", config_file])
    config = load_config([config_file])
    corpus = {utterance.id: utterance for utterance in build.open_corpus(config)}
    splits = build.split(config, sorted(corpus))
    for split, ids in zip(("train", "validation"), splits, strict=True):
        folder = run / "samples" / split
        assert names(folder) == [f"{ids[0]}{ending}" for ending in (".json", ".txt", ".wav", "_real.wav", "_ref.wav")]
        assert (folder / f"{ids[0]}.txt").read_text(encoding="utf-8") == f"{corpus[ids[0]].text}\n"
        generated, real, ref = (
            Waveform.load(folder / f"{ids[0]}{ending}") for ending in (".wav", "_real.wav", "_ref.wav")
        )
        assert {generated.sampling_rate, real.sampling_rate, ref.sampling_rate} == {24000}
        assert generated.duration_s <= 0.2
        assert real.duration_s == 1.0
        assert ref.duration_s == 1.0
    printed = capsys.readouterr().out
    assert f"samples: {run / 'samples' / 'validation'}" in printed
    assert f"report: {run / 'report.html'}" in printed
    assert "codec only" in (run / "report.html").read_text(encoding="utf-8")


def test_the_reference_is_the_cached_codes_through_the_codec(config_file: str, tmp_path: Path) -> None:
    main(["--config", config_file, "--out", str(tmp_path)])
    config = load_config([config_file])
    codec = build.load_codec(config)
    rows = build.token_cache(config, build.open_corpus(config), codec).load()
    ref = next((tmp_path / "train").glob("*_ref.wav"))
    row = next(row for row in rows if row["id"] == ref.stem.removesuffix("_ref"))
    expected = codec.decode(torch.tensor(row["codes"])[None].long())
    torch.testing.assert_close(Waveform.load(ref).samples, expected.samples, rtol=0, atol=1e-3)
    assert not (tmp_path / "report.html").exists()


def test_a_text_is_spoken_into_custom(run: Path, config_file: str) -> None:
    main(["--config", config_file, "--text", "Hello, friend!"])
    main(["--config", config_file, "--text", "Hello, friend!"])
    assert names(run / "samples" / "custom") == [
        f"hello-friend-3d662cce{ending}" for ending in (".json", ".txt", ".wav")
    ]


def test_a_file_of_texts_is_spoken_into_a_folder(run: Path, tmp_path: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("b|hello friend\na|no\n", encoding="utf-8")
    main(["--with-model", str(run), "--texts", str(texts), "--out", str(tmp_path / "out")])
    assert names(tmp_path / "out") == ["a.json", "a.txt", "a.wav", "b.json", "b.txt", "b.wav"]


def test_without_flags_the_run_of_the_defaults_speaks(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "demo").symlink_to(run)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.txt").write_text("a|no\n", encoding="utf-8")
    main(["--texts", "texts.txt", "--out", "out"])
    assert names(tmp_path / "out") == ["a.json", "a.txt", "a.wav"]


def test_overrides_change_how_it_speaks(run: Path, tmp_path: Path) -> None:
    for seconds in (0.04, 0.08):
        out = tmp_path / str(seconds)
        main(
            ["--with-model", str(run), "--text", "hello friend", "--out", str(out), f"inference.max_seconds={seconds}"]
        )
        assert Waveform.load(next(out.glob("*.wav"))).duration_s == pytest.approx(seconds)


def test_a_training_checkpoint_speaks_with_the_codec_and_tokenizer_of_the_config(
    run: Path, config_file: str, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "checkpoint-5"
    checkpoint.mkdir()
    for name in ("config.json", "generation_config.json", "model.safetensors"):
        (checkpoint / name).write_bytes((run / name).read_bytes())
    words = ["--with-model", str(checkpoint), "--text", "no", "--out", str(tmp_path / "out")]
    main(["--config", config_file, "tokens.tokenizer=bytes", *words])
    assert len(names(tmp_path / "out")) == 3
    with pytest.raises(ToktsError):
        main(words)


def test_the_words_of_the_trainer_are_accepted(config_file: str, tmp_path: Path) -> None:
    words = ["--config", config_file, "--with-checkpoint", "anything", "training.args.max_steps=3"]
    main([*words, "--text", "no", "--out", str(tmp_path / "out")])
    assert len(names(tmp_path / "out")) == 3


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--text", "a", "--texts", "b"], "--text and --texts exclude each other; leave one out"),
        (["--texts", "b"], "--texts needs a folder to write to; add --out DIR"),
        (["--txt", "b"], r"unknown flag '--txt'; did you mean --texts?\?"),
    ],
)
def test_flags_that_cannot_be_meant_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        main(words)


def test_a_run_that_was_not_trained_is_named() -> None:
    with pytest.raises(
        ModelError, match="runs/nobody: no such run folder, and the Hub did not give it; train it first"
    ):
        main(["--yconfig", "model: {name: nobody}", "--text", "hello"])


def test_a_model_keeps_its_own_way_of_speaking_where_nobody_wrote_a_config(tmp_path: Path) -> None:
    run = save_run(tmp_path / "run")
    settings = json.loads((run / "generation_config.json").read_text(encoding="utf-8")) | {"max_new_tokens": 3}
    (run / "generation_config.json").write_text(json.dumps(settings), encoding="utf-8")
    main(["--with-model", str(run), "--text", "hello friend"])
    assert Waveform.load(next((run / "samples" / "custom").glob("*.wav"))).samples.shape[1] == 3 * 320
