from pathlib import Path

import pytest

from toktts import registry
from toktts.models import ToktsModel
from toktts.tokens import build_tokenizer


def save_run(folder: Path, family: str, config: str | None = "text: {normalizer: basic}\n") -> Path:
    model = registry.load("toktts.models", family, ToktsModel).tiny()
    model.save_pretrained(folder)
    build_tokenizer("bytes").save_pretrained(folder)
    if config is not None:
        (folder / "config.yaml").write_text(config, encoding="utf-8")
    return folder


@pytest.fixture(scope="session", params=["tokar", "tokflat"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a tiny model of each family."""
    return save_run(tmp_path_factory.mktemp("runs") / request.param, request.param)


@pytest.fixture(scope="session")
def tokar_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_run(tmp_path_factory.mktemp("runs") / "demo", "tokar")
