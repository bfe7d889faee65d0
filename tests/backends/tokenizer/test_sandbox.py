"""Hostile chat templates: each ends in one line of `InvalidInput`, soon and without much memory."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from tokenworth.backends.tokenizer.template import LONGEST_TEMPLATE, ChatTemplate
from tokenworth.errors import InvalidInput

USER = [{"role": "user", "content": "hi"}]
DEADLINE_S = 30.0
"""Each takes at most a second or two; a busy machine is slow."""

WORK, SANDBOX = "more work than a chat template needs", "leaves its sandbox"
BIG = "{% set s = 'a' * 999999 %}"
GROWING = "{% set ns = namespace(s=START) %}{% for i in range(60) %}{% set ns.s = STEP %}{% endfor %}{{ ns.s|string|length }}"
MANY = BIG + "{% for i in range(99999) %}{% set t = STEP %}{% endfor %}"


def growing(start: str, step: str) -> str:
    return GROWING.replace("START", start).replace("STEP", step)


HOSTILE: list[tuple[str, str]] = [
    ("{{ ''.__class__.__mro__ }}", SANDBOX),
    ("{{ (''|attr('__class__')).__mro__ }}", SANDBOX),
    ("{{ self.__init__.__globals__ }}", SANDBOX),
    ("{{ '{0.__class__.__mro__}'.format('') }}", SANDBOX),
    ("{{ messages.append(1) }}", SANDBOX),
    ("{{ 'x'.encode() }}", SANDBOX),
    ("{{ (5).to_bytes(10**10, 'big') }}", SANDBOX),
    ("{% set ns = namespace(__class__=1) %}", SANDBOX),
    ("{% set ns = namespace() %}{% set ns.__init__ = 1 %}", SANDBOX),
    ("{% include '/etc/passwd' %}", "no loader"),
    ("{% for i in range(10**9) %}x{% endfor %}", "Range too big"),
    ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", WORK),
    ("{% set l = range(99999)|list %}{% for i in l %}{% for j in l if false %}{% endfor %}{% endfor %}", WORK),
    ("{% for x in [1, 2] recursive %}{% if loop.depth < 60 %}{{ loop([1, 2]) }}{% endif %}{% endfor %}", WORK),
    ("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}", "without end"),
    ("{% macro f(n) %}{% if n < 60 %}{{ f(n + 1) }}{{ f(n + 1) }}{% endif %}{% endmacro %}{{ f(0) }}", WORK),
    ("{% macro m() %}{% for i in range(99999) %}" + "y" * 9999 + "{% endfor %}{% endmacro %}{% set q = m() %}", WORK),
    (BIG + "{% macro m() %}{% for i in range(99999) %}{{ s }}{% endfor %}{% endmacro %}{% set q = m() %}", WORK),
    ("{{ 'a' * 10**10 }}", WORK),
    ("{{ [0] * 10**10 }}", WORK),
    ("{{ 10**10 * 'a' }}", WORK),
    ("{{ 9 ** (9 ** 9) }}", "whole number"),
    (growing("9", "ns.s * ns.s"), "whole number"),
    (growing("'a'", "ns.s ~ ns.s"), WORK),
    (growing("'a'", "ns.s + ns.s"), WORK),
    (growing("'a'", "'%s%s' % (ns.s, ns.s)"), WORK),
    (growing("'a'", "'{}{}'.format(ns.s, ns.s)"), WORK),
    (growing("'a'", "[ns.s, ns.s]|join"), WORK),
    (growing("'a'", "ns.s|replace('a', 'aa')"), WORK),
    (growing("'a'", "ns.s.replace('', 'a')"), WORK),
    (growing("[1]", "[ns.s, ns.s]"), WORK),
    (growing("[1]", "dict(a=ns.s, b=ns.s)"), WORK),
    (growing("[1]", "namespace(a=ns.s, b=ns.s)"), WORK),
    (BIG + "{{ s.replace('a', s) }}", WORK),
    (BIG + "{{ s.join(s) }}", WORK),
    (BIG + "{{ s|join(s) }}", WORK),
    (BIG + "{{ s.translate({97: s}) }}", WORK),
    (BIG + "{{ (['\n'] * 9999)|join|indent(s) }}", WORK),
    ("{{ '%1000000000d' % 1 }}", WORK),
    ("{{ '%*d' % (10**9, 1) }}", WORK),
    ("{{ '%1000000000d'|format(1) }}", WORK),
    ("{{ '{:>1000000000}'.format('x') }}", WORK),
    ("{{ '{:>{}}'.format('x', 10**9) }}", WORK),
    ("{{ '{:>{w}}'.format_map({'w': 10**9}) }}", WORK),
    ("{{ 'x'.ljust(10**10) }}", WORK),
    ("{{ '\t'.expandtabs(10**10) }}", WORK),
    ("{{ 'x\ny'|indent(10**10) }}", WORK),
    ("{{ [1]|tojson(indent=10**10) }}", WORK),
    ("{{ 1.5|round(10**9, 'ceil') }}", WORK),
    ("{{ ([[1]] * 90000)|sum(start=[]) }}", WORK),
    ("{{ strftime_now('%Y' * 10**9) }}", WORK),
    (MANY.replace("STEP", "'b' in s"), WORK),
    (MANY.replace("STEP", "s[1:]"), WORK),
    (MANY.replace("STEP", "s.upper()"), WORK),
    (MANY.replace("STEP", "s|upper"), WORK),
    (MANY.replace("STEP", "s is in s"), WORK),
    (MANY.replace("STEP", "s == s ~ ''"), WORK),
    ("{{ lipsum(n=10**6) }}", "undefined"),
    ("{{ [1, 2]|random }}", "No filter named 'random'"),
    ("{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}", "nested too deeply"),
    ("{% for x in y %}" * 50 + "{% endfor %}" * 50, "nested blocks"),
    ("x" * (LONGEST_TEMPLATE + 1), "characters"),
    ("{{ '\\ud800' }}", "surrogate"),
    ("{{ 1 / 0 }}", "division by zero"),
    ("{{ messages.x.y }}", "no attribute 'x'"),
    ("{{ raise_exception('no\nway') }}", "the chat template fails: no"),
    ("a\n{% foo %}", "line 2"),
    ("{{", "line 1"),
]


@pytest.mark.parametrize(("text", "words"), HOSTILE, ids=[str(i) for i in range(len(HOSTILE))])
def test_hostile_templates_are_refused_soon(text: str, words: str) -> None:
    began = time.process_time()
    with pytest.raises(InvalidInput) as caught:
        ChatTemplate(text).render(USER, switches={})
    assert words in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 400
    assert time.process_time() - began < DEADLINE_S


def test_work_is_counted_anew_for_each_rendering_and_grows_with_the_messages() -> None:
    once = ChatTemplate("{% for i in range(90000) %}x{% endfor %}")
    assert {len(once.render(USER, switches={})) for _ in range(3)} == {90000}
    long = [{"role": "user", "content": "word " * 400_000}]
    echo = ChatTemplate("{% for m in messages %}{{ m.content|trim }}{{ m.content.split('x')[0] }}{{ '<' ~ m.content + '>' }}{% endfor %}")
    assert len(echo.render(long, switches={})) == 3 * 2_000_000 + 1
    many = [{"role": "user", "content": "word " * 50}] * 2000
    text = "{% for m in messages %}{% if loop.index < messages|length %}{{ messages[loop.index:]|first|length }}{% endif %}{% endfor %}"
    assert ChatTemplate(text).render(many, switches={}) == "2" * 1999


def render(text: str, **switches: Any) -> str:
    return ChatTemplate(text, {"bos_token": "<s>"}, now=lambda: datetime(2025, 6, 28, tzinfo=UTC)).render(USER, switches=switches)


def test_what_templates_may_use() -> None:
    assert render("{{ bos_token }}{{ eos_token }}{{ a }}|{{ tools is none }}|{{ add_generation_prompt }}", a=1) == "<s>1|True|True"
    assert render("{{ bos_token }}", bos_token="<other>") == "<other>"
    assert render("{{ {'b': ['é', '<']}|tojson }}") == '{"b": ["é", "<"]}'
    assert render("{{ {'b': 1, 'a': 2}|tojson(indent=2, sort_keys=true) }}") == '{\n  "a": 2,\n  "b": 1\n}'
    assert render("{{ [1]|tojson(separators=(',', ':'), ensure_ascii=true) }}") == "[1]"
    assert render("{{ strftime_now('%d %B %Y') }}") == "28 June 2025"
    assert render("{% for i in range(9) %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}") == "012"
    assert render("{% for m in messages %}\n  {% generation %}\n{{ m.content }}\n  {% endgeneration %}\n{% endfor %}") == "hi\n"
    assert render("{% set x = 1 %}{% generation %}{% set x = 2 %}{{ x }}{% endgeneration %}{{ x }}") == "21"
    assert render("{% for x in [1, [2, 3]] recursive %}{{ loop(x) if x is iterable else x }}{% endfor %}") == "123"
    assert render("{% for x in 'abc' if x != 'b' %}{{ x }}{{ loop.length }}{{ loop.last }}{% endfor %}") == "a2Falsec2True"
    assert render("{% set ns = namespace(a=1) %}{% set ns.a = ns.a + 1 %}{{ ns.a ~ '-' ~ dict(b=2)['b'] }}") == "2-2"
    assert render("{{ dict.fromkeys('ab', 1) }}{{ '%05.1f|%s' % (2.5, 'x') }}{{ '{:>4}'.format(7) }}{{ 'a,b'.split(',')|join('-') }}") == (
        "{'a': 1, 'b': 1}002.5|x   7a-b"
    )
    assert render("{% macro m(x) %}[{{ x }}{{ caller() }}]{% endmacro %}{% call m(1) %}!{% endcall %}") == "[1!]"
    assert render("{{ messages[0]['content'][::-1] }}{{ 2 ** 10 }}{{ 7 // 2 }}{{ '-'.join(['a', 'b']|map('upper')) }}") == "ih10243A-B"


@pytest.mark.parametrize(
    ("switches", "words"), [({"messages": 1}, "the template's own"), ({"x": object()}, "got a object"), ({"x": {1j}}, "got a set")]
)
def test_bad_switches(switches: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        ChatTemplate("x").render(USER, switches=switches)
