"""Experiments as sans-I/O generators."""
