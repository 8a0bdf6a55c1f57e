"""Waveform <-> file."""

from toktts.audio.waveform import Waveform, pad_clips, resample

__all__ = ["Waveform", "pad_clips", "resample"]
