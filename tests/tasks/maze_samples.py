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

RUST = (
    (
        8,
        ("query start 6 7 goal 1 0 wall 7 2 wall 6 3 wall 2 4 wall 4 5 reasoning "),
        (
            "close 6 7 c0 c12 create 6 6 c1 c11 create 7 7 c1 c13 create 5 7 c1 c11 close 6 6 c1 c11 create 6 5 c2 c10 create 7 "
            "6 c2 c12 create 5 6 c2 c10 close 5 7 c1 c11 create 4 7 c2 c10 close 6 5 c2 c10 create 6 4 c3 c9 create 7 5 c3 c11 "
            "create 5 5 c3 c9 close 5 6 c2 c10 create 4 6 c3 c9 close 4 7 c2 c10 create 3 7 c3 c9 close 5 5 c3 c9 create 5 4 c4 "
            "c8 close 4 6 c3 c9 create 3 6 c4 c8 close 3 7 c3 c9 create 2 7 c4 c8 close 6 4 c3 c9 create 7 4 c4 c10 close 5 4 c4 "
            "c8 create 5 3 c5 c7 create 4 4 c5 c7 close 2 7 c4 c8 create 2 6 c5 c7 create 1 7 c5 c7 close 3 6 c4 c8 create 3 5 "
            "c5 c7 close 5 3 c5 c7 create 5 2 c6 c6 create 4 3 c6 c6 close 1 7 c5 c7 create 1 6 c6 c6 create 0 7 c6 c8 close 3 5 "
            "c5 c7 create 3 4 c6 c6 create 2 5 c6 c6 close 4 4 c5 c7 close 2 6 c5 c7 close 2 5 c6 c6 create 1 5 c7 c5 close 4 3 "
            "c6 c6 create 4 2 c7 c5 create 3 3 c7 c5 close 3 4 c6 c6 close 1 6 c6 c6 create 0 6 c7 c7 close 5 2 c6 c6 create 5 1 "
            "c7 c5 create 6 2 c7 c7 close 1 5 c7 c5 create 1 4 c8 c4 create 0 5 c8 c6 close 4 2 c7 c5 create 4 1 c8 c4 create 3 "
            "2 c8 c4 close 5 1 c7 c5 create 5 0 c8 c4 create 6 1 c8 c6 close 3 3 c7 c5 create 2 3 c8 c4 close 4 1 c8 c4 create 4 "
            "0 c9 c3 create 3 1 c9 c3 close 3 2 c8 c4 create 2 2 c9 c3 close 2 3 c8 c4 create 1 3 c9 c3 close 5 0 c8 c4 create 6 "
            "0 c9 c5 close 1 4 c8 c4 create 0 4 c9 c5 close 4 0 c9 c3 create 3 0 c10 c2 close 2 2 c9 c3 create 2 1 c10 c2 create "
            "1 2 c10 c2 close 3 1 c9 c3 close 1 3 c9 c3 create 0 3 c10 c4 close 3 0 c10 c2 create 2 0 c11 c1 close 2 1 c10 c2 "
            "create 1 1 c11 c1 close 1 2 c10 c2 create 0 2 c11 c3 close 2 0 c11 c1 create 1 0 c12 c0 close 1 1 c11 c1 create 0 1 "
            "c12 c2 close 1 0 c12 c0 solution plan 6 7 plan 6 6 plan 6 5 plan 5 5 plan 5 4 plan 5 3 plan 4 3 plan 4 2 plan 4 1 "
            "plan 4 0 plan 3 0 plan 2 0 plan 1 0 end "
        ),
    ),
    (
        8,
        ("query start 5 0 goal 0 6 wall 6 0 wall 0 1 wall 6 2 wall 0 4 wall 2 4 wall 5 5 reasoning "),
        (
            "close 5 0 c0 c11 create 5 1 c1 c10 create 4 0 c1 c10 close 5 1 c1 c10 create 6 1 c2 c11 create 5 2 c2 c9 create 4 1 "
            "c2 c9 close 4 0 c1 c10 create 3 0 c2 c9 close 5 2 c2 c9 create 5 3 c3 c8 create 4 2 c3 c8 close 4 1 c2 c9 create 3 "
            "1 c3 c8 close 3 0 c2 c9 create 2 0 c3 c8 close 5 3 c3 c8 create 6 3 c4 c9 create 5 4 c4 c7 create 4 3 c4 c7 close 4 "
            "2 c3 c8 create 3 2 c4 c7 close 3 1 c3 c8 create 2 1 c4 c7 close 2 0 c3 c8 create 1 0 c4 c7 close 5 4 c4 c7 create 6 "
            "4 c5 c8 create 4 4 c5 c6 close 2 1 c4 c7 create 2 2 c5 c6 create 1 1 c5 c6 close 1 0 c4 c7 create 0 0 c5 c6 close 4 "
            "3 c4 c7 create 3 3 c5 c6 close 3 2 c4 c7 close 4 4 c5 c6 create 4 5 c6 c5 create 3 4 c6 c5 close 3 3 c5 c6 create 2 "
            "3 c6 c5 close 0 0 c5 c6 close 2 2 c5 c6 create 1 2 c6 c5 close 1 1 c5 c6 close 3 4 c6 c5 create 3 5 c7 c4 close 1 2 "
            "c6 c5 create 1 3 c7 c4 create 0 2 c7 c4 close 4 5 c6 c5 create 4 6 c7 c4 close 2 3 c6 c5 close 3 5 c7 c4 create 3 6 "
            "c8 c3 create 2 5 c8 c3 close 1 3 c7 c4 create 1 4 c8 c3 create 0 3 c8 c3 close 0 2 c7 c4 close 4 6 c7 c4 create 5 6 "
            "c8 c5 create 4 7 c8 c5 close 3 6 c8 c3 create 3 7 c9 c4 create 2 6 c9 c2 close 0 3 c8 c3 close 2 5 c8 c3 create 1 5 "
            "c9 c2 close 1 4 c8 c3 close 2 6 c9 c2 create 2 7 c10 c3 create 1 6 c10 c1 close 1 5 c9 c2 create 0 5 c10 c1 close 1 "
            "6 c10 c1 create 1 7 c11 c2 create 0 6 c11 c0 close 0 5 c10 c1 close 0 6 c11 c0 solution plan 5 0 plan 5 1 plan 5 2 "
            "plan 5 3 plan 5 4 plan 4 4 plan 3 4 plan 3 5 plan 3 6 plan 2 6 plan 1 6 plan 0 6 end "
        ),
    ),
    (
        7,
        ("query start 6 1 goal 0 6 wall 0 2 wall 2 3 wall 4 3 wall 1 4 wall 4 6 reasoning "),
        (
            "close 6 1 c0 c11 create 6 0 c1 c12 create 6 2 c1 c10 create 5 1 c1 c10 close 6 2 c1 c10 create 6 3 c2 c9 create 5 2 "
            "c2 c9 close 5 1 c1 c10 create 5 0 c2 c11 create 4 1 c2 c9 close 6 3 c2 c9 create 6 4 c3 c8 create 5 3 c3 c8 close 5 "
            "2 c2 c9 create 4 2 c3 c8 close 4 1 c2 c9 create 4 0 c3 c10 create 3 1 c3 c8 close 5 3 c3 c8 create 5 4 c4 c7 close "
            "4 2 c3 c8 create 3 2 c4 c7 close 3 1 c3 c8 create 3 0 c4 c9 create 2 1 c4 c7 close 6 4 c3 c8 create 6 5 c4 c7 close "
            "5 4 c4 c7 create 5 5 c5 c6 create 4 4 c5 c6 close 3 2 c4 c7 create 3 3 c5 c6 create 2 2 c5 c6 close 2 1 c4 c7 "
            "create 2 0 c5 c8 create 1 1 c5 c6 close 6 5 c4 c7 create 6 6 c5 c6 close 2 2 c5 c6 create 1 2 c6 c5 close 1 1 c5 c6 "
            "create 1 0 c6 c7 create 0 1 c6 c5 close 6 6 c5 c6 create 5 6 c6 c5 close 5 5 c5 c6 create 4 5 c6 c5 close 3 3 c5 c6 "
            "create 3 4 c6 c5 close 4 4 c5 c6 close 0 1 c6 c5 create 0 0 c7 c6 close 5 6 c6 c5 close 3 4 c6 c5 create 3 5 c7 c4 "
            "create 2 4 c7 c4 close 1 2 c6 c5 create 1 3 c7 c4 close 4 5 c6 c5 close 3 5 c7 c4 create 3 6 c8 c3 create 2 5 c8 c3 "
            "close 2 4 c7 c4 close 1 3 c7 c4 create 0 3 c8 c3 close 3 6 c8 c3 create 2 6 c9 c2 close 2 5 c8 c3 create 1 5 c9 c2 "
            "close 0 3 c8 c3 create 0 4 c9 c2 close 2 6 c9 c2 create 1 6 c10 c1 close 1 5 c9 c2 create 0 5 c10 c1 close 0 4 c9 "
            "c2 close 1 6 c10 c1 create 0 6 c11 c0 close 0 5 c10 c1 close 0 6 c11 c0 solution plan 6 1 plan 6 2 plan 5 2 plan 4 "
            "2 plan 3 2 plan 3 3 plan 3 4 plan 3 5 plan 3 6 plan 2 6 plan 1 6 plan 0 6 end "
        ),
    ),
)
"""(side, prompt, trace): what the search loop of the public Rust generator wrote, run with its standard library's heap."""
