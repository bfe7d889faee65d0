"""Verified traces: the tables that follow from their verdicts, and each trace with its violations."""

from tokenworth.report.section import Section
from tokenworth.report.sections.verified.encode import encode, most_texts, noscript
from tokenworth.report.sections.verified.text import text
from tokenworth.report.sections.verified.view import verified_part

SECTION = Section(
    kind="verified", view=verified_part, text=text, encode=encode, noscript=noscript, most=most_texts, texts="text of a verified trace"
)
