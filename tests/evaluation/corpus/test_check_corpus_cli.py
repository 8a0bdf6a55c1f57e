import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parents[3]
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; import toktts_cli; toktts_cli.main(sys.argv[1:])"


def test_the_help_of_check_corpus_needs_no_torch() -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH, "check-corpus", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(option in done.stdout for option in ("--config", "--json", "--strict", "--fine-tune", "--minutes"))


def test_check_corpus_says_in_one_line_what_it_cannot_use(run: Run) -> None:
    code, _, err = run("check-corpus", "--config", "demo", "--minutes", "-1")
    assert code == 2
    assert err == "toktts: error: --minutes: must be above 0, got -1; write 5\n"
