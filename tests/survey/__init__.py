"""Tests of surveys: shapes, commitments, lengths, bad input."""
