"""What `toktts eval` found about a voice, as a file: sets judged before stay in it as long as the voice is the same."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toktts.data.atomic import write_atomically
from toktts.errors import RunFolderError
from toktts.evaluation.judging.verdict import Verdict, as_json

SCORES = "scores.json"
OUT = "evaluation"
SPEAKS = ("model.safetensors", "*.json", "config.yaml", "codec/*")
"""Files of a run folder that decide how it sounds."""
DOES_NOT_SPEAK = "trainer_state.json"


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What scores are of.

    Args:
        voice: digest of what speaks, see `fingerprint`.
        limit: sentences of a set, at most; None = all.
        seed: of the drawing of codes.
        metrics: names that were asked for.
        run: family, parameters, codec, minutes and hours of training, see `run_facts`.
    """

    voice: str
    limit: int | None
    seed: int
    metrics: tuple[str, ...]
    run: Mapping[str, Any]

    def facts(self) -> dict[str, Any]:
        """What is written beside each set."""
        return {"limit": self.limit, "seed": self.seed, "asked": list(self.metrics)}


def evaluation_folder(run_folder: Path, codec: str | None = None) -> Path:
    """Where the scores of a run lie, and the sound that was judged.

    Args:
        run_folder: of the run.
        codec: that speaks instead of the run's own; None = its own.

    >>> evaluation_folder(Path("runs/mine"), "griffin_lim").as_posix()
    'runs/mine/evaluation/with-griffin_lim'
    """
    folder = run_folder / OUT
    return folder if codec is None else folder / f"with-{re.sub('[^A-Za-z0-9_.]+', '-', codec).strip('-.')}"


def fingerprint(run_folder: Path, codec: str | None = None) -> str:
    """Digest everything in a run folder that decides how it sounds.

    Args:
        run_folder: of the run.
        codec: as for `evaluation_folder`; of a folder, its files count.
    """
    digest = hashlib.sha256(f"{codec or ''}\n".encode())
    files = {file for pattern in SPEAKS for file in run_folder.glob(pattern) if file.is_file()}
    if codec is not None and Path(codec).is_dir():
        files |= {file for file in Path(codec).iterdir() if file.is_file()}
    for file in sorted(files):
        if file.name != DOES_NOT_SPEAK and not file.name.startswith("."):
            digest.update(f"{file.name}\n".encode())
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:16]


def write_scores(verdicts: Sequence[Verdict], path: Path, *, of: Circumstances | None = None) -> None:
    """Write everything that was found as JSON.

    Args:
        verdicts: sets, judged just now.
        path: of the file.
        of: what was judged; sets of the same voice that are in the file already, and not judged again, stay there.
            None = nothing stays.
    Raises:
        RunFolderError: the file cannot be written.
    """
    facts = json.loads(as_json(verdicts))
    if of is not None:
        new = {one["title"]: one | of.facts() for one in facts["sets"]}
        old = {title: one for title, one in sets_of(path, voice=of.voice).items() if title not in new}
        facts |= {"voice": of.voice, "run": dict(of.run), "sets": [*old.values(), *new.values()]}
    try:
        write_atomically(
            path, (json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")
        )
    except OSError as error:
        raise RunFolderError(f"cannot be written ({error.strerror}); choose another place", file=path) from error


def read_scores(path: Path) -> dict[str, Any]:
    """Read a file of scores: `sets`, `voice` (None = nobody's that is known) and `run`.

    Raises:
        RunFolderError: it cannot be read, or holds something else.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        sets = [one | {"title": str(one["title"]), "columns": dict(one["columns"])} for one in facts["sets"]]
        return {"voice": facts.get("voice"), "run": dict(facts.get("run", {})), "sets": sets}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunFolderError(f"cannot be read ({error!r}); delete it and judge again", file=path) from error


def sets_of(path: Path, *, voice: str) -> dict[str, dict[str, Any]]:
    """Find the sets that a voice was judged on, as it is now: by title, none if it has changed since.

    Args:
        path: of the scores; it need not exist.
        voice: see `fingerprint`.
    Raises:
        RunFolderError: as `read_scores`.
    """
    facts = read_scores(path) if path.is_file() else None
    return {one["title"]: one for one in facts["sets"]} if facts and facts["voice"] == voice else {}


def is_judged(one: Mapping[str, Any] | None, *, limit: int | None, metrics: Sequence[str]) -> bool:
    """Whether a set holds what would be found again: as many sentences, and all that is asked for.

    Args:
        one: a set of `sets_of`; None = it was never judged.
        limit: sentences that are wanted; None = all.
        metrics: names that are wanted.
    """
    if one is None:
        return False
    has_enough = one["limit"] is None or (limit is not None and one["limit"] >= limit)
    return has_enough and set(metrics) <= set(one["asked"])
