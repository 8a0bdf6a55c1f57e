"""A run folder with a tiny model that was never trained, for tests of speaking."""

from pathlib import Path

from toktts import registry
from toktts.models import ToktsModel
from toktts.tokens import build_tokenizer


def save_run(folder: Path, family: str = "tokar", *, config: str | None = None) -> Path:
    registry.load("toktts.models", family, ToktsModel).tiny().save_pretrained(folder)
    build_tokenizer("bytes").save_pretrained(folder)
    if config is not None:
        (folder / "config.yaml").write_text(config, encoding="utf-8")
    return folder
