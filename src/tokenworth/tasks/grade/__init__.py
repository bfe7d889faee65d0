"""Graders: what an answer text says, and whether that is the gold answer."""
