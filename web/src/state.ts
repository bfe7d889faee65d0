// The state of one report. Panels subscribe; the text pane and the plots follow through effects. A page may hold several reports, so
// nothing here is the module's own: what acts on a report is given it.
import { batch, computed, signal } from "@preact/signals";
import { EVERYTHING, matching } from "./formal/filter";
import type { Filter } from "./formal/filter";
import { unitOf } from "./formal/change";
import { stepAt } from "./formal/model";
import type { Violation } from "./formal/model";
import { makeGallery, startOf } from "./gallery/state";
import { METRICS, START, TABS } from "./hash";
import type { MetricName, Place, Screen, TabName } from "./hash";
import type { Data } from "./load";
import { stretched } from "./model";
import type { Metric, SampleSet, Trace } from "./model";
import type { Hit } from "./pane/find";
import type { Drawings } from "./sections/index";
import type { Theme } from "./theme";

export interface Facets { readonly outcome: number; readonly verdict: number; readonly cut: "all" | "after" | "instead"; readonly branch: number }

export type State = ReturnType<typeof makeState>;

// `own`: the page is this report's, so that the address and the keys that no element has are, too.
export function makeState(data: Data, drawings: Drawings, theme: Theme, root: HTMLElement, own: boolean) {
  const seen = makeSignals();
  // What ids within begin with, so that no other report of the page has them.
  const ids = own ? "" : `r${Math.random()}-`;
  return { ...seen, ...derived(data, seen), data, drawings, header: data.header, rows: data.rows, gallery: data.gallery && makeGallery(data.gallery, startOf(data.gallery)), theme, root, own, ids, asked: 0 };
}

function makeSignals() {
  return {
    trace: signal<Trace | null>(null),
    traceIndex: signal(0),
    // Unit under the pointer (a preview), the unit the keys stand on, and whether it is held fast. -1 is the place before the first unit.
    hover: signal<number | null>(null),
    focus: signal(-1),
    pinned: signal(false),
    metricName: signal<MetricName>("value"),
    stackIndex: signal(0),
    share: signal(false),
    // Whether the value is that among rollouts with a verdict.
    given: signal(false),
    // Whether the limits of the whole curve are drawn.
    band: signal(true),
    // Whether colours spread over the numbers that there are, not over all that there could be.
    stretch: signal(false),
    tab: signal<TabName>("token"),
    range: signal<[number, number] | null>(null),
    help: signal(false),
    figure: signal(false),
    announce: signal(""),
    // Which panel a narrow page shows.
    sheet: signal<"text" | TabName>("text"),
    facets: signal<Facets>({ outcome: -1, verdict: -1, cut: "all", branch: -1 }),
    // What was searched for, where it is, and which of these places was gone to.
    query: signal(""),
    hits: signal<readonly Hit[]>([]),
    hit: signal(0),
    // Verified traces: which are listed, and which of its violations the trace shows.
    screen: signal<Screen>("trace"),
    filter: signal<Filter>(EVERYTHING),
    violation: signal(0),
    // The row of a table that is marked, by its address; empty: none.
    row: signal(""),
  };
}

function derived({ header, rows }: Data, { trace, hover, focus, metricName, stackIndex, share, given, stretch, filter }: ReturnType<typeof makeSignals>) {
  const shown = computed(() => hover.value ?? focus.value);
  return {
    shown,
    listed: computed<readonly number[]>(() => (header.formal && rows ? matching(header.formal, rows, filter.value) : [])),
    // The event that the cursor stands in or after; -1 before the first one.
    step: computed(() => {
      const grid = trace.value?.formal?.grid;
      return grid ? stepAt(grid.steps, shown.value) : -1;
    }),
    // Whether there is a screen of tables beside the traces.
    hasTables: header.sections.some((s) => s.kind !== "traces"),
    tabs: computed<readonly TabName[]>(() => {
      const found = trace.value;
      const measured = !!found && (found.curve !== null || found.stacks.length > 0 || found.samples.n > 0);
      return TABS.filter((name) => (name === "grid" ? !!found?.formal : name === "samples" ? measured || !found?.formal : true));
    }),
    // The sample set that the trace belongs to, and those that no trace of the report belongs to.
    sampleSet: computed<SampleSet | null>(() => header.sets[trace.value?.head.sample_set ?? -1] ?? null),
    looseSets: header.sets.filter((_, i) => !header.traces.some((t) => t.sample_set === i)),
    offered: computed<MetricName[]>(() => {
      const all = trace.value?.metrics;
      return all ? METRICS.filter((m) => (m === "forced" ? [...all.keys()].some((k) => k.startsWith("forced/")) : all.has(m))) : [];
    }),
    metric: computed<Metric | null>(() => {
      const found = trace.value;
      const forced = found?.stacks[stackIndex.value]?.kind === "forced" ? stackIndex.value : 0;
      const chosen = found?.metrics.get(metricName.value === "forced" ? `forced/${forced}/${share.value ? "share" : "raw"}` : metricName.value === "value" && given.value && found.metrics.has("given") ? "given" : metricName.value);
      return chosen ? (stretch.value ? stretched(chosen) : chosen) : null;
    }),
  };
}

