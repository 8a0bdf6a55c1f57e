"""A process that encodes with our own codec never waits for transformers."""

import subprocess
import sys
from pathlib import Path

import pytest
from light_process import LIGHT

from toktts.codecs import save_random_encodec

WORKER = f"""{LIGHT}
import toktts.data.workers
from toktts.codecs import load_codec
early = {{"transformers", "datasets"}} & set(sys.modules)
load_codec(sys.argv[1])
print(sorted(early), "transformers" in sys.modules)
"""


@pytest.mark.medium
def test_workers_import_transformers_only_for_its_codecs(tmp_path: Path) -> None:
    save_random_encodec(tmp_path / "codec", small=True)
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(tmp_path / "codec")], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("[] True\n", 0), done.stderr
