"""Law: documents of every measure have a text and an HTML form, whatever stands in them."""

from __future__ import annotations

import dataclasses
import re
import sys
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.methods import tabled_cases as tabled
from tests.methods.forks_cases import forks_doc
from tests.report import formal_cases as formal
from tests.report import report_cases as cases
from tokenworth import catalog
from tokenworth.core.document import About, Document, ModelDoc, Provenance
from tokenworth.core.estimate import Estimate
from tokenworth.core.problem import Problem
from tokenworth.report.html import render_html
from tokenworth.report.page import page_of, section_of
from tokenworth.report.section import Section
from tokenworth.report.text import render_text

BAD = "".join(cases.HOSTILE) + "\ud83d"
ACTIVE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


TAGS = {
    *("html", "head", "meta", "title", "link", "style", "body", "div", "noscript", "script"),
    *("h1", "h2", "p", "pre", "table", "tr", "th", "td"),
}


class Tags(HTMLParser):
    """The elements of a page, none of which may act."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name.startswith("on") or name in {"src", "style"} for name, _ in attrs), (tag, attrs)
        self.found.add(tag)

    @classmethod
    def of(cls, page: str) -> set[str]:
        parser = cls()
        parser.feed(page)
        return parser.found


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A record of the toy measure."""

    name: str
    share: Estimate
    count: int
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyDoc:
    """The document of a measure that nobody drew a section for."""

    schema: str = "tokenworth.toy/1"
    model: ModelDoc
    length: int
    effect: Estimate
    rows: tuple[Row, ...]
    provenance: Provenance
    notes: tuple[str, ...] = ()


def toy(text: str) -> ToyDoc:
    rows = tuple(Row(name=f"{text}{k}", share=Estimate(value=0.1 * k, low=0.0, high=0.9), count=k, parts=(text,)) for k in range(3))
    made = Provenance(version="0.1.0", command=text, drawn=1234, reused=56, tokens_drawn=7890, cost=0.25)
    effect = Estimate(value=-0.3, low=-0.5, high=-0.1)
    return ToyDoc(model=ModelDoc(name=text), length=1_000, effect=effect, rows=rows, provenance=made, notes=(text,))


def sample(text: str) -> Document:
    found = cases.sample_set(3)
    traces = tuple(dataclasses.replace(t, pieces=(text, *t.pieces[1:])) for t in found.traces)
    return dataclasses.replace(found, traces=traces, notes=(text,), model=ModelDoc(name=text))


def problem(text: str) -> Problem:
    return dataclasses.replace(cases.problem(), question=text, id=text)


def curve(text: str) -> Document:
    base = cases.trace(pieces=(text, "b", text), ids=None, probabilities=None)
    return cases.curve(trace=base, plan="plain", problem=problem(text), notes=(text,), value_label=text, model=ModelDoc(name=text))


def forced(text: str) -> Document:
    base = cases.trace(pieces=(text, "b", text), ids=None, probabilities=None)
    exits = (dataclasses.replace(cases.exit_doc(3), name=text, text=text),)
    return cases.forced(trace=base, exits=exits, problem=problem(text), model=ModelDoc(name=text))


def verified(text: str) -> Document:
    return dataclasses.replace(formal.poisoned() if text == BAD else formal.mixed(8, 5), notes=(text,))


def file(text: str) -> str:
    """The text as it can stand in a file."""
    return text.replace("\ud83d", "")


def derived(name: str, text: str) -> Document:
    """What a measure makes of forced answers."""
    measure = catalog.load(catalog.MEASURES, "measure", name)
    about = About(provenance=Provenance(version="0", command=text, drawn=1234))
    return measure.run.document([forced(text)], measure.settings(), about)


CASES: dict[str, Any] = {
    "sample": sample,
    "curve": curve,
    "forced": forced,
    "verify": verified,
    "confusion": verified,
    "first-errors": lambda text: tabled.first_errors(text, text),
    "edits": lambda text: tabled.document(tabled.edits(tabled.group(file(text)), task=file(text), notes=[file(text)])),
    "intervene": lambda text: tabled.intervene(text),
    "modulo": lambda text: tabled.document(tabled.modulo(task=file(text), arms=[tabled.arm(file(text))])),
    "replay": lambda text: tabled.replay(text, text),
    "pivots": lambda text: tabled.pivots(text, text),
    "prevalence": lambda text: tabled.prevalence(text, text),
    "forks": forks_doc,
    "anchors": lambda text: tabled.anchors(text, text),
    "audit": lambda text: tabled.audit(text, text),
    "probe": lambda text: tabled.probe(text),
    "attention": lambda text: tabled.attention(text),
    "survey": lambda text: derived("survey", text),
    "align": lambda text: derived("align", text),
    "lens": lambda text: tabled.lens(text, text),
    "clocks": lambda text: tabled.clocks(text),
    "inside": lambda text: tabled.inside(text),
    "patch": lambda text: tabled.patch(text, text),
}


