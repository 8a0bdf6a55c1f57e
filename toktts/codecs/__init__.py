"""Waveform <-> features: one codec a file."""

from toktts.codecs._base import Codec
from toktts.codecs._loading import load_codec, refer_to_bundled
from toktts.codecs._random_encodec import fill_codebooks, save_random_encodec

__all__ = ["Codec", "fill_codebooks", "load_codec", "refer_to_bundled", "save_random_encodec"]
