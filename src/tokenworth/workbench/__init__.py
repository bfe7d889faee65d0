"""Puts models, problems, methods and stores together: what the command line and Python users call."""
