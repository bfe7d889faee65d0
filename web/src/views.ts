// Connects the text pane and the plots to the state.
import { effect } from "@preact/signals";
import { figure, percent, visible } from "./format";
import { hears, onKey } from "./keys";
import { lineOf, missing, openShare, rowOf } from "./model";
import type { Trace } from "./model";
import { TextPane } from "./pane/textpane";
import { Plots } from "./plots/plots";
import { pin, preview } from "./state";
import type { State } from "./state";
import { spokenEvent } from "./ui/GridPicture";

function marksOf(trace: Trace, stack: number, formal: ReadonlyMap<number, string>): Map<number, string> {
  const marks = new Map(formal);
  for (const e of trace.events) {
    if ((e.kind !== "change" && e.kind !== "flip") || (e.stack >= 0 && e.stack !== stack)) continue;
    marks.set(e.cut - 1, `${marks.get(e.cut - 1) ?? ""} ${e.kind}`.trim());
  }
  return marks;
}

// Classes of the units of a verified trace: where events begin, and what violations are about. Found once.
function formalMarks(trace: Trace): Map<number, string> {
  const marks = new Map<number, string>();
  const add = (unit: number, name: string) => marks.set(unit, `${marks.get(unit) ?? ""} ${name}`.trim());
  const steps = trace.formal?.grid?.steps;
  // An event stays on one line: only its first unit may begin another.
  for (let k = 0; steps && k < steps.n; k++) {
    for (let i = Math.max(0, steps.from[k]! + 1); i < Math.min(steps.to[k]!, trace.n); i++) add(i, i + 1 === steps.to[k] ? "in ev-end" : "in");
  }
  const wrong = new Set<number>();
  const starts = new Set<number>();
  trace.formal?.violations.forEach((v, k) => {
    for (let i = Math.max(0, v.from); i < Math.min(v.to, trace.n); i++) {
      if (!wrong.has(i)) add(i, k === 0 ? "viol vfirst" : "viol");
      wrong.add(i);
    }
    if (v.from >= 0 && v.from < trace.n && !starts.has(v.from)) add(v.from, "vstart");
    starts.add(v.from);
  });
  return marks;
}

function hitUnits(report: State): Set<number> {
  const units = new Set<number>();
  for (const hit of report.hits.value) for (let i = hit.from; i <= hit.to; i++) units.add(i);
  return units;
}

function spoken(report: State, trace: Trace, unit: number): string {
  const word = trace.head.unit;
  const grid = trace.formal?.grid;
  const about = trace.formal?.violations.filter((v) => v.from <= unit && unit < v.to).map((v) => v.code.name) ?? [];
  const rule = about.length ? `, breaks a rule: ${about.join(", ")}` : "";
  return spokenUnit(trace, unit, word, report.given.value) + (grid ? `, ${spokenEvent(grid, report.step.value)}` : "") + rule;
}

function spokenUnit(trace: Trace, unit: number, word: string, given: boolean): string {
  const name = unit < 0 ? `before the first ${word}` : `${word} ${unit}, “${visible(trace.pieces.at(unit), 40)}”`;
  const curve = trace.curve;
  const row = curve ? rowOf(curve.cuts, unit + 1) : -1;
  if (!curve) return name;
  if (row < 0 || Number.isNaN(curve.low[row]!)) return `${name}, ${curve.label} not measured`;
  const { label, value, low, high } = lineOf(curve, given);
  const open = openShare(curve, row);
  const said = Number.isNaN(value[row]!) ? missing(curve, row) : figure(value[row], 2);
  return `${name}, ${label} ${said}, interval ${figure(low[row], 2)} to ${figure(high[row], 2)}${open ? `, ${percent(open)} without a verdict` : ""}`;
}

