import http.server
import io
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import datasets
import huggingface_hub
import numpy as np
import pytest
import soundfile

from toktts.data.corpora import _hub
from toktts.data.corpora.huggingface import HuggingFace
from toktts.errors import CorpusError, DownloadError

TERMS = {"licence": "CC0-1.0", "consent": "made by a formula"}


def wav() -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, 0.3 * np.sin(np.arange(8000) / 20), 8000, format="WAV")
    return buffer.getvalue()


def table(**columns: list[object]) -> datasets.Dataset:
    n_rows = len(next(iter(columns.values())))
    audio = [{"bytes": wav(), "path": "x.wav"}] * n_rows
    return datasets.Dataset.from_dict({"audio": audio} | columns).cast_column("audio", datasets.Audio(decode=False))


def test_a_saved_dataset_gives_the_bytes_of_its_sound(tmp_path: Path):
    table(text=["one", "two"]).save_to_disk(tmp_path)
    rows = list(HuggingFace(tmp_path, speaker="Ada", language="nl", **TERMS))
    assert [(row.id, row.text, row.speaker, row.language) for row in rows] == [
        ("row-00000000", "one", "Ada", "nl"),
        ("row-00000001", "two", "Ada", "nl"),
    ]
    assert (rows[0].audio, rows[0].licence, rows[0].consent) == (wav(), "CC0-1.0", "made by a formula")


def test_a_parquet_file_and_a_folder_of_them_give_the_same(tmp_path: Path):
    (tmp_path / "data").mkdir()
    table(text=["one", "two"]).to_parquet(tmp_path / "data" / "train.parquet")
    cache = tmp_path / "cache"
    file = HuggingFace(tmp_path / "data" / "train.parquet", cache_dir=cache, **TERMS)
    folder = HuggingFace(tmp_path / "data", cache_dir=cache, **TERMS)
    assert list(file) == list(folder)
    assert len(file) == 2
    assert next(iter(file)).audio == wav()


def test_paths_in_json_lines_are_meant_from_the_place_of_the_file(tmp_path: Path):
    (tmp_path / "a.wav").write_bytes(wav())
    (tmp_path / "rows.jsonl").write_text(json.dumps({"text": "one", "audio": "a.wav"}) + "\n", encoding="utf-8")
    rows = list(HuggingFace(tmp_path / "rows.jsonl", cache_dir=tmp_path / "cache", **TERMS))
    assert [row.audio for row in rows] == [tmp_path / "a.wav"]


def test_columns_can_be_named(tmp_path: Path):
    sound = [{"bytes": wav(), "path": None}] * 2
    rows = datasets.Dataset.from_dict({"key": [7, 8], "said": ["one", "two"], "who": ["Ada", None], "clip": sound})
    rows.save_to_disk(tmp_path)
    corpus = HuggingFace(
        tmp_path, text_column="said", audio_column="clip", id_column="key", speaker_column="who", speaker="?", **TERMS
    )
    assert [(row.id, row.text, row.speaker, row.audio) for row in corpus] == [
        ("7", "one", "Ada", wav()),
        ("8", "two", "?", wav()),
    ]


def test_rows_without_text_are_reported_and_rows_without_sound_are_left_to_their_reader(tmp_path: Path):
    rows = table(text=["one", None, " ", "four"]).to_list()
    rows[3]["audio"] = None
    datasets.Dataset.from_list(rows).save_to_disk(tmp_path)
    corpus = HuggingFace(tmp_path, **TERMS)
    assert [(row.id, row.audio) for row in corpus] == [("row-00000000", wav()), ("row-00000003", b"")]
    assert [row.id for row in corpus.rejected] == ["row-00000001", "row-00000002"]


@pytest.mark.parametrize("missing", TERMS)
def test_licence_and_consent_are_required(missing: str, tmp_path: Path):
    with pytest.raises(CorpusError, match=rf"{missing}: no {missing}; write"):
        HuggingFace(tmp_path, **(TERMS | {missing: None}))


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"text_column": "txt"}, "text_column: no column 'txt'; use one of audio, text, id"),
        ({"audio_column": "wav"}, "audio_column: no column 'wav'"),
        ({"text_column": "audio"}, "text_column: column 'audio' holds Audio"),
        ({"id_column": "text"}, ":2: id '../x' is not safe"),
        ({"id_column": "id"}, ":2: id 'a' is in row 1 already; rename one"),
    ],
)
def test_columns_that_cannot_be_used_are_refused(options: dict[str, str], reason: str, tmp_path: Path):
    table(text=["one", "../x"], id=["a", "a"]).save_to_disk(tmp_path)
    with pytest.raises(CorpusError, match=reason):
        HuggingFace(tmp_path, **options, **TERMS)