export function clamp(report: State, unit: number): number {
  return Math.max(-1, Math.min((report.trace.value?.n ?? 0) - 1, unit));
}

export function moveTo(report: State, unit: number): void {
  batch(() => {
    report.hover.value = null;
    report.focus.value = clamp(report, unit);
  });
}

export function preview(report: State, unit: number | null): void {
  batch(() => {
    report.hover.value = unit;
    if (unit !== null && !report.pinned.value) report.focus.value = unit;
  });
}

export function pin(report: State, unit: number): void {
  batch(() => {
    const again = report.pinned.value && report.focus.value === unit;
    report.hover.value = null;
    report.focus.value = clamp(report, unit);
    report.pinned.value = !again;
  });
}

// A narrow page shows one panel at a time.
export function openTab(report: State, name: TabName): void {
  batch(() => {
    report.tab.value = name;
    report.sheet.value = name;
  });
}

export function showSamples(report: State, branch: number): void {
  batch(() => {
    report.facets.value = { outcome: -1, verdict: -1, cut: branch < 0 ? "after" : "all", branch };
    openTab(report, "samples");
  });
}

export async function openTrace(report: State, index: number, at: Place): Promise<void> {
  const { data } = report;
  const { length } = data.header.traces;
  const last = length + (data.rows?.n ?? 0) - 1;
  const chosen = Math.max(0, Math.min(index, last));
  // A measured trace has one index, whichever list it was chosen from.
  const only = data.rows && chosen >= length ? data.indexOf(chosen - length) : chosen;
  const mine = ++report.asked;
  const found = last >= 0 ? await data.load(only) : null;
  // Another one was asked for in the meantime.
  if (mine !== report.asked) return;
  batch(() => {
    report.traceIndex.value = only;
    report.trace.value = found;
    report.violation.value = 0;
    report.hover.value = null;
    report.focus.value = clamp(report, at.unit ?? found?.head.lead?.unit ?? -1);
    report.pinned.value = at.unit === null ? report.focus.value >= 0 : at.pinned;
    report.stackIndex.value = Math.min(at.stack, Math.max(0, (found?.stacks.length ?? 0) - 1));
    report.share.value = at.share;
    report.given.value = at.given && !!found?.curve?.verdicts;
    report.stretch.value = at.stretch;
    report.metricName.value = at.metric && report.offered.value.includes(at.metric) ? at.metric : (report.offered.value[0] ?? "value");
    report.tab.value = at.tab && report.tabs.value.includes(at.tab) ? at.tab : report.tabs.value[0]!;
    report.range.value = at.range && found && at.range[1] <= found.n ? at.range : null;
    // A verified trace opens at its first error, held fast.
    if ((at.unit ?? -1) < 0 && !at.pinned && found?.formal) showViolation(report, 0);
  });
}

export async function openRow(report: State, row: number): Promise<void> {
  await openTrace(report, report.data.indexOf(row), START);
  report.screen.value = "trace";
}

// The next or the previous of the listed traces; from a trace that is not listed, the first one.
export function nextRow(report: State, by: 1 | -1): void {
  const at = report.listed.value.indexOf(report.trace.value?.formal?.row ?? -1);
  const row = report.listed.value[at < 0 ? 0 : at + by];
  if (row !== undefined) void openRow(report, row);
}

export function currentViolation(report: State): Violation | null {
  return report.trace.value?.formal?.violations[report.violation.value] ?? null;
}

export function showViolation(report: State, k: number): void {
  const found = report.trace.value;
  const at = found?.formal?.violations[k];
  if (!found || !at) return;
  batch(() => {
    report.violation.value = k;
    report.hover.value = null;
    report.focus.value = clamp(report, unitOf(found.formal!, at, found.n, found.curve));
    report.pinned.value = true;
  });
}

export function nextViolation(report: State, by: 1 | -1): void {
  const all = report.trace.value?.formal?.violations ?? [];
  if (all.length) showViolation(report, Math.max(0, Math.min(all.length - 1, report.violation.value + by)));
}

// Moves to the first unit of an event; -1 is the place before the first event.
export function moveToStep(report: State, k: number): void {
  const grid = report.trace.value?.formal?.grid;
  if (!grid) return;
  const to = Math.max(-1, Math.min(grid.steps.n - 1, k));
  moveTo(report, to < 0 ? (grid.steps.from[0] ?? 0) - 1 : grid.steps.from[to]!);
}

export function setFilter(report: State, part: Partial<Filter>): void {
  report.filter.value = { ...report.filter.value, ...part };
}
