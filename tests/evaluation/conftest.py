from pathlib import Path

import pytest

from toktts import registry
from toktts.inference import TokttsPipeline, pipeline
from toktts.models import ToktsModel
from toktts.tokens import build_tokenizer


@pytest.fixture(scope="session")
def tokar_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with a tiny model, for reading only."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    registry.load("toktts.models", "tokar", ToktsModel).tiny().save_pretrained(folder)
    build_tokenizer("bytes").save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def pipe(tokar_run: Path) -> TokttsPipeline:
    return pipeline(tokar_run)
