import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pyarrow
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from light_process import LIGHT
from toy_codec import ToyCodec, ToyCorpus, sound, utterance

import toktts.data.shards
from toktts.audio import pad_clips
from toktts.audio.reading import read_clip
from toktts.codecs._random_encodec import save_random_encodec
from toktts.codecs.encodec import HuggingFaceCodec
from toktts.data.atomic import write_atomically
from toktts.data.augment import add_noise
from toktts.data.cache import build_token_cache
from toktts.data.encoding import Arrangement, Clip, ClipSettings, encode_chunk, hash_audio
from toktts.data.locks import FolderLock
from toktts.data.shards import ALWAYS, CachedRow, Manifest, Shard, read_shard, schema_of, write_shard
from toktts.errors import CacheError, CodecError, CorpusError

PLAIN = ClipSettings()


def build(corpus, codec, folder, *, settings=PLAIN, shard_rows=4, **options):
    return build_token_cache(corpus, codec, settings=settings, cache_dir=folder, shard_rows=shard_rows, **options)


def contents(folder):
    """Hash of every file but the lock."""
    files = [path for path in Path(folder).rglob("*") if path.is_file() and path.name != ".lock"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# What is in it


def test_rows_hold_the_codes_of_each_clip_in_the_order_of_the_corpus(tmp_path):
    corpus, codec = ToyCorpus.of(10), ToyCodec()
    rows = build(corpus, codec, tmp_path).load().to_list()
    assert [row["id"] for row in rows] == [clip.id for clip in corpus]
    for row, clip in zip(rows, corpus, strict=True):
        waveform = read_clip(clip.audio, sampling_rate=24_000)
        assert row["codes"] == codec.encode(waveform)[0].tolist()
        assert (row["text"], row["speaker"], row["copy"]) == (clip.text, "nobody", 0)
        assert row["n_samples"] == waveform.samples.shape[1]


def test_shards_of_any_size_hold_the_same_rows(tmp_path):
    corpus = ToyCorpus.of(9)
    one = build(corpus, ToyCodec(), tmp_path, shard_rows=100)
    many = build(corpus, ToyCodec(), tmp_path, shard_rows=2)
    assert (one.manifest.n_shards, many.manifest.n_shards) == (1, 5)
    assert one.load().to_list() == many.load().to_list()


def test_clips_are_cut_to_their_first_seconds(tmp_path):
    seconds = {"one": 1.0, "two": 2.0, "five": 5.0}
    clips = [utterance(name, sound(name, round(24_000 * duration))) for name, duration in seconds.items()]
    resampled = utterance("slow", sound("slow", 22_050 * 3, 22_050))
    cache = build(ToyCorpus([*clips, resampled]), ToyCodec(), tmp_path, settings=ClipSettings(clip_seconds=2.0))
    frames = {row["id"]: len(row["codes"][0]) for row in cache.load()}
    # 48,000 samples / 320; two codebooks and one end make 301 labels of it, one second makes 151.
    assert frames == {"one": 75, "two": 150, "five": 150, "slow": 150}
    assert cache.findings == {"resampled 22050 Hz to 24000 Hz": 1}


def test_the_dataset_has_int16_codes_and_a_stable_fingerprint(tmp_path):
    import datasets

    first, second = (build(ToyCorpus.of(3), ToyCodec(), tmp_path / name).load() for name in ("a", "b"))
    assert first.features["codes"] == datasets.List(datasets.List(datasets.Value("int16")))
    assert first._fingerprint == second._fingerprint
    assert first.map(lambda row: {"n": len(row["codes"][0])})["n"] == [
        -(-row["n_samples"] // 320) for row in first.to_list()
    ]


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), max_size=5),
)
@hypothesis_settings(max_examples=30)
def test_a_shard_gives_back_the_codes_written(tmp_path_factory, shapes):
    folder = tmp_path_factory.mktemp("shards")
    codes = [np.arange(np.prod(shape), dtype=np.int16).reshape(shape) - 2 for shape in shapes]
    rows = [CachedRow(str(index), "é", "s", 0, 1, clip) for index, clip in enumerate(codes)]
    digest = write_shard(folder / "x", rows)
    table = read_shard(folder, Shard("x", digest, len(rows), (), {}))
    assert table.schema == schema_of([*ALWAYS, "codes"])
    assert table.column("codes").to_pylist() == [clip.tolist() for clip in codes]
    assert write_shard(folder / "y", rows) == digest


