"""Readers of problem files, one module a format."""
