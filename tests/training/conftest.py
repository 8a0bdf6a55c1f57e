"""What several trainings are tried on."""

from pathlib import Path

import pytest

from toktts.data.corpora.folder import Folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    Folder.tiny(folder)
    return folder