# Noise


def test_training_clips_get_noisy_copies_and_the_first_is_the_unaugmented_one(tmp_path):
    corpus = ToyCorpus.of(6)
    noisy = ClipSettings(augmentation_copies=4, augmentation_noise=0.05, augmentation_seed=3)
    plain = build(corpus, ToyCodec(), tmp_path).load().to_list()
    rows = build(corpus, ToyCodec(), tmp_path, settings=noisy, is_training=lambda id_: id_ != "clip-002").load()
    copies = [(row["id"], row["copy"]) for row in rows]
    expected = [(clip.id, copy) for clip in corpus for copy in range(1 if clip.id == "clip-002" else 4)]
    assert copies == expected
    assert [row for row in rows.to_list() if row["copy"] == 0] == plain
    samples = read_clip(corpus.utterances[1].audio, sampling_rate=24_000).samples
    second = ToyCodec().encode(pad_clips([add_noise(samples[0], clip_id="clip-001", copy=2, std=0.05, seed=3)], 24_000))
    assert rows.to_list()[copies.index(("clip-001", 2))]["codes"] == second[0].tolist()


def test_noise_settings_without_copies_are_the_same_cache(tmp_path):
    corpus = ToyCorpus.of(2)
    build(corpus, codec := ToyCodec(), tmp_path)
    build(corpus, codec, tmp_path, settings=ClipSettings(augmentation_noise=0.1, augmentation_seed=9))
    assert codec.n_calls == 2


# Once, and only what is missing


def test_a_second_build_makes_no_codec_call(tmp_path):
    first = build(ToyCorpus.of(6), codec := ToyCodec(), tmp_path)
    assert codec.n_calls == 6
    again = build(ToyCorpus.of(6), codec := ToyCodec(), tmp_path)
    assert codec.n_calls == 0
    assert again == first


@pytest.mark.parametrize(
    "change",
    [
        {"codec": ToyCodec(version=2)},
        {"settings": ClipSettings(clip_seconds=0.2)},
        {"settings": ClipSettings(augmentation_copies=2)},
        {"corpus": ToyCorpus.of(3, first=1)},
        {"corpus": ToyCorpus([replace(clip, text="other") for clip in ToyCorpus.of(3)])},
        {"corpus": ToyCorpus([replace(clip, audio=sound("other", 9000)) for clip in ToyCorpus.of(3)])},
        {"shard_rows": 2},
    ],
    ids=["codec", "cut", "copies", "clips", "text", "sound", "shards"],
)
def test_whatever_shapes_the_codes_names_another_folder(tmp_path, change):
    common = {"corpus": ToyCorpus.of(3), "codec": ToyCodec(), "folder": tmp_path}
    assert build(**common).folder != build(**{**common, **change}).folder


def test_files_with_the_same_content_are_the_same_clip_wherever_they_lie(tmp_path):
    caches = []
    for folder in (tmp_path / "here", tmp_path / "there"):
        folder.mkdir()
        (folder / "a.wav").write_bytes(sound("a", 9000))
        caches.append(build(ToyCorpus([utterance("a", folder / "a.wav")]), ToyCodec(), tmp_path))
    assert caches[0].folder == caches[1].folder


def test_a_file_that_changes_is_encoded_again(tmp_path):
    path = tmp_path / "a.wav"
    corpus = ToyCorpus([utterance("a", path)])
    path.write_bytes(sound("a", 9000))
    stamp = path.stat()
    before = build(corpus, ToyCodec(), tmp_path)
    path.write_bytes(sound("b", 9000))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert build(corpus, ToyCodec(), tmp_path).load()["codes"] != before.load()["codes"]


