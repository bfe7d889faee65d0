"""Published traces of mazes, as data: (prompt, what follows). From the example notebooks of Searchformer (Lehnert et al. 2024)."""

MODEL_INVALID = (
    "start 3 6 goal 4 2 wall 0 0 wall 3 0 wall 4 0 wall 2 1 wall 4 1 wall 5 1 wall 9 1 wall 0 2 wall 1 2 wall 2 2 wall 6 2 "
    "wall 7 2 wall 5 3 wall 6 3 wall 7 3 wall 8 3 wall 9 3 wall 1 4 wall 2 4 wall 3 4 wall 9 4 wall 3 5 wall 4 5 wall 6 5 "
    "wall 5 6 wall 6 6 wall 9 6 wall 0 7 wall 2 7 wall 4 7 wall 6 8 wall 9 8 wall 2 9 wall 3 9 wall 4 9 wall 6 9 wall 8 9 ",
    "bos create 3 6 c0 c5 close 3 6 c0 c5 create 3 7 c1 c6 create 4 6 c1 c4 create 2 6 c1 c6 close 4 6 c1 c4 close 3 7 c1 c6 "
    "create 3 8 c2 c7 close 2 6 c1 c6 create 2 5 c2 c5 create 1 6 c2 c7 close 2 5 c2 c5 create 1 5 c3 c6 close 1 5 c3 c6 "
    "create 0 5 c4 c7 close 1 6 c2 c7 create 1 7 c3 c8 create 0 6 c3 c8 close 3 8 c2 c7 create 2 8 c3 c8 create 4 8 c3 c6 "
    "close 4 8 c3 c6 create 5 8 c4 c7 close 2 8 c3 c8 create 1 8 c4 c9 close 1 7 c3 c8 close 0 5 c4 c7 create 0 4 c5 c6 close "
    "5 8 c4 c7 create 5 9 c5 c8 create 5 7 c5 c6 close 0 4 c5 c6 create 0 3 c6 c5 close 0 6 c3 c8 close 0 3 c6 c5 create 1 3 "
    "c7 c4 close 5 7 c5 c6 create 6 7 c6 c7 close 1 3 c7 c4 create 2 3 c8 c3 close 2 3 c8 c3 create 3 3 c9 c2 close 3 3 c9 c2 "
    "create 4 3 c10 c1 create 3 2 c10 c1 close 4 3 c10 c1 create 4 2 c11 c0 create 4 4 c11 c2 close 2 2 c9 c0 plan 3 6 plan 2 "
    "6 plan 2 5 plan 1 5 plan 0 5 plan 0 4 plan 0 3 plan 1 3 plan 2 3 plan 3 3 plan 4 3 plan 4 2 eos ",
)
"""Output of a model trained on nondeterministic traces: an optimal plan after a trace whose last event is on a wall."""
SOLVER = (
    "start 1 3 goal 9 4 wall 0 0 wall 3 0 wall 4 0 wall 6 0 wall 7 0 wall 6 1 wall 8 1 wall 1 2 wall 3 2 wall 6 2 wall 7 2 "
    "wall 2 3 wall 4 3 wall 5 3 wall 6 3 wall 7 3 wall 7 4 wall 8 4 wall 1 5 wall 2 5 wall 4 5 wall 5 6 wall 6 6 wall 0 7 "
    "wall 2 7 wall 5 7 wall 8 8 wall 1 9 wall 7 9 wall 8 9 wall 9 9 ",
    "create 1 3 c0 c9 close 1 3 c0 c9 create 1 4 c1 c8 create 0 3 c1 c10 close 1 4 c1 c8 create 0 4 c2 c9 create 2 4 c2 c7 "
    "close 2 4 c2 c7 create 3 4 c3 c6 close 3 4 c3 c6 create 3 5 c4 c7 create 3 3 c4 c7 create 4 4 c4 c5 close 4 4 c4 c5 "
    "create 5 4 c5 c4 close 5 4 c5 c4 create 5 5 c6 c5 create 6 4 c6 c3 close 6 4 c6 c3 create 6 5 c7 c4 close 0 3 c1 c10 "
    "create 0 2 c2 c11 close 3 3 c4 c7 close 0 4 c2 c9 create 0 5 c3 c10 close 3 5 c4 c7 create 3 6 c5 c8 close 5 5 c6 c5 "
    "close 6 5 c7 c4 create 7 5 c8 c3 close 7 5 c8 c3 create 7 6 c9 c4 create 8 5 c9 c2 close 8 5 c9 c2 create 8 6 c10 c3 "
    "create 9 5 c10 c1 close 9 5 c10 c1 create 9 6 c11 c2 create 9 4 c11 c0 close 9 4 c11 c0 plan 1 3 plan 1 4 plan 2 4 plan "
    "3 4 plan 4 4 plan 5 4 plan 6 4 plan 6 5 plan 7 5 plan 8 5 plan 9 5 plan 9 4 ",
)
"""A deterministic training trace."""
MODEL_VALID = (
    "start 3 6 goal 4 2 wall 0 0 wall 3 0 wall 4 0 wall 2 1 wall 4 1 wall 5 1 wall 9 1 wall 0 2 wall 1 2 wall 2 2 wall 6 2 "
    "wall 7 2 wall 5 3 wall 6 3 wall 7 3 wall 8 3 wall 9 3 wall 1 4 wall 2 4 wall 3 4 wall 9 4 wall 3 5 wall 4 5 wall 6 5 "
    "wall 5 6 wall 6 6 wall 9 6 wall 0 7 wall 2 7 wall 4 7 wall 6 8 wall 9 8 wall 2 9 wall 3 9 wall 4 9 wall 6 9 wall 8 9 ",
    "bos create 3 6 c0 c5 close 3 6 c0 c5 create 3 7 c1 c6 create 4 6 c1 c4 create 2 6 c1 c6 close 4 6 c1 c4 close 3 7 c1 c6 "
    "create 3 8 c2 c7 close 2 6 c1 c6 create 2 5 c2 c5 create 1 6 c2 c7 close 2 5 c2 c5 create 1 5 c3 c6 close 1 5 c3 c6 "
    "create 0 5 c4 c7 close 1 6 c2 c7 create 1 7 c3 c8 create 0 6 c3 c8 close 3 8 c2 c7 create 2 8 c3 c8 create 4 8 c3 c6 "
    "close 4 8 c3 c6 create 5 8 c4 c7 close 5 8 c4 c7 create 5 9 c5 c8 create 5 7 c5 c6 close 5 7 c5 c6 create 6 7 c6 c7 "
    "close 1 7 c3 c8 create 1 8 c4 c9 close 0 6 c3 c8 close 0 5 c4 c7 create 0 4 c5 c6 close 0 4 c5 c6 create 0 3 c6 c5 close "
    "0 3 c6 c5 create 1 3 c7 c4 close 2 8 c3 c8 close 1 3 c7 c4 create 2 3 c8 c3 close 2 3 c8 c3 create 3 3 c9 c2 close 3 3 "
    "c9 c2 create 3 2 c10 c1 create 4 3 c10 c1 close 4 3 c10 c1 create 4 4 c11 c2 create 4 2 c11 c0 close 4 2 c11 c0 plan 3 6 "
    "plan 2 6 plan 2 5 plan 1 5 plan 0 5 plan 0 4 plan 0 3 plan 1 3 plan 2 3 plan 3 3 plan 4 3 plan 4 2 eos ",
)
"""Another output of a nondeterministic model, without an error."""
