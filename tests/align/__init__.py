"""Tests of what happens at a kind of place."""
