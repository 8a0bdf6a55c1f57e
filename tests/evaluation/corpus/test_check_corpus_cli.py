import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; import toktts_cli; toktts_cli.main(sys.argv[1:])"
WITH_TORCH = "import sys, toktts_cli; toktts_cli.main(sys.argv[1:])"


def check_corpus(*args: str, code: str) -> tuple[int, str, str]:
    command = [sys.executable, "-c", code, "check-corpus", *args]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    return result.returncode, result.stdout, result.stderr


def test_the_help_of_check_corpus_needs_no_torch() -> None:
    code, out, err = check_corpus("--help", code=WITHOUT_TORCH)
    assert (code, err) == (0, "")
    assert all(option in out for option in ("--config", "--json", "--strict", "--fine-tune", "--minutes"))


@pytest.mark.medium
def test_check_corpus_says_in_one_line_what_it_cannot_use() -> None:
    code, _, err = check_corpus("--config", "demo", "--minutes", "-1", code=WITH_TORCH)
    assert code == 2
    assert err == "toktts: error: --minutes: must be above 0, got -1; write 5\n"
