"""One split of a dataset, from disk or from the Hugging Face Hub, with every failure in one line."""

import contextlib
import os
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import datasets
import huggingface_hub
from datasets.exceptions import DatasetsError
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

from toktts.data.metadata import SOUND_SUFFIXES
from toktts.errors import CorpusError, DownloadError, ToktsError

BUILDERS = {".parquet": "parquet", ".jsonl": "json", ".json": "json", ".csv": "csv"}
ATTEMPTS = 3
FIRST_WAIT_S = 0.3
TIMEOUT_S = 2.5
GIVE_UP_S = 6.0
# httpx's HTTPError, from a package that is httpx under huggingface_hub 1 and httpx2 under 2.
_HTTP_ERROR: type[Exception] = HfHubHTTPError.__bases__[0]
_LOADING_ERRORS = (DatasetsError, OSError, ValueError, TypeError, RuntimeError, NotImplementedError, _HTTP_ERROR)


def load_split(
    path: str, *, name: str | None, split: str, revision: str | None, cache_dir: str | os.PathLike[str] | None
) -> datasets.Dataset:
    """Open one split of a dataset.

    Args:
        path: a folder that `save_to_disk` wrote, a file or folder of Parquet, JSON lines or CSV, or a name on the Hub.
        name: the configuration, if the dataset has several.
        split: as `train`, or `train[:100]` where the dataset is not one of `save_to_disk`.
        revision: branch, tag or commit on the Hub.
        cache_dir: where `datasets` keeps what it converts; None = its own place.
    Raises:
        CorpusError: what is on disk cannot be read this way.
        DownloadError: the Hub cannot be reached, or does not have it.
    """
    local = Path(path)
    cache = None if cache_dir is None else os.fspath(cache_dir)
    try:
        with _quiet():
            if (local / "state.json").exists() or (local / "dataset_dict.json").exists():
                return _pick(datasets.load_from_disk(path), path, split)
            if local.is_file():
                builder = _builder_of(local)
                return datasets.load_dataset(builder, data_files=path, split=split, cache_dir=cache)
            if local.is_dir():
                _refuse_sound_files(local)
                return datasets.load_dataset(path, name, split=split, cache_dir=cache)
            _check_hub(path, revision)
            return datasets.load_dataset(path, name, split=split, revision=revision, cache_dir=cache)
    except _LOADING_ERRORS as error:
        raise _explain(error, path, is_local=local.exists()) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep `datasets` from logging an error that is raised as well."""
    level = datasets.logging.get_verbosity()
    datasets.logging.set_verbosity(datasets.logging.CRITICAL)
    try:
        yield
    finally:
        datasets.logging.set_verbosity(level)


def _pick(found: datasets.Dataset | datasets.DatasetDict, path: str, split: str) -> datasets.Dataset:
    if isinstance(found, datasets.Dataset):
        return found
    if split not in found:
        raise CorpusError(f"no split {split!r}; use one of {', '.join(map(str, found))}", file=path, key="split")
    return found[split]


def _builder_of(path: Path) -> str:
    builder = BUILDERS.get(path.suffix.lower())
    if builder is None:
        raise CorpusError(f"cannot read {path.suffix or 'no ending'!r}; use one of {', '.join(BUILDERS)}", file=path)
    return builder


def _refuse_sound_files(folder: Path) -> None:
    """Refuse what `datasets` reads with torchcodec only, and this project reads itself."""
    if any(name.lower().endswith(SOUND_SUFFIXES) for _, _, names in os.walk(folder) for name in names):
        raise CorpusError("holds sound files; use the corpus 'folder' with a metadata.csv beside them", file=folder)


def _check_hub(path: str, revision: str | None) -> None:
    """Ask the Hub briefly: `load_dataset` tries for half a minute before it says that there is no network."""
    if datasets.config.HF_HUB_OFFLINE:
        return
    began = time.monotonic()
    for attempt in range(ATTEMPTS):
        try:
            huggingface_hub.HfApi().dataset_info(path, revision=revision, timeout=TIMEOUT_S)
            return
        except (HFValidationError, RepositoryNotFoundError, RevisionNotFoundError):
            raise
        except (OSError, _HTTP_ERROR):
            if attempt + 1 == ATTEMPTS or time.monotonic() - began > GIVE_UP_S:
                raise
            time.sleep(FIRST_WAIT_S * 2**attempt)


def _explain(error: Exception, path: str, *, is_local: bool) -> ToktsError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
    if is_local:
        return CorpusError(f"cannot be read as a dataset ({reason}); check the files, split and name", file=path)
    host = urllib.parse.urlsplit(huggingface_hub.constants.ENDPOINT).netloc
    if isinstance(error, HFValidationError):
        return CorpusError("no such file, and no name on the Hub either; check the path", file=path)
    if isinstance(error, RevisionNotFoundError):
        return DownloadError(f"{host} has no such revision of {path}; check it", file=host, key="revision")
    if isinstance(error, RepositoryNotFoundError):
        return DownloadError(
            f"no dataset {path!r}, or none you may read; check the name, accept its terms, or run 'hf auth login'",
            file=host,
        )
    if datasets.config.HF_HUB_OFFLINE and isinstance(error, OSError):
        return DownloadError(f"HF_HUB_OFFLINE is set and no copy of {path!r} is here; unset it once", file=host)
    if isinstance(error, (OSError, _HTTP_ERROR)):
        return DownloadError(
            f"cannot get {path!r} ({reason}); check network and proxy, set HF_HUB_OFFLINE=1 to use an earlier copy, or "
            "give a local path",
            file=host,
        )
    return CorpusError(f"cannot be read as a dataset ({reason}); check split and name", file=path)