def test_a_file_that_changes_while_it_is_encoded_stops_the_build(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(sound("a", 9000))

    class Changing(ToyCorpus):
        def __iter__(self):
            yield from self.utterances
            path.write_bytes(sound("b", 9000))

    with pytest.raises(CorpusError, match=r"a\.wav a: changed while it was being encoded; run again"):
        build(Changing([utterance("a", path)]), ToyCodec(), tmp_path)


# Damage


@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "remove"])
def test_a_damaged_shard_is_never_read_and_only_that_one_is_made_again(tmp_path, damage):
    cache = build(ToyCorpus.of(12), ToyCodec(), tmp_path)
    before = contents(cache.folder)
    path = cache.folder / "shard-00001.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    if damage == "remove":
        path.unlink()
    else:
        path.write_bytes({"flip": content, "truncate": content[:100], "empty": b""}[damage])
    with pytest.raises(CacheError, match=r"shard-00001\.parquet: (is damaged|cannot be read).*build the cache again"):
        cache.load()
    again = build(ToyCorpus.of(12), codec := ToyCodec(), tmp_path)
    assert codec.n_calls == 4
    assert contents(again.folder) == before


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"body": {}, "sha256": ""}', b"\xff", None])
def test_a_damaged_manifest_is_no_manifest(tmp_path, content):
    cache = build(ToyCorpus.of(4), ToyCodec(), tmp_path)
    before = contents(cache.folder)
    path = cache.folder / "manifest.json"
    if content is None:
        content = path.read_bytes().replace(b'"n_clips": 4', b'"n_clips": 5')
    path.write_bytes(content)
    assert Manifest.read(cache.folder) is None
    assert contents(build(ToyCorpus.of(4), ToyCodec(), tmp_path).folder) == before


# Rejects


def test_clips_that_cannot_be_read_are_listed_and_the_others_encoded(tmp_path):
    clips = ToyCorpus.of(4).utterances
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    bad = [
        utterance("empty", b""),
        utterance("missing", tmp_path / "missing.wav"),
        utterance("pipe", pipe),
        utterance("short", sound("short", 100)),
    ]
    corpus = ToyCorpus([*clips[:2], *bad, *clips[2:]])
    cache = build(corpus, ToyCodec(), tmp_path, max_rejected_fraction=0.5)
    assert cache.ids == [clip.id for clip in clips]
    lines = (cache.folder / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    assert [(row["id"], row["reason"]) for row in map(json.loads, lines)] == [
        ("empty", "is empty; copy the file again"),
        ("missing", "no such file; copy it there or leave the row out"),
        ("pipe", "is a pipe, socket or device; name a sound file"),
        ("short", "is 100 samples long at 24000 Hz, needs 320; leave it out"),
    ]
    again = build(corpus, codec := ToyCodec(), tmp_path, max_rejected_fraction=0.5)
    assert codec.n_calls == 0
    assert again == cache


def test_too_many_rejected_clips_stop_the_build_but_lose_no_codes(tmp_path):
    corpus = ToyCorpus([*ToyCorpus.of(4), utterance("empty", b"")])
    with pytest.raises(CorpusError, match=r"1 of 5 rows rejected \(20\.0%, allowed are 1\.0%\), the first, 'empty'"):
        build(corpus, ToyCodec(), tmp_path)
    build(corpus, codec := ToyCodec(), tmp_path, max_rejected_fraction=0.2)
    assert codec.n_calls == 0


# Faults of the user


def test_an_empty_corpus_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="has no clips; check its folder and the limit on rows"):
        build(ToyCorpus([]), ToyCodec(), tmp_path)


def test_an_id_twice_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="clip-000: occurs twice; give every clip its own id"):
        build(ToyCorpus([*ToyCorpus.of(1), *ToyCorpus.of(1)]), ToyCodec(), tmp_path)


def test_the_same_sound_in_training_and_validation_is_refused(tmp_path):
    corpus = ToyCorpus([utterance("a", sound("same", 9000)), utterance("b", sound("same", 9000))])
    with pytest.raises(CorpusError, match="b: has the same sound as 'a', and one is for training"):
        build(corpus, ToyCodec(), tmp_path, is_training=lambda id_: id_ == "a")


