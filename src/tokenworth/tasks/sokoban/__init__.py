"""Sokoban levels solved by A*."""
