"""Mazes solved by A*: instances, dialects of the trace, a solver, generators, and a verifier that does not know the solver."""
