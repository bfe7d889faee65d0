"""Thousands of traces on one page: thumbnails, a plot of two features, labels that follow their thresholds, and a table."""
