"""The demo notebook runs from top to bottom, with whatever voice the environment names."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from tiny_run import save_run

NAME = "sample_from_model.ipynb"
TEXTS = ("hello friend", "I am happy you are here", "The family would enjoy your visit")


@pytest.mark.medium
@pytest.mark.parametrize("family", ["tokar", "tokflat"])
def test_it_runs_from_top_to_bottom(family: str, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKTTS_NOTEBOOK_MODEL", str(save_run(tmp_path / "run", family)))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(root / NAME, as_version=4)
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(root)}})
    client.execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("<audio" in output.get("data", {}).get("text/html", "") for output in outputs) == len(TEXTS) + 1
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == (2 if family == "tokar" else 1)


def test_it_speaks_the_three_texts_and_is_committed_without_results(root: Path) -> None:
    notebook = nbformat.read(root / NAME, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for text in TEXTS:
        assert sum(f'speak("{text}")' in cell.source for cell in code) == 1
    assert not any(cell.outputs or cell.execution_count for cell in code)
