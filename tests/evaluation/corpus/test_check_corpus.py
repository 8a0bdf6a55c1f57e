from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from spoiled_corpus import (
    VICTIM,
    Clips,
    at_rate,
    clipped,
    good_utterances,
    look,
    victim_id,
    victim_sound,
    with_silence,
    with_sound,
    with_text,
)

from toktts.audio import Waveform
from toktts.data.encoding import ClipSettings
from toktts.errors import CorpusError, MissingPackageError
from toktts.evaluation.corpus import KINDS, checking


@pytest.fixture(autouse=True)
def _deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    """As without pocketsphinx; listening has tests of its own."""

    def absent() -> None:
        raise MissingPackageError("forced alignment needs pocketsphinx; install it", key="pocketsphinx")

    monkeypatch.setattr(checking, "Listener", absent)


def test_a_clean_corpus_has_no_finding() -> None:
    report = look(Clips(good_utterances()))
    assert report.findings == ()
    assert report.is_fine
    assert "nothing is wrong with the clips" in report.lines()


def _noisy(waveform: Waveform) -> Waveform:
    noise = torch.randn(waveform.samples.shape, generator=torch.Generator().manual_seed(0))
    return Waveform(waveform.samples + 0.01 * noise, waveform.sampling_rate)


def _times(gain: float) -> Callable[[Waveform], Waveform]:
    return lambda waveform: Waveform(gain * waveform.samples, waveform.sampling_rate)


SPOILS: dict[str, tuple[Callable[[Waveform], Waveform], str]] = {
    "clipped": (lambda waveform: clipped(waveform, 2.0), "in flat tops at"),
    "quiet": (_times(0.3), "-10."),
    "loud": (_times(2.3), "+6."),
    "silent_edges": (lambda waveform: with_silence(waveform, 0.8, before=True), "s before, "),
    "dc_offset": (lambda waveform: Waveform(waveform.samples + 0.05, waveform.sampling_rate), "mean +0.050"),
    "noisy": (_noisy, "dB above its noise"),
    "foreign_rate": (lambda waveform: at_rate(waveform, 16_000), "16000 Hz, most have 24000 Hz"),
    "too_short": (lambda waveform: Waveform(waveform.samples[:, 12_000:18_000], 24_000), "0.25 s"),
}


@pytest.mark.parametrize("kind", SPOILS)
def test_what_is_wrong_with_a_sound_is_found_at_its_id_and_nothing_else(kind: str, tmp_path: Path) -> None:
    spoil, detail = SPOILS[kind]
    report = look(with_sound(spoil(victim_sound()), tmp_path))
    assert report.ids(kind) == [victim_id()]
    assert {finding.id for finding in report.findings} == {victim_id()}
    assert detail in next(finding.detail for finding in report.findings if finding.kind == kind)
    assert not report.is_fine
    assert any(KINDS[kind].title in line and victim_id() in line for line in report.lines())


def test_silence_behind_the_speech_is_found_too(tmp_path: Path) -> None:
    report = look(with_sound(with_silence(victim_sound(), 0.8, before=False), tmp_path))
    assert [(finding.kind, finding.id) for finding in report.findings] == [("silent_edges", victim_id())]


def test_a_peak_above_full_scale_is_clipped(tmp_path: Path) -> None:
    sound = victim_sound()
    report = look(with_sound(_times(1.2 / float(sound.samples.abs().max()))(sound), tmp_path))
    assert [finding.detail for finding in report.findings if finding.kind == "clipped"] == ["peak 1.200 scaled to 1"]


def test_what_training_refuses_is_unusable_with_the_reason(tmp_path: Path) -> None:
    report = look(with_sound(Waveform(torch.zeros(24_000), 24_000), tmp_path))
    (finding,) = report.findings
    assert (finding.kind, finding.id) == ("unusable", victim_id())
    assert "is silent" in finding.detail


