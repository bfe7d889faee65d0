"""tokenworth: what each token of a trace is worth, measured."""

__version__ = "0.1.0"
