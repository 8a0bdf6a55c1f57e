"""From a name or a path to a codec."""

import difflib
import importlib.resources
import inspect
import math
import os
import re
from pathlib import Path

from toktts import registry
from toktts.codecs import _hub
from toktts.codecs._base import CODEC_FILE, Codec, read_codec_file, write_codec_file
from toktts.codecs._vocoder_codec import VocoderCodec
from toktts.codecs._vocoder_kinds import vocoder_kind
from toktts.codecs.encodec import DEFAULT_NAME, HuggingFaceCodec
from toktts.codecs.huggingface_vocoder import HuggingFaceVocoder
from toktts.errors import CodecError

KEY = "codec.name_or_path"
PACKAGE = "toktts.codecs"
BUNDLED = "bundled"
PACKAGED = {"melrvq": "codec", BUNDLED: "codec", "mel_vocoder": "vocoder"}
"""Names of what lies in the package, and the folder of each under `assets/`. What can be trained: `trainable_kind`."""
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*\Z")


def load_codec(
    name_or_path: str | os.PathLike[str], *, bandwidth_kbps: float | None = None, revision: str | None = None
) -> Codec:
    """Load a codec: an existing path, else a registered name, else a name on the Hugging Face Hub.

    Args:
        name_or_path: a folder with `codec.json` (which may only refer to the bundled codec, see `refer_to_bundled`), or
            of an audio codec or a vocoder of transformers; `melrvq` or `bundled`, the codec that is part of this
            package, and `mel_vocoder`, its vocoder; `griffin_lim`; `encodec`, which is `facebook/encodec_24khz`; or
            `owner/name`.
        bandwidth_kbps: chooses the number of codebooks where the codec has a choice. None = the codec's own default.
        revision: branch, tag or commit on the Hub; None = the one that was downloaded first.
    Raises:
        CodecError: no such name, or a folder without a codec.
        DownloadError: the Hub cannot be reached or does not have it.

    >>> load_codec("griffin_lim").n_mels
    80
    """
    text = os.fspath(name_or_path)
    path = Path(text).expanduser()
    if text and path.exists():
        _refuse_revision(text, revision)
        return _from_folder(path, bandwidth_kbps)
    if text == "encodec":
        text = DEFAULT_NAME
    if HUB_NAME.match(text):
        return _from_hub(text, bandwidth_kbps, revision)
    _refuse_revision(text, revision)
    if text in PACKAGED:
        return _from_folder(_packaged_folder(PACKAGED[text]), bandwidth_kbps)
    return _check_bandwidth(_from_defaults(text), bandwidth_kbps)


def _from_hub(name: str, bandwidth_kbps: float | None, revision: str | None) -> Codec:
    """Download a codec or a vocoder once, and hold to its revision and hashes from then on."""
    snapshot = _hub.fetch(name, revision=revision)
    if vocoder_kind(snapshot.folder) is not None:
        return _check_bandwidth(HuggingFaceVocoder.from_snapshot(snapshot, name=name), bandwidth_kbps)
    return HuggingFaceCodec.from_snapshot(snapshot, name=name, bandwidth_kbps=bandwidth_kbps)


def _from_folder(folder: Path, bandwidth_kbps: float | None) -> Codec:
    """Load the class that `codec.json` names; a folder without one is a codec of transformers."""
    if not (folder / CODEC_FILE).is_file():
        if vocoder_kind(folder) is not None:
            return _check_bandwidth(HuggingFaceVocoder.from_pretrained(folder), bandwidth_kbps)
        return HuggingFaceCodec.from_pretrained(folder, bandwidth_kbps=bandwidth_kbps)
    name = str(read_codec_file(folder)["codec"])
    if name == BUNDLED:
        return _follow_reference(folder, bandwidth_kbps)
    if name not in registry.available(PACKAGE):
        raise CodecError(
            f"names a codec {name!r} that this version does not have; update toktts",
            file=folder / CODEC_FILE,
            key="codec",
        )
    codec_class = registry.load(PACKAGE, name, Codec)  # type: ignore[type-abstract]
    if issubclass(codec_class, HuggingFaceCodec):
        return codec_class.from_pretrained(folder, bandwidth_kbps=bandwidth_kbps)
    return _check_bandwidth(codec_class.from_pretrained(folder), bandwidth_kbps)


