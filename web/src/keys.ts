// Keys of the whole page. Text fields keep theirs.
import { nextWord } from "./pane/chunks";
import type { TextPane } from "./pane/textpane";
import { nextEvent } from "./plots/plots";
import { cycleTheme } from "./theme";
import {
  focus, hasTables, header, help, hover, metricName, moveTo, moveToStep, nextRow, nextViolation, offered, openTab, pin, pinned, range, screen,
  shown, step, tab, tabs, trace,
} from "./state";

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
  ["t", "light, dark, as the system"],
  ["/", "find text, or # and a number"],
  ["g", "go to a number"],
  ["0", "whole trace after zooming (drag on a plot zooms)"],
  ["?", "this list"],
];

const FIELDS = "input, select, textarea, [contenteditable]";

function onEvent(step: 1 | -1): void {
  const found = trace.value;
  const event = found && nextEvent(found.events, shown.value + 1, step);
  if (event) moveTo(event.cut - 1);
}

function nextMetric(): void {
  const all = offered.value;
  if (all.length) metricName.value = all[(all.indexOf(metricName.value) + 1) % all.length]!;
}

function goTo(): void {
  const field = document.getElementById("tw-find");
  if (!(field instanceof HTMLInputElement)) return;
  field.focus();
  field.value = "#";
}

export function onKey(e: KeyboardEvent, pane: TextPane | null): boolean {
  const found = trace.value;
  if (!found || e.ctrlKey || e.metaKey || e.altKey) return false;
  const target = e.target instanceof HTMLElement ? e.target : null;
  if (target?.closest(FIELDS)) return false;
  if (help.value) return false;
  const radio = target?.closest("button, summary, a");
  if (radio && (e.key === "Enter" || e.key === " ")) return false;
  const at = shown.value;
  const word = (step: 1 | -1) => moveTo(e.shiftKey ? nextWord(found.pieces, at, step) : at + step);
  const actions: Record<string, () => void> = {
    ArrowLeft: () => word(-1),
    ArrowRight: () => word(1),
    ArrowUp: () => moveTo(pane?.line(at, -1) ?? at),
    ArrowDown: () => moveTo(pane?.line(at, 1) ?? at),
    Home: () => moveTo(-1),
    End: () => moveTo(found.n - 1),
    "[": () => onEvent(-1),
    "]": () => onEvent(1),
    m: nextMetric,
    v: () => nextViolation(1),
    V: () => nextViolation(-1),
    ",": () => moveToStep(step.value - 1),
    ".": () => moveToStep(step.value + 1),
    j: () => nextRow(1),
    k: () => nextRow(-1),
    o: () => (screen.value = "tables"),
    p: () => pin(at),
    Enter: () => pin(at),
    Escape: () => {
      pinned.value = false;
      hover.value = null;
    },
    s: () => tabs.value.includes("samples") && openTab(tab.value === "samples" ? "token" : "samples"),
    t: cycleTheme,
    "/": () => document.getElementById("tw-find")?.focus(),
    g: goTo,
    "0": () => (range.value = null),
    "?": () => (help.value = true),
  };
  const action = actions[e.key];
  if (!action || ("vVjk,.".includes(e.key) && !header.value?.formal) || (e.key === "o" && !hasTables.value)) return false;
  action();
  if (pinned.value && focus.value !== at && e.key.startsWith("Arrow")) hover.value = null;
  return true;
}
