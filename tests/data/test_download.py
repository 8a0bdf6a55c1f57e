import hashlib
import http.server
import io
import socket
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from toktts.data.corpora.ljspeech import ARCHIVE, LJSpeech
from toktts.data.download import Archive, Patience, fetch
from toktts.errors import DownloadError

CONTENT = bytes(range(256)) * 1000
QUICK = Patience(first_wait_s=0.01)


@dataclass
class Web:
    """A server on this machine and how it misbehaves.

    Args:
        content: what it has.
        codes: answers to give first, instead of the file.
        cut_after: bytes after which it closes the connection, for as many requests as there are numbers.
        takes_ranges: whether it can go on in the middle.
        page: give this HTML instead.
        chunked: do not say how much there is.
    """

    content: bytes = CONTENT
    codes: list[int] = field(default_factory=list)
    cut_after: list[int] = field(default_factory=list)
    takes_ranges: bool = True
    page: bytes | None = None
    chunked: bool = False
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        self.asked.append(handler.headers["Range"])
        if self.codes:
            return handler.send_error(self.codes.pop(0))
        start = int(handler.headers["Range"][6:-1]) if self.takes_ranges else 0
        body = self.page or self.content[start:]
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Type", "text/html" if self.page else "application/x-bzip2")
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(self.content) - 1}/{len(self.content)}")
        if not self.chunked:
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: self.cut_after.pop(0)] if self.cut_after else body)
        return None


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    web = Web()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            web.answer(self)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    web.url = f"http://127.0.0.1:{server.server_port}/some/corpus.tar.bz2"
    yield web
    server.shutdown()
    server.server_close()


def archive(web: Web, content: bytes = CONTENT) -> Archive:
    return Archive(web.url, hashlib.sha256(content).hexdigest(), len(content), "corpus")


def test_a_file_is_fetched_once_and_kept(web: Web, tmp_path: Path):
    path = fetch(archive(web), tmp_path / "new")
    assert path == tmp_path / "new" / "corpus.tar.bz2"
    assert path.read_bytes() == CONTENT
    assert fetch(archive(web), tmp_path / "new") == path
    assert web.asked == ["bytes=0-"]
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def test_a_part_is_resumed_where_it_ended(web: Web, tmp_path: Path):
    (tmp_path / "corpus.tar.bz2.part").write_bytes(CONTENT[:1000])
    assert fetch(archive(web), tmp_path).read_bytes() == CONTENT
    assert web.asked == ["bytes=1000-"]


def test_a_connection_that_breaks_is_resumed_in_the_same_call(web: Web, tmp_path: Path):
    web.cut_after = [10, 20, 30, 40]
    assert fetch(archive(web), tmp_path, patience=QUICK).read_bytes() == CONTENT
    assert web.asked == [f"bytes={start}-" for start in (0, 10, 30, 60, 100)]


def test_a_server_that_cannot_resume_is_read_from_the_start(web: Web, tmp_path: Path):
    web.takes_ranges = False
    (tmp_path / "corpus.tar.bz2.part").write_bytes(b"x" * 1000)
    assert fetch(archive(web), tmp_path).read_bytes() == CONTENT


