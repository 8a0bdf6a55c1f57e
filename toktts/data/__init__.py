"""Corpus -> cached codes -> padded batches: `cache` and `collate` are the doors, each module says what it does."""
