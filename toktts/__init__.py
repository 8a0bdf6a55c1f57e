"""text-to-speech for people who train their own voices."""
