// Keys of a report. Text fields keep theirs.
import { nextWord } from "./pane/chunks";
import type { TextPane } from "./pane/textpane";
import { nextEvent } from "./plots/plots";
import { cycleTheme } from "./theme";
import { moveTo, moveToStep, nextRow, nextViolation, openTab, pin } from "./state";
import type { State } from "./state";

export const KEYS: readonly (readonly [string, string])[] = [
  ["← →", "one unit back, on"],
  ["Shift + ← →", "one word back, on"],
  ["↑ ↓", "one line up, down"],
  ["Home End", "start, end of the trace"],
  ["[ ]", "mark before, after"],
  ["m", "next colouring"],
  ["v, Shift + v", "next, previous error of a verified trace"],
  [", .", "event before, after"],
  ["j k", "next, previous verified trace of the list"],
  ["o", "tables, and back"],
  ["p, Enter", "pin or unpin"],
  ["Esc", "unpin, close"],
  ["s", "samples"],
  ["f", "figure for a paper: SVG or PNG"],
  ["t", "light, dark, as the system"],
  ["/", "find text, or # and a number"],
  ["g", "go to a number"],
  ["0", "whole trace after zooming (drag on a plot zooms)"],
  ["?", "this list"],
];

const FIELDS = "input, select, textarea, [contenteditable]";

// Keys go to the report that the focus is in; where it is in none, to the page's own.
export function hears({ root, own }: State, e: KeyboardEvent): boolean {
  return root.contains(e.target as Node) || (own && e.target === document.body);
}

function onEvent(report: State, step: 1 | -1): void {
  const found = report.trace.value;
  const event = found && nextEvent(found.events, report.shown.value + 1, step);
  if (event) moveTo(report, event.cut - 1);
}

function nextMetric(report: State): void {
  const all = report.offered.value;
  if (all.length) report.metricName.value = all[(all.indexOf(report.metricName.value) + 1) % all.length]!;
}

function findField({ root }: State): HTMLInputElement | null {
  return root.querySelector(".find input");
}

function goTo(report: State): void {
  const field = findField(report);
  if (!field) return;
  field.focus();
  field.value = "#";
}

export function onKey(report: State, e: KeyboardEvent, pane: TextPane): boolean {
  const found = report.trace.value;
  if (!found || e.ctrlKey || e.metaKey || e.altKey) return false;
  const target = e.target instanceof HTMLElement ? e.target : null;
  if (target?.closest(FIELDS)) return false;
  if (report.help.value || report.figure.value) return false;
  const radio = target?.closest("button, summary, a");
  if (radio && (e.key === "Enter" || e.key === " ")) return false;
  const at = report.shown.value;
  const word = (step: 1 | -1) => moveTo(report, e.shiftKey ? nextWord(found.pieces, at, step) : at + step);
  const actions: Record<string, () => void> = {
    ArrowLeft: () => word(-1),
    ArrowRight: () => word(1),
    ArrowUp: () => moveTo(report, pane.line(at, -1)),
    ArrowDown: () => moveTo(report, pane.line(at, 1)),
    Home: () => moveTo(report, -1),
    End: () => moveTo(report, found.n - 1),
    "[": () => onEvent(report, -1),
    "]": () => onEvent(report, 1),
    m: () => nextMetric(report),
    v: () => nextViolation(report, 1),
    V: () => nextViolation(report, -1),
    ",": () => moveToStep(report, report.step.value - 1),
    ".": () => moveToStep(report, report.step.value + 1),
    j: () => nextRow(report, 1),
    k: () => nextRow(report, -1),
    o: () => (report.screen.value = "tables"),
    p: () => pin(report, at),
    Enter: () => pin(report, at),
    Escape: () => {
      report.pinned.value = false;
      report.hover.value = null;
    },
    s: () => report.tabs.value.includes("samples") && openTab(report, report.tab.value === "samples" ? "token" : "samples"),
    f: () => (report.figure.value = true),
    t: () => cycleTheme(report.theme),
    "/": () => findField(report)?.focus(),
    g: () => goTo(report),
    "0": () => (report.range.value = null),
    "?": () => (report.help.value = true),
  };
  const action = actions[e.key];
  if (!action || ("vVjk,.".includes(e.key) && !report.header.formal) || (e.key === "o" && !report.hasTables)) return false;
  action();
  if (report.pinned.value && report.focus.value !== at && e.key.startsWith("Arrow")) report.hover.value = null;
  return true;
}
