"""Word error rate."""

from toktts.evaluation._base import Score
from toktts.evaluation._hearing import HeardMetric
from toktts.evaluation._words import edit_distance, words


class WordErrorRate(HeardMetric):
    """Words replaced, left out and put in, per hundred words of the text, by what Whisper base hears.

    Numbers, punctuation, hyphens and spelling are made the same on both sides first.
    """

    title = "WER"
    unit = "%"
    higher_is_better = False
    needs = ("text",)

    def _compare(self, text: str, heard: str) -> Score | None:
        wanted = words(text)
        if not wanted:
            return None
        return Score(100.0 * edit_distance(wanted, words(heard)), len(wanted), {"heard": heard})
