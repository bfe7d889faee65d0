"""Attacks on the verifiers of this package, each with a judge of its own."""
