"""Model text is shown, never run; nothing is lost or added."""

from __future__ import annotations

import dataclasses

import pytest

from tests.browser.waiting import until
from tests.report import report_cases as cases
from tests.report.report_cases import HOSTILE, STRANGE
from tokenworth.core.problem import Option
from tokenworth.methods.curve.document import BranchDoc, EventDoc, SampleDoc
from tokenworth.report.page import page_of

pytestmark = pytest.mark.browser


def poisoned():
    """A report with hostile text in every place that text can come from."""
    bad = "".join(HOSTILE)
    base = cases.trace(pieces=HOSTILE, ids=None, probabilities=None, prompt=bad, answer_pieces=HOSTILE, outcome=bad)
    options = tuple(Option(label=x, text=x) for x in HOSTILE)
    problem = dataclasses.replace(cases.problem(options, HOSTILE[0]), question=bad)
    cuts = len(HOSTILE) + 1
    branches = tuple(BranchDoc(cut=3, token=i, text=x, p=0.05, is_base=False, n=1, outcomes={x: 1}) for i, x in enumerate(HOSTILE))
    samples = tuple(
        SampleDoc(cut=3, index=i, text=x, outcome=x, verdict="incorrect", stop=x, n_tokens=1, branch=i) for i, x in enumerate(HOSTILE)
    )
    curve = cases.curve(
        trace=base,
        plan="plain",
        problem=problem,
        branches=branches,
        samples=samples,
        outcomes={x: (1 / len(HOSTILE),) * cuts for x in HOSTILE},
        notes=(bad,),
        events=(EventDoc(cut=3, kind="note", label=bad),),
        value_label=bad,
        model=dataclasses.replace(cases.MODEL, name=bad),
        provenance=dataclasses.replace(cases.PROVENANCE, source=bad, command=bad),
    )
    exit_doc = dataclasses.replace(cases.exit_doc(len(HOSTILE), len(HOSTILE)), name=bad, text=bad, options=HOSTILE)
    forced = cases.forced(trace=base, problem=problem, exits=(exit_doc,), model=curve.model, own_answer=bad)
    return page_of([curve, forced], title=bad)


def test_hostile_text_does_nothing(open_report):
    page = open_report(poisoned(), "#v1&t=3&p=1")
    for tab in ("samples", "events", "data", "token"):
        page.locator(f"#tab-{tab}").click()
        if tab == "samples":
            page.locator(".sample").first.click()
        for summary in page.locator("details > summary").all():
            summary.click()
        page.wait_for_timeout(50)
        assert page.locator("#tw-app img, #tw-app svg, #tw-app script, #tw-app style, #tw-app a").count() == 0
    assert page.evaluate("window.pwned") is None
    assert page.evaluate("document.getElementById('tw-pane').textContent") == "".join(HOSTILE)
    assert page.locator("#tw-app *").evaluate_all("es => es.some(e => [...e.attributes].some(a => a.name.startsWith('on')))") is False


def test_hostile_samples_and_branches_show_literally(open_report):
    page = open_report(poisoned(), "#v1&t=3&s=samples")
    page.locator(".sample").nth(0).click()
    assert page.evaluate("document.querySelector('.full pre').textContent") == HOSTILE[0]
    page.locator("#tab-token").click()
    assert "<script>" in page.locator(".forks").inner_text()


def test_an_injected_element_is_stopped_by_the_policy(context, tmp_path):
    from tokenworth.report.html import render_html

    page_text = render_html(page_of([cases.curve(5)]))
    attack = '<img src="x" onerror="window.pwned=1"><script>window.pwned=2</script><img src="http://127.0.0.1:9/t.png">'
    path = tmp_path / "attacked.html"
    path.write_text(page_text.replace("<noscript>", attack + "<noscript>", 1), encoding="utf-8")
    page = context.new_page()
    page.goto(path.as_uri())
    until(page, "Boolean(window.__tw)")
    page.wait_for_timeout(100)
    assert page.evaluate("window.pwned") is None
    page.close()


def test_no_character_is_lost_or_added(open_report):
    pieces = STRANGE * 40
    base = cases.trace(pieces=pieces, ids=None, probabilities=None, answer_pieces=STRANGE)
    page = open_report(page_of([cases.curve(trace=base, plan="plain", each=3)]))
    text = "document.getElementById('tw-pane').textContent"
    assert page.evaluate(text) == "".join(pieces)
    page.evaluate("window.__tw.pane.hydrateAll()")
    assert page.evaluate(text) == "".join(pieces)
    assert page.evaluate("document.getElementById('tw-answer').textContent") == "".join(STRANGE)
    units = page.evaluate("[...document.querySelectorAll('#tw-pane .u')].map(e => e.textContent)")
    assert tuple(units) == pieces


def test_one_paragraph_without_line_ends(open_report):
    pieces = tuple(f" w{i % 97}" for i in range(3000))
    base = cases.trace(pieces=pieces, ids=None, probabilities=None)
    page = open_report(page_of([cases.curve(trace=base, plan="stride", stride=50, each=3)]), "#v1&t=2900&m=value")
    assert page.evaluate("document.querySelector('#tw-pane .cur').textContent") == pieces[2900]
    assert page.evaluate("document.getElementById('tw-pane').textContent") == "".join(pieces)
