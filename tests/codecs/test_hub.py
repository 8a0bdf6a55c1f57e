import hashlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from light_process import LIGHT

from toktts.audio import Waveform
from toktts.codecs import _hub, load_codec
from toktts.codecs.encodec import HuggingFaceCodec
from toktts.errors import CodecError, DownloadError

NAME = "someone/some_encodec"
FIRST, SECOND = "1" * 40, "2" * 40


class Hub:
    """A Hub on this machine with one repository: enough of its protocol for a download."""

    def __init__(self) -> None:
        self.commits: dict[str, dict[str, bytes]] = {}
        self.head = FIRST
        self.failures: list[int] = []  # Status codes of the next answers.
        self.halves = 0  # Files to break off in the middle.
        self.requests: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub.answer(self, with_body=True)

            def do_HEAD(self) -> None:
                hub.answer(self, with_body=False)

            def log_message(self, *args: object) -> None:
                del args

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler, *, with_body: bool) -> None:
        path = handler.path.split("?")[0]
        self.requests.append(path)
        if self.failures:
            self.send(handler, self.failures.pop(0), b"", with_body=with_body)
        elif path.startswith(f"/api/models/{NAME}/tree/"):
            files = self.commits[path.rsplit("/", 1)[1]]
            tree = [{"type": "file", "path": key, "size": len(data), "oid": key} for key, data in files.items()]
            self.send(handler, 200, json.dumps(tree).encode(), with_body=with_body)
        elif path == f"/api/models/{NAME}" or path.startswith(f"/api/models/{NAME}/revision/"):
            self.send(handler, 200, json.dumps({"id": NAME, "sha": self.head}).encode(), with_body=with_body)
        elif path.startswith(f"/{NAME}/resolve/"):
            commit, file = path.removeprefix(f"/{NAME}/resolve/").split("/", 1)
            self.send(handler, 200, self.commits[commit][file], with_body=with_body, commit=commit)
        else:
            self.send(handler, 404, b"", with_body=with_body, missing=True)

    def send(
        self,
        handler: BaseHTTPRequestHandler,
        status: int,
        body: bytes,
        *,
        with_body: bool,
        commit: str | None = None,
        missing: bool = False,
    ) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        if missing:
            handler.send_header("X-Error-Code", "RepoNotFound")
        if commit:
            handler.send_header("X-Repo-Commit", commit)
            handler.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
        handler.end_headers()
        if with_body and commit and self.halves:
            self.halves -= 1
            handler.wfile.write(body[: len(body) // 2])
            handler.close_connection = True
        elif with_body:
            handler.wfile.write(body)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    hub = Hub()
    HuggingFaceCodec.tiny()._model.save_pretrained(tmp_path / "model")
    files = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    hub.commits = {FIRST: files, SECOND: files | {"README.md": b"changed"}}
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(_hub, "PAUSES_S", (0.01, 0.01))
    monkeypatch.setenv("TOKTTS_CACHE", str(tmp_path / "cache"))
    yield hub
    hub.server.shutdown()
    hub.server.server_close()


def lock(tmp_path: Path) -> dict[str, dict[str, object]]:
    entries: dict[str, dict[str, object]] = json.loads(
        (tmp_path / "cache" / "codecs.lock.json").read_text(encoding="utf-8")
    )
    return entries


def test_a_first_download_is_locked_by_commit_and_hashes(hub: Hub, tmp_path: Path) -> None:
    codec = load_codec(NAME)
    assert isinstance(codec, HuggingFaceCodec)
    assert (codec.name, codec.revision) == (NAME, FIRST)
    hashes = {
        key: hashlib.sha256(data).hexdigest()
        for key, data in hub.commits[FIRST].items()
        if key in ("config.json", "model.safetensors")
    }
    assert lock(tmp_path) == {NAME: {"revision": FIRST, "files": hashes}}
    clip = Waveform(torch.rand(1, 2000) - 0.5, 24_000)
    assert torch.equal(codec.encode(clip), HuggingFaceCodec.tiny().encode(clip))


def test_a_locked_codec_stays_at_its_commit_and_asks_the_hub_for_nothing(hub: Hub) -> None:
    first = load_codec(NAME)
    hub.head = SECOND
    hub.requests.clear()
    again = load_codec(NAME)
    assert again.identity == first.identity
    assert hub.requests == []


def test_a_locked_commit_is_downloaded_again_when_its_files_are_gone(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_codec(NAME)
    hub.head = SECOND
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "another hub"))
    again = load_codec(NAME)
    assert again.identity == first.identity
    assert any("resolve" in request for request in hub.requests[-4:])


def test_other_bytes_than_those_of_the_first_download_are_refused(hub: Hub, tmp_path: Path) -> None:
    load_codec(NAME)
    weights = next((tmp_path / "hub").rglob("snapshots/*/model.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.resolve().write_bytes(bytes(data))
    hub.head = SECOND
    with pytest.raises(CodecError, match=r"has sha256 \w{16}, \w{16} was downloaded first; delete the file") as caught:
        load_codec(NAME)
    assert caught.value.key == "model.safetensors"
    assert caught.value.file is not None
    Path(caught.value.file).unlink()
    assert str(_hub.fetch(NAME).revision) == FIRST


def test_named_revisions_have_locks_of_their_own(hub: Hub, tmp_path: Path) -> None:
    hub.head = SECOND
    assert load_codec(NAME, revision=SECOND).identity != load_codec("griffin_lim").identity
    assert list(lock(tmp_path)) == [f"{NAME}@{SECOND}"]


def test_a_busy_hub_is_asked_three_times(hub: Hub) -> None:
    hub.failures = [503, 429]
    assert load_codec(NAME).n_codebooks == 2


def test_a_hub_that_stays_busy_is_one_line(hub: Hub) -> None:
    hub.failures = [500] * 20
    with pytest.raises(DownloadError, match="answered 500 for 'someone/some_encodec'; try again later") as caught:
        load_codec(NAME)
    assert caught.value.file == "127.0.0.1"
    assert caught.value.key == "codec.name_or_path"


def test_half_a_file_is_never_taken_for_a_codec(hub: Hub, tmp_path: Path) -> None:
    """What breaks off is fetched again; what comes is whole."""
    hub.halves = 1
    load_codec(NAME)
    files = lock(tmp_path)[NAME]["files"]
    assert isinstance(files, dict)
    assert files["model.safetensors"] == hashlib.sha256(hub.commits[FIRST]["model.safetensors"]).hexdigest()


def test_a_repository_that_is_not_there_is_named(hub: Hub) -> None:
    assert hub.url
    with pytest.raises(DownloadError, match=r"no folder 'someone/encodek' here, and no such public repository there"):
        load_codec("someone/encodek")


@pytest.mark.parametrize("text", ["", "[]", '{"a/b": {"revision": "main", "files": {}}}', '{"a/b": 3}'])
def test_a_broken_lock_file_is_reported(hub: Hub, tmp_path: Path, text: str) -> None:
    assert hub.url
    path = tmp_path / "cache" / "codecs.lock.json"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CodecError, match=r"delete it") as caught:
        load_codec(NAME)
    assert caught.value.file == str(path)


def test_offline_a_codec_that_was_never_downloaded_is_one_line_at_once() -> None:
    """The test session itself is in offline mode."""
    before = time.monotonic()
    with pytest.raises(DownloadError, match="offline mode is on and 'facebook/encodec_24khz' was never") as caught:
        load_codec("encodec")
    assert time.monotonic() - before < 1
    assert caught.value.file == "huggingface.co"
    assert caught.value.key == "codec.name_or_path"
    assert len(caught.value.one_line()) <= 300


def test_offline_a_codec_in_the_cache_of_the_hub_is_used_and_locked(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    huggingface_hub.snapshot_download(NAME, endpoint=hub.url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    codec = load_codec(NAME)
    assert isinstance(codec, HuggingFaceCodec)
    assert codec.revision == lock(tmp_path)[NAME]["revision"] == FIRST


@pytest.mark.medium
def test_a_proxy_that_is_not_there_is_named_within_ten_seconds_without_its_password(tmp_path: Path) -> None:
    code = (
        f"{LIGHT}import time; from toktts.codecs import load_codec; from toktts.errors import DownloadError\n"
        "start = time.monotonic()\n"
        "try: load_codec('encodec')\n"
        "except DownloadError as error: print(error.one_line(), time.monotonic() - start, sep='|')"
    )
    environment = os.environ | {
        "HF_HUB_OFFLINE": "0",
        "HTTPS_PROXY": "http://user:secret@127.0.0.1:9",
        "NO_PROXY": "",
        "no_proxy": "",
        "HF_HOME": str(tmp_path),
        "TOKTTS_CACHE": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8", check=True
    )
    line, duration_s = done.stdout.strip().split("|")
    assert "huggingface.co codec.name_or_path: cannot be reached through proxy 127.0.0.1:9" in line
    assert "secret" not in line
    assert float(duration_s) < 10