def test_a_clip_that_is_too_long_for_training_is_found() -> None:
    longest = max(look(Clips(good_utterances())).sounds.items(), key=lambda item: item[1].duration_s)
    report = look(Clips(good_utterances()), settings=ClipSettings(max_seconds=longest[1].duration_s - 0.01))
    assert longest[0] in report.ids("too_long")


def test_a_transcript_of_another_length_is_found_by_its_rate() -> None:
    report = look(with_text("Yes."))
    assert [(finding.kind, finding.id) for finding in report.findings] == [("pace", victim_id())]
    report = look(with_text("This is the text of quite another recording, which went on for about ten seconds. " * 2))
    assert [(finding.kind, finding.id) for finding in report.findings] == [("pace", victim_id())]


def test_a_transcript_that_nobody_could_say_is_found_in_the_smallest_corpus() -> None:
    only = [replace(good_utterances()[VICTIM], text="far too many words " * 20)]
    (finding,) = look(Clips(only)).findings
    assert finding.kind == "pace"
    assert "characters for" in finding.detail


def test_the_same_sound_twice_is_found() -> None:
    utterances = good_utterances()
    utterances.append(replace(utterances[VICTIM], id="again", text=utterances[VICTIM].text.replace(".", "!")))
    report = look(Clips(utterances))
    assert [(f.kind, f.id, f.detail) for f in report.faults] == [("duplicate", "again", f"as {victim_id()}")]


def test_the_same_text_twice_and_words_to_guess_are_no_faults() -> None:
    utterances = good_utterances()
    other = utterances[VICTIM + 1]
    report = look(Clips([*utterances, replace(other, id="again", audio=sound_bytes(other.audio))]))
    assert [(finding.kind, finding.id) for finding in report.findings] == [("repeated_text", "again")]
    assert report.is_fine
    guessed = look(with_text(utterances[VICTIM].text + " Zquorbl."))
    assert [(f.kind, f.id, f.detail) for f in guessed.findings] == [("guessed_words", victim_id(), "zquorbl")]
    assert guessed.is_fine


def sound_bytes(audio: Path | bytes) -> bytes:
    """Another file with the same sound."""
    assert isinstance(audio, bytes)
    return audio + b"\0"


def test_symbols_that_the_tokenizer_refuses_are_found() -> None:
    report = look(with_text(good_utterances()[VICTIM].text + " Щ"))
    (finding,) = report.faults
    assert (finding.kind, finding.id) == ("text", victim_id())
    assert "U+0429" in finding.detail


def test_a_language_without_a_dictionary_is_measured_by_its_letters() -> None:
    utterances = [replace(utterance, language="de") for utterance in good_utterances()]
    utterances[VICTIM] = replace(utterances[VICTIM], text="Ja.")
    report = look(Clips(utterances))
    assert report.ids("pace") == [victim_id()]
    assert not report.ids("guessed_words")
    assert report.notes == ("whether texts are what is said was not heard: only English can be aligned",)


def test_without_the_aligner_a_line_says_how_to_get_it() -> None:
    note = "whether texts are what is said was not heard: pip install 'toktts[align]'"
    assert note in look(Clips(good_utterances())).lines()


def test_a_corpus_without_clips_is_refused() -> None:
    with pytest.raises(CorpusError, match="has no clips; check its folder and the limit on rows"):
        look(Clips([]))


def test_an_id_that_occurs_twice_is_refused() -> None:
    with pytest.raises(CorpusError, match="occurs twice; give every clip its own id"):
        look(Clips([*good_utterances(), good_utterances()[0]]))


def test_the_facts_hold_every_finding_and_every_clip(tmp_path: Path) -> None:
    report = look(with_sound(_times(0.3)(victim_sound()), tmp_path))
    facts = report.facts()
    assert facts["findings"] == [
        {"kind": "quiet", "id": victim_id(), "detail": report.findings[0].detail, "is_fault": True}
    ]
    assert set(facts["clips"]) == {utterance.id for utterance in good_utterances()}
    assert facts["clips"][victim_id()]["sampling_rate"] == 24_000
    assert facts["is_fine"] is False