def test_half_a_surrogate_pair_is_refused_with_its_id(tmp_path):
    corpus = ToyCorpus([replace(ToyCorpus.of(1).utterances[0], text="\ud800")])
    with pytest.raises(CorpusError, match="clip-000: text holds half a surrogate pair; write it again"):
        build(corpus, ToyCodec(), tmp_path)


def test_a_codebook_too_large_for_int16_is_refused(tmp_path):
    codec = ToyCodec()
    codec.codebook_size = 65_536
    with pytest.raises(CodecError, match="has 65536 codes a codebook, the cache holds 32768; use another"):
        build(ToyCorpus.of(1), codec, tmp_path)


@pytest.mark.parametrize("name", ["shard-00000.parquet", "manifest.json"])
def test_a_full_disk_gives_one_line_and_the_next_build_goes_on(tmp_path, monkeypatch, name):
    def full(path: Path, content: bytes) -> None:
        if path.name == name:
            raise OSError(28, "No space left on device")
        write_atomically(path, content)

    monkeypatch.setattr(toktts.data.shards, "write_atomically", full)
    expected = r"cannot be written \(No space left on device\); free some space or set TOKTTS_CACHE"
    with pytest.raises(CacheError, match=expected):
        build(ToyCorpus.of(2), ToyCodec(), tmp_path)
    monkeypatch.undo()
    assert build(ToyCorpus.of(2), ToyCodec(), tmp_path).n_clips == 2


# However the work is spread


@pytest.mark.parametrize("batch_size", [3, 64])
def test_the_size_of_batches_does_not_change_a_byte(tmp_path, batch_size):
    corpus = ToyCorpus.of(40)
    one = build(corpus, ToyCodec(), tmp_path / "one", shard_rows=40)
    many = build(
        corpus,
        codec := ToyCodec(),
        tmp_path / "many",
        shard_rows=40,
        arrangement=Arrangement(batch_size=batch_size),
    )
    assert codec.n_calls < 20
    assert contents(one.folder) == contents(many.folder)


def test_encoding_uses_the_threads_asked_for_and_gives_them_back(tmp_path):
    seen = []

    class Counting(ToyCodec):
        def encode(self, waveform):
            seen.append((torch.get_num_threads(), torch.is_inference_mode_enabled()))
            return super().encode(waveform)

    before = torch.get_num_threads()
    build(ToyCorpus.of(1), Counting(), tmp_path, arrangement=Arrangement(threads=2))
    assert seen == [(2, True)]
    assert torch.get_num_threads() == before


def test_progress_counts_the_clips(tmp_path):
    seen = []
    build(ToyCorpus.of(40), ToyCodec(), tmp_path, shard_rows=36, on_progress=lambda *counts: seen.append(counts))
    assert seen == sorted(seen)
    assert seen[0] == (16, 40)
    assert seen[-1] == (40, 40)


@pytest.mark.medium
@pytest.mark.parametrize(("batch_size", "n_deaths"), [(1, 2), (4, 3)])
def test_processes_give_the_same_bytes_and_one_that_dies_twice_costs_its_clip_only(
    tmp_path, caplog, batch_size, n_deaths
):
    corpus = ToyCorpus.of(70)
    deadly_samples = 24_000 * (1 + 45 * 7 % 5) // 10 + 45  # clip-045
    rest = ToyCorpus([replace(clip, audio=b"") if clip.id == "clip-045" else clip for clip in corpus])
    expected = build(rest, ToyCodec(), tmp_path / "here", shard_rows=70, max_rejected_fraction=0.1)
    codec = ToyCodec(deadly_samples=deadly_samples)
    arrangement = Arrangement(workers=2, batch_size=batch_size)
    found = build(corpus, codec, tmp_path / "there", shard_rows=70, arrangement=arrangement, max_rejected_fraction=0.1)
    assert [(row.id, row.reason) for row in found.rejected] == [
        ("clip-045", "killed the process that encoded it twice (SIGKILL); convert it again")
    ]
    assert caplog.text.count("died (SIGKILL) at") == n_deaths
    shard = "shard-00000.parquet"
    assert contents(found.folder)[shard] == contents(expected.folder)[shard]
    assert not list(tmp_path.rglob(".tmp-*"))


