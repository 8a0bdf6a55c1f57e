"""Whatever is wrong with a file of a run folder, the answer is one line that names it, and nothing in it is run."""

import os
import shutil
from pathlib import Path

import pytest
from tiny_run import save_run

from toktts.errors import ToktsError
from toktts.inference import pipeline
from toktts.tokens import build_tokenizer

FILES = [
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "config.yaml",
    "codec/codec.json",
    "codec/model.safetensors",
]


def pickled_command(target: Path) -> bytes:
    """What `pickle.dumps` gives for a call of os.system, in protocol 0."""
    return f"cos\nsystem\n(S'touch {target}'\ntR.".encode() + b"\x80\xff"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = save_run(tmp_path_factory.mktemp("runs") / "run", config="text: {normalizer: basic}\n")
    build_tokenizer("characters").save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["pickle", "half"])
def test_a_file_that_is_something_else_is_named_and_never_run(
    run: Path, tmp_path: Path, name: str, damage: str
) -> None:
    bad = tmp_path / "bad"
    shutil.copytree(run, bad)
    whole = (bad / name).read_bytes()
    (bad / name).write_bytes(pickled_command(tmp_path / "ran") if damage == "pickle" else whole[: len(whole) // 2])
    with pytest.raises(ToktsError) as caught:
        pipeline(bad)("hello", seed=0, max_new_tokens=4)
    line = caught.value.one_line()
    assert os.fspath(bad / name) in line
    assert ";" in line
    assert len(line) <= 300
    assert not (tmp_path / "ran").exists()
    if name in ("generation_config.json", "model.safetensors", "tokenizer.json"):
        assert "is not of a toktts checkpoint" in line
