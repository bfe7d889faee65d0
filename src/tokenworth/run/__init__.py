"""Drives experiments: store, backend, budget, progress."""