def refer_to_bundled(folder: str | os.PathLike[str]) -> None:
    """Write a `codec.json` that names the codec of this package and its identity, in place of a copy of it.

    `load_codec` follows it as long as the package's codec makes the same codes; its way back to sound may get better.
    """
    identity = _from_folder(_packaged_folder(), None).identity
    write_codec_file(folder, {"codec": BUNDLED, "identity": identity})


def _follow_reference(folder: Path, bandwidth_kbps: float | None) -> Codec:
    packaged, wanted = _packaged_folder(), read_codec_file(folder).get("identity")
    if read_codec_file(packaged)["codec"] == BUNDLED:
        raise CodecError("refers to itself; install toktts again", file=packaged / CODEC_FILE)
    codec = _from_folder(packaged, bandwidth_kbps)
    if codec.identity != wanted:
        raise CodecError(
            f"wants the codec {wanted!r}, this version of toktts holds {codec.identity!r}; use the version of toktts "
            "that the voice was made with",
            file=folder / CODEC_FILE,
            key="identity",
        )
    return codec


def _packaged_folder(name: str = "codec") -> Path:
    folder = Path(str(importlib.resources.files("toktts") / "assets" / name))
    if not (folder / CODEC_FILE).is_file():
        raise CodecError(f"this installation lacks the {name} it should hold; install toktts again", file=folder)
    return folder


def _from_defaults(name: str) -> Codec:
    """Build a registered codec that needs nothing."""
    names = registry.available(PACKAGE)
    if name not in names:
        nearest = difflib.get_close_matches(name, [*names, *PACKAGED], n=1)
        hint = f"did you mean {nearest[0]!r}?" if nearest else f"name a folder, owner/name or one of {', '.join(names)}"
        raise CodecError(f"no folder and no codec {name!r}; {hint}", key=KEY)
    codec_class = registry.load(PACKAGE, name, Codec, key=KEY)  # type: ignore[type-abstract]
    if any(parameter.default is parameter.empty for parameter in inspect.signature(codec_class).parameters.values()):
        raise CodecError(f"{name!r} has no defaults; name the folder of a trained one", key=KEY)
    return codec_class()


def trainable_kind(name: str) -> type[VocoderCodec] | None:
    """Find the class of a new codec that `config/codec/` can train; None = no file here holds one of that name."""
    if name not in registry.available(PACKAGE):
        return None
    codec_class = registry.load(PACKAGE, name, Codec)  # type: ignore[type-abstract]
    return codec_class if issubclass(codec_class, VocoderCodec) else None


def _check_bandwidth(codec: Codec, bandwidth_kbps: float | None) -> Codec:
    """Refuse a bandwidth that a codec without a choice does not have."""
    if bandwidth_kbps is None:
        return codec
    if not codec.n_codebooks:
        raise CodecError("has no codes, so no bandwidth; remove the key", key="codec.bandwidth_kbps")
    kbps = codec.n_codebooks * codec.frame_rate * math.log2(codec.codebook_size) / 1000
    if not math.isclose(kbps, bandwidth_kbps, rel_tol=1e-3):
        raise CodecError(f"codec has {kbps:g} kbps, not {bandwidth_kbps:g}; remove the key", key="codec.bandwidth_kbps")
    return codec


def _refuse_revision(name: str, revision: str | None) -> None:
    if revision is not None:
        raise CodecError(f"{name!r} is not on the Hub, so it has no revision; remove the key", key="codec.revision")
