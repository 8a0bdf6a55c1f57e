"""The wheel holds what an empty environment needs, and the scripts say what is wrong with their arguments."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob("*.whl")))


@pytest.mark.medium
def test_the_wheel_holds_package_script_configs_and_assets(wheel: zipfile.ZipFile) -> None:
    names = set(wheel.namelist())
    assert {"toktts_cli/__init__.py", "toktts/__init__.py", "toktts/py.typed"} <= names
    configs = {path.relative_to(ROOT / "config") for path in (ROOT / "config").rglob("*.yaml")}
    assert {f"toktts/assets/config/{config.as_posix()}" for config in configs} <= names
    assets = {path for path in (ROOT / "toktts/assets").rglob("*") if path.is_file()}
    assert {path.relative_to(ROOT).as_posix() for path in assets} <= names


@pytest.mark.medium
def test_the_wheel_holds_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"toktts", "toktts_cli"}


def test_every_dependency_has_a_tested_version_above_its_floor() -> None:
    from packaging.requirements import Requirement

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "requirements/tested.txt").read_text(encoding="utf-8").splitlines()
    tested = dict(line.split("==") for line in lines if not line.startswith("#"))
    optional = project["optional-dependencies"]
    for text in project["dependencies"] + optional["dev"] + optional["tensorboard"]:
        wanted = Requirement(text)
        if wanted.name != "toktts":
            assert wanted.specifier.contains(tested[wanted.name.lower().replace("_", "-")]), text


@pytest.mark.parametrize("name", ["parity", "evaluation"])
def test_packages_installed_without_their_dependencies_are_locked_by_hash(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines
    assert all("==" in line and "--hash=sha256:" in line for line in lines)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["scripts/install", "--prod"], "unknown option '--prod'; scripts/install takes only --dev"),
        (["scripts/check", "--quick"], "unknown option '--quick'; scripts/check takes only --fast"),
        (
            ["scripts/check", "--fast", "models", "model"],
            "no folder tests/model; --fast leaves out codecs contracts evaluation inference models training",
        ),
        (["scripts/install_extras"], "nothing to install; name parity, evaluation or both"),
        (["scripts/install_extras", "parity"], "nowhere has no python; run scripts/install first"),
    ],
)
def test_a_script_refuses_what_it_does_not_know(command: list[str], message: str) -> None:
    environment = os.environ | {"TOKTTS_VENV": "nowhere"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert (result.returncode, result.stderr) == (2, f"toktts: error: {message}\n")


@pytest.mark.parametrize("named", ["models", "models/", "tests/models", "models/modules/"])
def test_a_fast_check_runs_the_folder_that_is_named_however_it_is_written(named: str, tmp_path: Path) -> None:
    stubs = [tmp_path / "scripts/install", *(tmp_path / "venv/bin" / tool for tool in ("ruff", "mypy", "pytest"))]
    for stub in stubs:
        stub.parent.mkdir(parents=True, exist_ok=True)
        stub.write_text('#!/bin/sh\necho "$@"\n', encoding="utf-8")
        stub.chmod(0o755)
    (tmp_path / "tests/models").mkdir(parents=True)
    script = Path(shutil.copy(ROOT / "scripts/check", tmp_path / "scripts/check"))
    environment = os.environ | {"TOKTTS_VENV": str(tmp_path / "venv")}
    command = [script, "--fast", named]
    result = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=True)
    tests = result.stdout.splitlines()[-1]
    assert "--ignore tests/codecs --ignore toktts/codecs" in tests
    assert "models" not in tests


def test_the_python_that_makes_the_environment_can_be_too_old(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    old.chmod(0o755)
    environment = os.environ | {"TOKTTS_VENV": str(tmp_path / "venv"), "TOKTTS_PYTHON": str(old)}
    result = subprocess.run(["scripts/install"], cwd=ROOT, env=environment, capture_output=True, check=False)
    assert result.returncode == 2
    assert b"no Python 3.11 or newer found; install one or name it in TOKTTS_PYTHON" in result.stderr
    assert not (tmp_path / "venv").exists()
