"""Measured and sampled traces: curve, forced and sample documents, joined where they are about one trace."""

from tokenworth.report.section import Section
from tokenworth.report.sections.traces.encode import encode, most_texts, noscript
from tokenworth.report.sections.traces.group import grouped
from tokenworth.report.sections.traces.text import text

SECTION = Section(kind="traces", view=grouped, text=text, encode=encode, noscript=noscript, most=most_texts, texts="rollout text")
