"""Countdown solved by a written search (Stream of Search): puzzles, dialects, a solver, and a verifier that does not know the solver."""