export function mountViews(report: State, root: HTMLElement, trace: Trace): () => void {
  const find = <T extends Element>(selector: string) => root.querySelector<T>(selector);
  const paneRoot = find<HTMLElement>(".pane")!;
  // A narrow page scrolls as a whole.
  const scroller = find<HTMLElement>(".scroller")!;
  const whole = getComputedStyle(scroller).overflowY === "visible";
  const pane = new TextPane(paneRoot, whole ? root.closest<HTMLElement>(".app")! : scroller, trace, whole ? 80 : 24);
  const plots = new Plots(
    find<HTMLElement>(".plotbox")!,
    { curve: find("canvas.c-curve"), stack: find("canvas.c-stack"), lane: find("canvas.c-lane")! },
    trace,
    { preview: (cut) => preview(report, cut === null ? null : cut - 1), pick: (cut) => pin(report, cut - 1), zoom: (r) => (report.range.value = r) },
  );
  const formal = formalMarks(trace);
  const first = paintOf(report, trace, formal);
  pane.repaint(first);
  pane.hydrateFirst();
  const stops = follow(report, trace, pane, plots, formal, whole);
  const stop = new AbortController();
  listen(report, paneRoot, pane, plots, stop.signal);
  if (report.own) Object.assign(window, { __tw: { ready: performance.now(), pane, trace } });
  return () => {
    for (const end of stops) end();
    stop.abort();
    pane.destroy();
    plots.destroy();
  };
}

function paintOf(report: State, trace: Trace, formal: ReadonlyMap<number, string>) {
  const m = report.metric.value;
  return { bins: m ? m.bins : null, hatched: m?.hatched ?? null, palette: m?.palette ?? "", marks: marksOf(trace, report.stackIndex.value, formal), hits: hitUnits(report) };
}

function follow(report: State, trace: Trace, pane: TextPane, plots: Plots, formal: ReadonlyMap<number, string>, whole: boolean): (() => void)[] {
  let said = 0;
  // A page that scrolls as a whole opens at its top, where the sentence about its place is.
  let opening = whole && report.focus.peek() === trace.head.lead?.unit;
  return [
    effect(() => pane.repaint(paintOf(report, trace, formal))),
    effect(() => {
      const steps = trace.formal?.grid?.steps;
      const k = report.step.value;
      if (steps) pane.setEvent(k < 0 ? 0 : steps.from[k]!, k < 0 ? 0 : steps.to[k]!);
    }),
    effect(() => {
      void report.theme.tick.value;
      plots.set(trace.stacks[report.stackIndex.value] ?? null, report.share.value, report.given.value, report.band.value, report.range.value);
    }),
    effect(() => {
      pane.setCurrent(report.shown.value);
      pane.setPinned(report.pinned.value ? report.focus.value : null);
      plots.setCursor(report.shown.value + 1, report.pinned.value ? report.focus.value + 1 : null);
    }),
    effect(() => {
      // Only moves by key, click or link scroll the text; a preview never does.
      const unit = report.focus.value;
      if (report.hover.peek() === null && report.sheet.value === "text" && !opening) pane.reveal(unit);
      opening = false;
      clearTimeout(said);
      if (report.hover.peek() === null) said = window.setTimeout(() => (report.announce.value = spoken(report, trace, unit)), 150);
    }),
  ];
}

function listen(report: State, root: HTMLElement, pane: TextPane, plots: Plots, stop: AbortSignal): void {
  const on = <E extends Event>(target: EventTarget, name: string, handler: (e: E) => void): void => {
    target.addEventListener(name, handler as EventListener, { signal: stop });
  };
  let wanted: number | null = null;
  let frame = 0;
  const soon = (unit: number | null) => {
    wanted = unit;
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      preview(report, wanted);
    });
  };
  on<PointerEvent>(root, "pointerover", (e) => {
    const unit = pane.unitAt(e.target);
    if (unit !== null && e.pointerType !== "touch") soon(unit);
  });
  on<PointerEvent>(root, "pointerleave", () => soon(null));
  on<MouseEvent>(root, "click", (e) => {
    const unit = pane.unitAt(e.target);
    if (unit !== null && document.getSelection()?.isCollapsed !== false) pin(report, unit);
  });
  on<ClipboardEvent>(document, "copy", (e) => {
    const text = pane.selectedText();
    if (text === null || !e.clipboardData) return;
    e.clipboardData.setData("text/plain", text);
    e.preventDefault();
  });
  on<KeyboardEvent>(document, "keydown", (e) => {
    if (!hears(report, e)) return;
    if ((e.ctrlKey || e.metaKey) && e.key === "a" && document.activeElement === root) {
      document.getSelection()?.selectAllChildren(root);
      e.preventDefault();
    } else if (onKey(report, e, pane)) e.preventDefault();
  });
  on(window, "beforeprint", () => {
    pane.hydrateAll();
    plots.drawNow();
  });
}
