"""Exact automata: every quantity that the package estimates is known for them."""
