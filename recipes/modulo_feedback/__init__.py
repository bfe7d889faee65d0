"""A small decoder trained to read a verifier's fault beside its rejected plan, and what reading it is worth."""
