"""Thousands of traces on one page: thumbnails, a plot of two features, labels that follow their thresholds, and tables."""

from tokenworth.report.section import Section
from tokenworth.report.sections.gallery.encode import encode
from tokenworth.report.sections.gallery.survey import noscript, text, view

SECTION = Section(kind="gallery", view=view, text=text, encode=encode, noscript=noscript)
