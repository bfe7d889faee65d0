"""Answers to the kinds of request that look inside a model, on top of the local engine."""
