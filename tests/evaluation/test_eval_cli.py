import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; import toktts_cli; toktts_cli.main(sys.argv[1:])"


def toktts(*args: str, code: str = "import sys, toktts_cli; toktts_cli.main(sys.argv[1:])") -> tuple[int, str, str]:
    result = subprocess.run(
        [sys.executable, "-c", code, *args], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    )
    return result.returncode, result.stdout, result.stderr


def test_the_help_of_eval_needs_no_torch() -> None:
    code, out, err = toktts("eval", "--help", code=WITHOUT_TORCH)
    assert (code, err) == (0, "")
    assert all(option in out for option in ("--sets", "--text", "--metrics", "--originals", "--json", "--limit"))


@pytest.mark.medium
def test_eval_says_in_one_line_what_it_cannot_judge(tmp_path: Path) -> None:
    code, out, err = toktts("eval", str(tmp_path), "--metrics", "mcd, duration_error")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "holds no .wav file; name a folder of NAME.wav and NAME.txt, or a run folder" in err
