"""Rollouts on disk by content key; result files in and out."""