def test_an_answer_without_a_length_is_read_to_its_end(web: Web, tmp_path: Path):
    web.chunked = True
    assert fetch(archive(web), tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize("code", [401, 429, 500, 503])
def test_two_refusals_are_forgiven_and_three_are_one_error(code: int, web: Web, tmp_path: Path):
    web.codes = [code] * 2
    assert fetch(archive(web), tmp_path / "a", patience=QUICK).read_bytes() == CONTENT
    web.codes = [code] * 3
    with pytest.raises(DownloadError, match=rf"no answer that helps after 3 attempts \(HTTP {code} ") as caught:
        fetch(archive(web), tmp_path / "b", patience=QUICK)
    assert caught.value.file == web.url.split("/")[2]
    assert "by hand to" in caught.value.one_line()
    assert len(caught.value.one_line()) <= 300


def test_a_wrong_hash_is_one_error_and_the_part_is_kept(web: Web, tmp_path: Path):
    wanted = replace(archive(web), sha256="0" * 64)
    with pytest.raises(DownloadError, match=rf"sha256 is {archive(web).sha256}, expected 0{{64}}; delete it") as caught:
        fetch(wanted, tmp_path)
    assert caught.value.file == str(tmp_path / "corpus.tar.bz2.part")
    assert (tmp_path / "corpus.tar.bz2.part").read_bytes() == CONTENT
    assert not (tmp_path / "corpus.tar.bz2").exists()


def test_a_finished_file_of_another_hash_is_refused_and_left_alone(web: Web, tmp_path: Path):
    (tmp_path / "corpus.tar.bz2").write_bytes(b"mine")
    with pytest.raises(DownloadError, match=f"has 4 bytes, expected {len(CONTENT)}; delete it"):
        fetch(archive(web), tmp_path)
    assert (tmp_path / "corpus.tar.bz2").read_bytes() == b"mine"


@pytest.mark.parametrize("has_part", [False, True])
def test_another_size_or_a_web_page_never_touches_the_part(has_part: bool, web: Web, tmp_path: Path):
    part = tmp_path / "corpus.tar.bz2.part"
    if has_part:
        part.write_bytes(CONTENT[:10])
    web.page = b"<html>log in to the proxy</html>"
    with pytest.raises(DownloadError, match="gives a web page instead of the file; look at http://127.0.0.1"):
        fetch(archive(web), tmp_path, patience=QUICK)
    web.page, web.content = None, CONTENT + b"!"
    with pytest.raises(DownloadError, match=f"offers {len(CONTENT) + 1} bytes, expected {len(CONTENT)}"):
        fetch(archive(web), tmp_path, patience=QUICK)
    assert (part.read_bytes() if part.exists() else None) == (CONTENT[:10] if has_part else None)


def test_more_than_expected_is_never_written(web: Web, tmp_path: Path):
    web.chunked, web.content = True, CONTENT * 2
    assert fetch(archive(web), tmp_path).read_bytes() == CONTENT


def test_a_machine_without_network_gets_one_error_that_names_the_host_within_ten_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    began = time.monotonic()
    with pytest.raises(DownloadError, match="refused") as caught:
        fetch(replace(ARCHIVE, url="http://127.0.0.1:9/x.tar", n_bytes=10), tmp_path)
    assert caught.value.where == "127.0.0.1:9"
    assert time.monotonic() - began < 10


def test_a_host_that_never_answers_is_given_up_within_ten_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x.tar"
        began = time.monotonic()
        with pytest.raises(DownloadError, match="timed out"):
            fetch(replace(ARCHIVE, url=url, n_bytes=10), tmp_path, patience=replace(QUICK, timeout_s=0.2))
    assert time.monotonic() - began < 2
    standard = Patience()
    waits_s = sum(standard.first_wait_s * 2**attempt for attempt in range(standard.attempts - 1))
    assert standard.attempts * standard.timeout_s + waits_s < 10


def test_the_proxy_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("https_proxy", "http://me:secret@proxy.example:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    assert ARCHIVE.host == "data.keithito.com through proxy.example:3128"


def test_a_full_disk_is_noticed_before_the_first_byte(web: Web, tmp_path: Path):
    with pytest.raises(DownloadError, match=r"disk full: need 1000000000 MB, \d+ MB free; choose another place"):
        fetch(replace(archive(web), n_bytes=10**15), tmp_path)
    assert web.asked == []


def test_a_folder_that_cannot_be_made_is_one_error(web: Web, tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match="cannot be written"):
        fetch(archive(web), tmp_path / "file")


def test_a_corpus_is_downloaded_checked_unpacked_and_opened(web: Web, tmp_path: Path):
    LJSpeech.tiny(tmp_path / "made")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:bz2") as tar:
        tar.add(tmp_path / "made", arcname="LJSpeech-1.1")
    web.content = buffer.getvalue()
    wanted = replace(archive(web, web.content), root="LJSpeech-1.1")
    folder = LJSpeech.download(tmp_path / "got", archive=wanted)
    assert folder == tmp_path / "got" / "LJSpeech-1.1"
    assert [(row.id, row.text) for row in LJSpeech(tmp_path / "got")] == [
        (row.id, row.text) for row in LJSpeech(tmp_path / "made")
    ]
    assert LJSpeech.download(tmp_path / "got", archive=wanted) == folder
    assert len(web.asked) == 1