BUILD = f"""{LIGHT}
from toy_codec import ToyCodec, ToyCorpus
from toktts.data.cache import build_token_cache
from toktts.data.encoding import Arrangement, ClipSettings
folder, delay_s, workers = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
print("started", flush=True)
build_token_cache(
    ToyCorpus.of(40), ToyCodec(delay_s=delay_s), settings=ClipSettings(augmentation_copies=2), cache_dir=folder,
    shard_rows=8, arrangement=Arrangement(workers=workers),
    on_progress=lambda done, total: print(done, flush=True),
)
"""


def start(folder, *, delay_s, workers):
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    command = [sys.executable, "-c", BUILD, str(folder), str(delay_s), str(workers)]
    return subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.medium
def test_a_killed_build_loses_one_shard_at_most_and_ends_with_the_same_bytes(tmp_path):
    copies = ClipSettings(augmentation_copies=2)
    expected = build(ToyCorpus.of(40), ToyCodec(), tmp_path / "whole", settings=copies, shard_rows=8)
    for after in ("4\n", "24\n"):
        process = start(tmp_path / "killed", delay_s=0.02, workers=1)
        assert any(line == after for line in process.stdout)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    again = build(ToyCorpus.of(40), codec := ToyCodec(), tmp_path / "killed", settings=copies, shard_rows=8)
    # 24 of 40 clips were reported done, a shard holds 4; each has two rows, each row is a call.
    assert codec.n_calls <= (40 - 24 + 4) * 2
    names = contents(again.folder)
    assert {name: names[name] for name in contents(expected.folder)} == contents(expected.folder)


@pytest.mark.medium
def test_a_second_build_is_told_the_pid_of_the_first_whose_processes_end_when_it_is_killed(tmp_path):
    first = start(tmp_path, delay_s=0.1, workers=2)
    assert any(line == "4\n" for line in first.stdout)
    folder = next(path for path in (tmp_path / "tokens").iterdir() if not path.name.startswith("."))
    expected = rf"in use by pid {first.pid} since .*, which encodes tokens; wait for it to end or stop it"
    with pytest.raises(CacheError, match=expected), FolderLock(folder, "encodes tokens"):
        pass
    children = psutil.Process(first.pid).children()
    assert children
    first.kill()
    first.communicate()
    assert not psutil.wait_procs(children, timeout=5)[1]


def test_a_second_build_waits_for_the_first_and_encodes_nothing(tmp_path):
    codec = ToyCodec()
    cache = build(ToyCorpus.of(4), codec, tmp_path)
    held = threading.Event()

    def hold() -> None:
        with FolderLock(cache.folder, "encodes tokens"):
            held.set()
            time.sleep(0.3)

    owner = threading.Thread(target=hold)
    owner.start()
    held.wait()
    assert build(ToyCorpus.of(4), codec, tmp_path) == cache
    owner.join()
    assert codec.n_calls == 4


def test_codes_outside_the_codebook_stop_the_build(tmp_path):
    class Broken(ToyCodec):
        def encode(self, waveform):
            return super().encode(waveform) + 5000

    with pytest.raises(CodecError, match=r"codes must lie in \[0, 1024\), got"):
        build(ToyCorpus.of(1), Broken(), tmp_path)


@pytest.mark.slow
def test_memory_stays_flat_over_many_lengths(tmp_path):
    save_random_encodec(tmp_path, small=True)
    codec = HuggingFaceCodec.from_pretrained(tmp_path)
    process = psutil.Process()
    for index in range(550):
        if index == 50:
            before = process.memory_info().rss
        audio = sound(str(index), 24_000 + 131 * (index * 337 % 550))
        encode_chunk([Clip("a", audio, hash_audio(audio))], codec, PLAIN, Arrangement())
    assert process.memory_info().rss - before <= 50e6


def test_schema_is_what_the_architecture_says():
    schema = schema_of([*ALWAYS, "codes"])
    assert schema.names == ["id", "text", "speaker", "copy", "n_samples", "codes"]
    assert schema.field("codes").type == pyarrow.list_(pyarrow.list_(pyarrow.int16()))
