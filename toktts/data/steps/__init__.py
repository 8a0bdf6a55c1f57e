"""The steps from recordings to features with durations, each alone, all again without harm: prepare, align, create."""