def test_a_split_that_is_not_there_is_named_with_those_that_are(tmp_path: Path):
    datasets.DatasetDict({"train": table(text=["one"])}).save_to_disk(tmp_path / "saved")
    assert len(HuggingFace(tmp_path / "saved", **TERMS)) == 1
    with pytest.raises(CorpusError, match="split: no split 'test'; use one of train"):
        HuggingFace(tmp_path / "saved", split="test", **TERMS)
    table(text=["one"]).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(CorpusError, match=r'Unknown split "test". Should be one of \[\'train\'\]\); check the files'):
        HuggingFace(tmp_path / "x.parquet", split="test", cache_dir=tmp_path / "cache", **TERMS)


def test_a_folder_of_sound_files_is_sent_to_the_corpus_folder(tmp_path: Path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "a.wav").write_bytes(wav())
    with pytest.raises(CorpusError, match="holds sound files; use the corpus 'folder'"):
        HuggingFace(tmp_path, **TERMS)


def test_damaged_and_unknown_files_are_one_error(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    for name, reason in [
        ("bad.parquet", "cannot be read as a dataset"),
        ("bad.jsonl", "cannot be read as a dataset"),
        ("bad.xyz", "cannot read '.xyz'; use one of .parquet, .jsonl, .json, .csv"),
    ]:
        (tmp_path / name).write_text("hello {", encoding="utf-8")
        with pytest.raises(CorpusError, match=reason) as caught:
            HuggingFace(tmp_path / name, cache_dir=tmp_path / "cache", **TERMS)
        assert caught.value.file == str(tmp_path / name)
        assert len(caught.value.one_line()) <= 300
    assert caplog.records == []


def test_offline_without_a_copy_is_one_error_at_once():
    began = time.monotonic()
    with pytest.raises(DownloadError, match="HF_HUB_OFFLINE is set and no copy of 'nobody/nothing' is here; unset it"):
        HuggingFace("nobody/nothing", **TERMS)
    assert time.monotonic() - began < 1


def test_a_name_that_no_hub_can_have_is_a_missing_file():
    with pytest.raises(CorpusError, match="no such file, and no name on the Hub either"):
        _online(lambda: HuggingFace("/no/such/place", **TERMS))


def _online(call):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
        patch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
        return call()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """A Hub on this machine that answers with the codes in the list, the last one for ever."""
    codes: list[int] = [404]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            code = codes.pop(0) if len(codes) > 1 else codes[0]
            seen.append(self.path)
            self.send_response(code)
            headers = {401: "GatedRepo", 404: "RepoNotFound", 410: "RevisionNotFound"}
            if code in headers:
                self.send_header("X-Error-Code", headers[code])
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass

    seen: list[str] = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(_hub, "FIRST_WAIT_S", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield codes
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (401, "no dataset 'nobody/nothing', or none you may read; check the name"),
        (404, "no dataset 'nobody/nothing', or none you may read; check the name"),
        (410, "revision: 127.0.0.1:.* has no such revision"),
        (429, "cannot get 'nobody/nothing' "),
        (500, "cannot get 'nobody/nothing' .*; check network and proxy, set HF_HUB_OFFLINE=1"),
    ],
)
def test_what_the_hub_answers_is_one_error_that_names_the_host(code: int, reason: str, hub: list[int]):
    hub[:] = [code]
    with pytest.raises(DownloadError, match=reason) as caught:
        _online(lambda: HuggingFace("nobody/nothing", revision="v1", **TERMS))
    assert "127.0.0.1" in caught.value.one_line()
    assert len(caught.value.one_line()) <= 300


def test_a_hub_that_is_down_is_one_error_within_ten_seconds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    began = time.monotonic()
    with pytest.raises(DownloadError, match="127.0.0.1:9: cannot get 'nobody/nothing'"):
        _online(lambda: HuggingFace("nobody/nothing", **TERMS))
    assert time.monotonic() - began < 10
