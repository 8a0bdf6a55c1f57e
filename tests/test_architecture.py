"""The shape of the code, read from its syntax trees: who imports whom, what is never called, how long things get."""

import ast
import functools
import importlib.metadata
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# Imports run from left to right only.
LEVELS = ["entry points", "launch", "evaluation", "training", "inference", "build", "config", "data", "models"]
LEVELS += ["alignment", "codecs", "tokens", "text", "audio", "registry", "memory", "places", "errors"]
SCRIPTS = ("toktts_cli", "trainer", "generate_samples", "cloud_training")
PACKAGE = sorted((ROOT / "toktts").rglob("*.py"))
FILES = PACKAGE + sorted(path for name in SCRIPTS for path in [*(ROOT / name).glob("*.py"), *ROOT.glob(f"{name}.py")])
# Installed by scripts/install_extras or an extra, and imported only where they are used.
OPTIONAL = {"encodec", "hibari", "pocketsphinx", "tensorboard"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def level(name: str) -> int:
    """0 for the entry points and the package's public door, else the place of `toktts.<folder or file>` in LEVELS."""
    parts = name.split(".")
    if parts[0] in SCRIPTS or name in ("toktts", "toktts.entry", "toktts.commands"):
        return 0
    return LEVELS.index(parts[1])


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every node that runs: what stands under `if TYPE_CHECKING` does not."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from statements(child)


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every module that a file imports."""
    package = module(path).split(".") if path.name == "__init__.py" else module(path).split(".")[:-1]
    for node in statements(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*parents, *filter(None, [node.module])])
            # `from toktts import errors` names a module, `from toktts import load_codec` the public door.
            names = [f"{base}.{alias.name}" for alias in node.names] if base == "toktts" else [base]
            yield from ((node.lineno, name if is_module(name) else base) for name in names)


def is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@functools.cache
def owners() -> Mapping[str, list[str]]:
    """Distributions that a top-level module comes from."""
    return importlib.metadata.packages_distributions()


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    own = level(module(path))
    upward = [
        f"{name_of(path)}:{line} imports {name}"
        for line, name in imports(path)
        if name.split(".")[0] == "toktts" and level(name) < own
    ]
    assert not upward, f"must not import what stands before it in {' > '.join(LEVELS)}: {upward}"


def test_the_page_on_architecture_names_the_same_order() -> None:
    page = " ".join((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").split())
    order = re.search(r"entry points > [a-z >]+", page)
    assert order is not None
    names = order[0].strip().split(" > ")
    assert [name for name in LEVELS if name in names] == names


# Each of them runs code that a file brings along, or writes where a file says.
FORBIDDEN_CALLS = re.compile(
    r"eval|exec|compile|__import__|os\.system|os\.popen|torch\.load|yaml\.(unsafe_|full_)?load(_all)?|.*\.extractall"
    r"|(pickle|cPickle|dill|marshal|joblib|shelve)\..*|.*\.(pickle|dill)\.(load|loads|Unpickler)"
)
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "marshal", "shelve", "joblib", "cloudpickle"}
FORBIDDEN_KEYWORDS = {"shell": True, "allow_pickle": True, "trust_remote_code": True}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_runs_code_that_it_reads(path: Path) -> None:
    found = [f"line {line}: import {name}" for line, name in imports(path) if name.split(".")[0] in FORBIDDEN_MODULES]
    for call in calls(path):
        if FORBIDDEN_CALLS.fullmatch(dotted(call.func)):
            found.append(f"line {call.lineno}: {dotted(call.func)}()")
        for keyword in call.keywords:
            constant = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
            if keyword.arg in FORBIDDEN_KEYWORDS and constant is not False:
                found.append(f"line {call.lineno}: {keyword.arg}=")
    assert not found, f"{name_of(path)}: {found}"


def opens_text(call: ast.Call) -> bool:
    """Whether a call reads or writes text: `open`, `fdopen`, `x.open`, `x.read_text`, `x.write_text`, not in mode b."""
    owner, _, name = dotted(call.func).rpartition(".")
    if name in ("read_text", "write_text"):
        return isinstance(call.func, ast.Attribute)
    if name not in ("open", "fdopen") or (owner, name) == ("os", "open") or owner in ("tarfile", "zipfile"):
        return False
    mode_at = 1 if owner in ("", "io", "os", "gzip") else 0
    modes = call.args[mode_at : mode_at + 1] + [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    letters = [node.value for mode in modes for node in ast.walk(mode) if isinstance(node, ast.Constant)]
    return not any("b" in str(letter) for letter in letters)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_every_text_file_is_opened_with_an_encoding(path: Path) -> None:
    found = [
        call.lineno
        for call in calls(path)
        if opens_text(call) and "encoding" not in [keyword.arg for keyword in call.keywords]
    ]
    assert not found, f"{name_of(path)}: lines {found}"


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_catches_everything(path: Path) -> None:
    found = [
        node.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or dotted(node.type) in ("Exception", "BaseException"))
        and not (isinstance(node.body[-1], ast.Raise) and node.body[-1].exc is None)
    ]
    assert not found, f"{name_of(path)}: lines {found}"


def n_body_lines(function: Function) -> int:
    """Lines from the first statement behind the docstring to the end."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (function.end_lineno or 0) - body[0].lineno + 1 if body else 0


@pytest.mark.parametrize("path", PACKAGE, ids=name_of)
def test_functions_and_files_stay_readable(path: Path) -> None:
    n_lines = len(path.read_text(encoding="utf-8").splitlines())
    assert n_lines <= 300, f"{name_of(path)} has {n_lines} lines; split it by subject"
    functions = [node for node in ast.walk(tree(path)) if isinstance(node, Function)]
    long = [f"{node.name} ({n_body_lines(node)})" for node in functions if n_body_lines(node) > 50]
    assert not long, f"{name_of(path)}: {long} have bodies of more than 50 lines; split them"


def test_no_file_is_called_utils() -> None:
    assert not [name_of(path) for path in FILES if re.fullmatch(r"_?(utils?|helpers?|misc|common)", path.stem)]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_what_is_imported_is_a_dependency(path: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    normal = {re.split(r"[\[<>=!~; ]", line)[0].lower().replace("_", "-") for line in project["dependencies"]}
    for line, name in imports(path):
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top in OPTIONAL or top == "toktts" or top in SCRIPTS:
            continue
        names = {owner.lower().replace("_", "-") for owner in owners().get(top, [top])}
        assert names & normal, f"{name_of(path)}:{line} imports {top}, which pyproject.toml does not list"
