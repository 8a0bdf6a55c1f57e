import importlib.resources
from pathlib import Path

import pytest

from toktts.codecs import load_codec
from toktts.codecs._base import write_codec_file
from toktts.codecs.griffin_lim import GriffinLim
from toktts.codecs.melrvq import MelRVQ
from toktts.errors import CodecError, DownloadError


def test_a_path_goes_before_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    GriffinLim.tiny().save_pretrained("encodec")
    assert isinstance(load_codec("encodec"), GriffinLim)


def test_a_registered_name_without_files_is_built_from_its_defaults() -> None:
    assert load_codec("griffin_lim").identity == GriffinLim().identity


@pytest.mark.parametrize("name", ["melrvq", "bundled"])
def test_the_codec_of_the_package_has_two_names(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    MelRVQ.tiny().save_pretrained(tmp_path / "assets" / "codec")
    monkeypatch.setattr(importlib.resources, "files", lambda _: tmp_path)
    assert load_codec(name).identity == MelRVQ.tiny().identity


@pytest.mark.parametrize(("name", "folder"), [("bundled", "codec"), ("mel_vocoder", "vocoder")])
def test_a_package_without_its_codec_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, folder: str
) -> None:
    monkeypatch.setattr(importlib.resources, "files", lambda _: tmp_path)
    with pytest.raises(CodecError, match=f"lacks the {folder} it should hold; install toktts again"):
        load_codec(name)


@pytest.mark.parametrize(
    ("wrong", "hint"), [("encodek", "encodec"), ("grifin_lim", "griffin_lim"), ("bundle", "bundled")]
)
def test_an_unknown_name_gets_the_nearest(wrong: str, hint: str) -> None:
    with pytest.raises(CodecError, match=f"no folder and no codec '{wrong}'; did you mean '{hint}'") as caught:
        load_codec(wrong)
    assert caught.value.key == "codec.name_or_path"


@pytest.mark.parametrize("wrong", ["/no/such/folder", "a/b/c", "./x", "zzz", "", "a/../b", "a b/c"])
def test_what_can_be_no_hub_name_is_not_asked_for_there(wrong: str) -> None:
    with pytest.raises(CodecError, match="no folder and no codec"):
        load_codec(wrong)


def test_a_missing_folder_that_looks_like_a_hub_name_says_so() -> None:
    with pytest.raises(DownloadError, match="'runs/codec' was never downloaded; .* name a local folder"):
        load_codec("runs/codec")


def test_a_folder_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    write_codec_file(tmp_path, {"codec": "wavtok9"})
    with pytest.raises(CodecError, match="names a codec 'wavtok9' that this version does not have; update toktts"):
        load_codec(tmp_path)


def test_a_bandwidth_the_codec_does_not_have_is_refused(tmp_path: Path) -> None:
    codec = MelRVQ.tiny()
    codec.save_pretrained(tmp_path)
    kbps = codec.n_codebooks * codec.frame_rate * 4 / 1000
    assert load_codec(tmp_path, bandwidth_kbps=kbps).identity == codec.identity
    with pytest.raises(CodecError, match=f"codec has {kbps:g} kbps, not 24; remove the key"):
        load_codec(tmp_path, bandwidth_kbps=24)


def test_a_mel_has_no_bandwidth() -> None:
    with pytest.raises(CodecError, match="has no codes, so no bandwidth"):
        load_codec("griffin_lim", bandwidth_kbps=1.5)


@pytest.mark.parametrize("name", ["griffin_lim", "melrvq"])
def test_only_the_hub_has_revisions(name: str) -> None:
    with pytest.raises(CodecError, match=f"'{name}' is not on the Hub, so it has no revision"):
        load_codec(name, revision="main")
