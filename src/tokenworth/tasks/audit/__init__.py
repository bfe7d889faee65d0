"""Audits of answer checkers: answers that are wrong, or right, by construction, and what a checker says of them."""