@pytest.fixture
def toy_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The toy measure in the catalogue, by one line, and no line for a section."""
    measure = dataclasses.replace(next(catalog.measures()), name="toy", document=ToyDoc)
    monkeypatch.setattr(sys.modules[__name__], "TOY", measure, raising=False)
    monkeypatch.setitem(catalog.MEASURES, "toy", f"{__name__}:TOY")


def parts(page: str) -> tuple[str, str]:
    """All that is neither script nor style of ours, and what stands for readers without JavaScript."""
    outside = re.sub(r"<script>.*?</script>|<style>.*?</style>", "", page, flags=re.S)
    return outside, re.search(r"<noscript>(.*?)</noscript>", page, re.S).group(1)


def test_every_measure_has_a_case_and_every_section_a_measure() -> None:
    assert set(catalog.SECTIONS) <= set(catalog.MEASURES) <= set(CASES)


@pytest.mark.parametrize("name", [*CASES, "toy"])
@pytest.mark.parametrize("text", ["plain words", BAD])
def test_a_document_renders_as_text_and_as_one_page(name: str, text: str, toy_measure: None) -> None:
    document = toy(text) if name == "toy" else CASES[name](text)
    page = page_of([document])
    shown = render_text(page, width=100)
    assert not ACTIVE.search(shown) and len(shown.splitlines()) > 3
    assert ("plain words" if text == "plain words" else "<script>window.pwned=1</script>") in shown
    html = render_html(page)
    html.encode()
    outside, summary = parts(html)
    blobs = sum(len(section.encode(part, None)[1]) for section, part in page.parts)
    assert len(re.findall(r"<script", outside)) == 1 + blobs and html.count("<script>") == html.count("</script>") - 1 - blobs
    assert Tags.of(html) <= TAGS and "\u2028" not in outside
    inside = summary.split("</p>", 1)[1]
    assert re.search(r"<h2>.+</h2>|<p>.+</p>", inside) and "<table>" in inside


def test_all_of_them_share_one_page(toy_measure: None) -> None:
    documents = [*(make("plain words") for make in CASES.values()), toy("plain words")]
    page = page_of(documents)
    kinds = [section.kind for section, _ in page.parts]
    assert (
        kinds == sorted(kinds, key=["traces", "gallery", "verified", "sheets"].index)
        and kinds.count("traces") == kinds.count("verified") == 1
    )
    head = cases.header(render_html(page))
    assert len(head["traces"]) == len(page.traces) and len(head["sheets"]) >= len(page.sheets) >= 8 and head["formal"]["n"] == 16
    assert page.title.endswith("more)") and " ".join(render_text(page).split()).count("requests 1,234 drawn") >= 1


def test_a_measure_without_a_section_shows_its_fields(toy_measure: None) -> None:
    assert "toy" not in catalog.SECTIONS
    document = toy("words")
    single, rows = page_of([document]).sheets
    assert [row[0].main for row in single.rows] == ["length", "effect"] and single.columns[1].kind == "difference"
    assert [column.name for column in rows.columns] == ["name", "share", "count", "parts"] and rows.columns[1].kind == "share"
    assert rows.rows[2][1].number == document.rows[2].share and rows.rows[2][1].text == "0.2 [0, 0.9]"
    told = {fact.label: fact.value for fact in single.facts}
    assert (
        told["model"] == "words"
        and told["requests"].startswith("1,234 drawn, ")
        and told["tokens drawn"] == "7,890"
        and told["cost"] == "0.25"
    )
    assert single.notes == ("words",)


@pytest.mark.parametrize("name", list(CASES))
def test_every_section_says_what_was_drawn_and_paid(name: str) -> None:
    document = CASES[name]("plain words")
    made = dataclasses.replace(document.provenance, drawn=4321, reused=98, tokens_drawn=76_543, cost=1.5)
    text = " ".join(render_text(page_of([dataclasses.replace(document, provenance=made)]), width=200).split())
    assert "requests 4,321 drawn, 98 from the store" in " ".join(text.split()) and "tokens drawn 76,543" in text and "cost 1.5" in text


def test_two_documents_of_one_section_are_one_part() -> None:
    page = page_of([tabled.audit("one"), tabled.audit("two")])
    assert len(page.parts) == 1 and [sheet.title.split()[0] for sheet in page.sheets] == ["one", "two"]
    assert section_of(cases.curve(3)) is section_of(cases.sample_set(2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The part of a section of its own kind."""

    titles: tuple[str, ...]


OWN = Section(
    kind="lines",
    view=lambda documents: Lines(titles=tuple(one.model.name for one in documents)),
    text=lambda part, width, colour, title: iter(["own lines"]),
    encode=lambda part, most: ({"names": part.titles}, [("lines-0", "AAAA")]),
    noscript=lambda part: iter(["<p>own markup</p>"]),
)


def test_a_section_of_its_own_kind_is_one_module_and_one_line(toy_measure: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalog.SECTIONS, "toy", f"{__name__}:OWN")
    page = page_of([toy("one"), cases.curve(3), toy("two")])
    assert [section.kind for section, _ in page.parts] == ["traces", "lines"] and page.title.endswith("(and 2 more)")
    assert render_text(page).endswith("\nown lines\n")
    html = render_html(page)
    assert '"kind":"lines","names":["one","two"]' in html and 'id="tw-lines-0">AAAA<' in html and "<p>own markup</p>" in html
