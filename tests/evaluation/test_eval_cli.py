import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

Run = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parent.parent.parent
WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; import toktts_cli; toktts_cli.main(sys.argv[1:])"


def test_the_help_of_eval_needs_no_torch() -> None:
    command = [sys.executable, "-c", WITHOUT_TORCH, "eval", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(
        option in done.stdout for option in ("--sets", "--text", "--metrics", "--originals", "--json", "--limit")
    )


def test_eval_says_in_one_line_what_it_cannot_judge(tmp_path: Path, run: Run) -> None:
    code, out, err = run("eval", tmp_path, "--metrics", "mcd, duration_error")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "holds no .wav file; name a folder of NAME.wav and NAME.txt, or a run folder" in err
