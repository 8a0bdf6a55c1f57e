"""The header of a WAV file, checked against the file itself: libsndfile reads a truncated one without a word."""

import struct
from dataclasses import dataclass
from typing import BinaryIO

from toktts.errors import AudioError

# Writers that cannot seek back leave "unknown" in the size: ffmpeg 0xFFFFFFFF, arecord 0x80000000, sox 0x7FFFF000.
STREAMED_BYTES = 0x7FFF_0000
RATES_HZ = range(4_000, 384_001)
MAX_CHANNELS = 8
_FIXED_BLOCK_TAGS = (1, 3, 6, 7, 0xFFFE)  # PCM, float, A-law, mu-law, extensible: every block is one frame
_MAX_CHUNKS = 1_000


@dataclass(frozen=True)
class RiffHeader:
    """What a WAV file says about itself, and how much of it is there.

    Args:
        sampling_rate: Hz.
        n_channels: channels.
        bytes_per_frame: 0 where frames have no fixed size (ADPCM).
        declared_bytes: size of the sound that the header names; None if it was streamed.
        found_bytes: bytes from the start of the sound to the end of the file.
    """

    sampling_rate: int
    n_channels: int
    bytes_per_frame: int
    declared_bytes: int | None
    found_bytes: int

    @property
    def stray_bytes(self) -> int:
        """Bytes behind the last whole frame, which readers drop."""
        return self.n_bytes % self.bytes_per_frame if self.bytes_per_frame else 0

    @property
    def n_bytes(self) -> int:
        """Bytes of sound that can be read."""
        return self.found_bytes if self.declared_bytes is None else min(self.declared_bytes, self.found_bytes)

    def check(self) -> None:
        """Refuse a header that cannot be true.

        Raises:
            AudioError: a sampling rate or channel count out of range, no frames, or fewer bytes than the header names.
        """
        check_rate_and_channels(self.sampling_rate, self.n_channels)
        if self.n_bytes == 0:
            raise AudioError("holds 0 frames; record it again or leave it out")
        if self.declared_bytes is not None and self.declared_bytes > self.found_bytes:
            unit, size = ("frames", self.bytes_per_frame) if self.bytes_per_frame else ("bytes", 1)
            says, has = self.declared_bytes // size, self.found_bytes // size
            raise AudioError(f"header says {says} {unit}, file has {has}; copy the file again")


def check_rate_and_channels(sampling_rate: int, n_channels: int) -> None:
    """Refuse values that no recording has.

    Raises:
        AudioError: with the value.
    """
    if sampling_rate not in RATES_HZ:
        raise AudioError(
            f"header says {sampling_rate} Hz, expected {RATES_HZ[0]} to {RATES_HZ[-1]} Hz; convert it again"
        )
    if not 1 <= n_channels <= MAX_CHANNELS:
        raise AudioError(f"header says {n_channels} channels, expected 1 to {MAX_CHANNELS}; convert it again")


def read_riff_header(file: BinaryIO) -> RiffHeader | None:
    """Read the chunks up to the sound.

    Args:
        file: seekable; its position moves.
    Returns:
        None if this is no WAV file, or one without the usual chunks: the decoder decides then.
    """
    size = file.seek(0, 2)
    file.seek(0)
    start = file.read(12)
    if start[:4] not in (b"RIFF", b"RF64") or start[8:] != b"WAVE":
        return None
    facts: tuple[int, ...] = ()
    long_size: int | None = None
    for _ in range(_MAX_CHUNKS):
        name, n_bytes = _chunk(file)
        here = file.tell()
        if name == b"fmt " and n_bytes >= 16:
            facts = struct.unpack("<HHIIHH", file.read(16).ljust(16, b"\0"))
        elif name == b"ds64":
            long_size = struct.unpack("<QQ", file.read(16).ljust(16, b"\0"))[1]
        elif name == b"data" and facts:
            return _header(facts, _declared(n_bytes, long_size), size - here)
        elif not name:
            return None
        file.seek(here + n_bytes + n_bytes % 2)
    return None


def _chunk(file: BinaryIO) -> tuple[bytes, int]:
    head = file.read(8)
    return (head[:4], struct.unpack("<I", head[4:])[0]) if len(head) == 8 else (b"", 0)


def _declared(n_bytes: int, long_size: int | None) -> int | None:
    if long_size is not None and n_bytes == 0xFFFF_FFFF:
        return long_size
    return None if n_bytes >= STREAMED_BYTES else n_bytes


def _header(facts: tuple[int, ...], declared_bytes: int | None, found_bytes: int) -> RiffHeader:
    tag, n_channels, sampling_rate, _, block_align, _ = facts
    bytes_per_frame = block_align if tag in _FIXED_BLOCK_TAGS else 0
    return RiffHeader(sampling_rate, n_channels, bytes_per_frame, declared_bytes, found_bytes)
