"""What holds for every test: offline, one thread, nothing of the user's touched, the same examples every time."""

import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

# Before anything imports torch, transformers or wandb: they read these once.
os.environ.update(
    HF_HUB_OFFLINE="1",
    MPLBACKEND="Agg",
    OMP_NUM_THREADS="1",
    MKL_NUM_THREADS="1",
    TOKENIZERS_PARALLELISM="false",
    TOKTTS_CACHE=tempfile.mkdtemp(prefix="toktts-test-cache-"),
    WANDB_MODE="offline",
    WANDB_SILENT="true",
)

import shutil

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
LOCAL_HOSTS = ("", "localhost", "127.0.0.1", "::1", "0.0.0.0", None)

settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("fast", settings.get_profile("ci"), max_examples=20)
settings.register_profile("nightly", deadline=None, max_examples=5000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def _refuse_network(event: str, args: tuple[object, ...]) -> None:
    """As an audit hook: a test that looks up or connects to another machine fails there and then."""
    host: object = None
    if event == "socket.getaddrinfo":
        host = args[0]
    elif event == "socket.connect" and isinstance(args[1], tuple):
        host = args[1][0]
    if isinstance(host, bytes):
        host = host.decode()
    if host not in LOCAL_HOSTS:
        raise RuntimeError(f"tests are offline, but {event} asked for {host!r}")


sys.addaudithook(_refuse_network)


def pytest_unconfigure() -> None:
    shutil.rmtree(os.environ["TOKTTS_CACHE"], ignore_errors=True)


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """A command line of `toktts` in this process, not in one that imports everything again: code, stdout, stderr."""
    import toktts_cli

    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    before = signal.getsignal(signal.SIGTERM)

    def command(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            toktts_cli.main([str(word) for word in words])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    yield command
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Data beside the project; the test is skipped where there is none."""
    folder = Path(os.environ.get("TOKTTS_SHARED", ROOT.parent / "shared")) / "data"
    if not folder.is_dir():
        pytest.skip(f"needs {folder} (set TOKTTS_SHARED)")
    return folder
