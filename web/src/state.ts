// The one state of the page. Panels subscribe; the text pane and the plots follow through effects.
import { batch, computed, effect, signal } from "@preact/signals";
import { EVERYTHING, matching } from "./formal/filter";
import type { Filter } from "./formal/filter";
import { unitOf } from "./formal/change";
import { stepAt } from "./formal/model";
import type { FormalIndex, Violation } from "./formal/model";
import { METRICS, START, TABS, parseHash, printHash } from "./hash";
import type { MetricName, Place, Screen, TabName } from "./hash";
import { indexOfRow, loadIndex, loadTrace } from "./model";
import type { Header, Metric, SampleSet, Stack, Trace } from "./model";

export const header = signal<Header | null>(null);
export const trace = signal<Trace | null>(null);
export const traceIndex = signal(0);

// Unit under the pointer (a preview), the unit the keys stand on, and whether it is held fast. -1 is the place before the first unit.
export const hover = signal<number | null>(null);
export const focus = signal(-1);
export const pinned = signal(false);
export const shown = computed(() => hover.value ?? focus.value);

export const metricName = signal<MetricName>("value");
export const stackIndex = signal(0);
export const share = signal(false);
export const tab = signal<TabName>("token");
export const range = signal<[number, number] | null>(null);
export const help = signal(false);
export const announce = signal("");
// Which panel a narrow page shows.
export const sheet = signal<"text" | TabName>("text");

// Verified traces: all of them in a row each, which are listed, and which of its violations the trace shows.
export const formalRows = signal<FormalIndex | null>(null);
export const screen = signal<Screen>("trace");
export const filter = signal<Filter>(EVERYTHING);
export const violation = signal(0);
export const listed = computed<readonly number[]>(() => (header.value?.formal && formalRows.value ? matching(header.value.formal, formalRows.value, filter.value) : []));
// The event that the cursor stands in or after; -1 before the first one.
export const step = computed(() => {
  const grid = trace.value?.formal?.grid;
  return grid ? stepAt(grid.steps, shown.value) : -1;
});
// Whether the page has a screen of tables beside its traces.
export const hasTables = computed(() => !!header.value && (header.value.sections.some((s) => s.kind !== "traces")));
export const tabs = computed<readonly TabName[]>(() => {
  const found = trace.value;
  const measured = !!found && (found.curve !== null || found.stacks.length > 0 || found.samples.n > 0);
  return TABS.filter((name) => (name === "grid" ? !!found?.formal : name === "samples" ? measured || !found?.formal : true));
});

export interface Facets { outcome: number; verdict: number; cut: "all" | "after" | "instead"; branch: number }
export const facets = signal<Facets>({ outcome: -1, verdict: -1, cut: "all", branch: -1 });

// The sample set that the trace belongs to, and those that no trace of the page belongs to.
export const sampleSet = computed<SampleSet | null>(() => header.value?.sets[trace.value?.head.sample_set ?? -1] ?? null);
export const looseSets = computed<readonly SampleSet[]>(() => {
  const head = header.value;
  const owned = new Set(head?.traces.map((t) => t.sample_set));
  return head ? head.sets.filter((_, i) => !owned.has(i)) : [];
});

export const stack = computed<Stack | null>(() => trace.value?.stacks[stackIndex.value] ?? null);

export function metricKey(name: MetricName, index: number, shares: boolean): string {
  return name === "forced" ? `forced/${index}/${shares ? "share" : "raw"}` : name;
}

export const offered = computed<MetricName[]>(() => {
  const all = trace.value?.metrics;
  return all ? METRICS.filter((m) => (m === "forced" ? [...all.keys()].some((k) => k.startsWith("forced/")) : all.has(m))) : [];
});

export const metric = computed<Metric | null>(() => {
  const found = trace.value;
  if (!found) return null;
  const all = found.metrics;
  const forced = found.stacks[stackIndex.value]?.kind === "forced" ? stackIndex.value : 0;
  return all.get(metricKey(metricName.value, forced, share.value)) ?? null;
});

export function clamp(unit: number): number {
  return Math.max(-1, Math.min((trace.value?.n ?? 0) - 1, unit));
}

export function moveTo(unit: number): void {
  batch(() => {
    hover.value = null;
    focus.value = clamp(unit);
  });
}

export function preview(unit: number | null): void {
  batch(() => {
    hover.value = unit;
    if (unit !== null && !pinned.value) focus.value = unit;
  });
}

export function pin(unit: number): void {
  batch(() => {
    const again = pinned.value && focus.value === unit;
    hover.value = null;
    focus.value = clamp(unit);
    pinned.value = !again;
  });
}

// A narrow page shows one panel at a time.
export function openTab(name: TabName): void {
  batch(() => {
    tab.value = name;
    sheet.value = name;
  });
}

export function showSamples(branch: number): void {
  batch(() => {
    facets.value = { outcome: -1, verdict: -1, cut: branch < 0 ? "after" : "all", branch };
    openTab("samples");
  });
}

function place(): Place {
  return {
    trace: traceIndex.value,
    unit: focus.value,
    pinned: pinned.value,
    metric: metricName.value,
    stack: stackIndex.value,
    share: share.value,
    tab: tab.value === tabs.value[0] ? null : tab.value,
    range: range.value,
    screen: hasTables.value ? screen.value : null,
    filter: filter.value,
  };
}

let wanted = 0;

export async function openTrace(index: number, at: Place): Promise<void> {
  const head = header.value!;
  const last = head.traces.length + (formalRows.value?.n ?? 0) - 1;
  const rows = formalRows.value;
  const chosen = Math.max(0, Math.min(index, last));
  // A measured trace has one index, whichever list it was chosen from.
  const only = rows && chosen >= head.traces.length ? indexOfRow(head, rows, chosen - head.traces.length) : chosen;
  const mine = ++wanted;
  const found = last >= 0 ? await loadTrace(head, only, rows) : null;
  // Another one was asked for in the meantime.
  if (mine !== wanted) return;
  batch(() => {
    traceIndex.value = only;
    trace.value = found;
    violation.value = 0;
    hover.value = null;
    focus.value = clamp(at.unit);
    pinned.value = at.pinned;
    stackIndex.value = Math.min(at.stack, Math.max(0, (found?.stacks.length ?? 0) - 1));
    share.value = at.share;
    metricName.value = at.metric && offered.value.includes(at.metric) ? at.metric : (offered.value[0] ?? "value");
    tab.value = at.tab && tabs.value.includes(at.tab) ? at.tab : tabs.value[0]!;
    range.value = at.range && found && at.range[1] <= found.n ? at.range : null;
    // A verified trace opens at its first error, held fast.
    if (at.unit < 0 && !at.pinned && found?.formal) showViolation(0);
  });
}

export async function openRow(row: number): Promise<void> {
  await openTrace(indexOfRow(header.value!, formalRows.value!, row), START);
  screen.value = "trace";
}

// The next or the previous of the listed traces; from a trace that is not listed, the first one.
export function nextRow(by: 1 | -1): void {
  const at = listed.value.indexOf(trace.value?.formal?.row ?? -1);
  const row = listed.value[at < 0 ? 0 : at + by];
  if (row !== undefined) void openRow(row);
}

export function currentViolation(): Violation | null {
  return trace.value?.formal?.violations[violation.value] ?? null;
}

export function showViolation(k: number): void {
  const found = trace.value;
  const at = found?.formal?.violations[k];
  if (!found || !at) return;
  batch(() => {
    violation.value = k;
    hover.value = null;
    focus.value = clamp(unitOf(found.formal!, at, found.n, found.curve));
    pinned.value = true;
  });
}

export function nextViolation(by: 1 | -1): void {
  const all = trace.value?.formal?.violations ?? [];
  if (all.length) showViolation(Math.max(0, Math.min(all.length - 1, violation.value + by)));
}

// Moves to the first unit of an event; -1 is the place before the first event.
export function moveToStep(k: number): void {
  const grid = trace.value?.formal?.grid;
  if (!grid) return;
  const to = Math.max(-1, Math.min(grid.steps.n - 1, k));
  moveTo(to < 0 ? (grid.steps.from[0] ?? 0) - 1 : grid.steps.from[to]!);
}

export function setFilter(part: Partial<Filter>): void {
  filter.value = { ...filter.value, ...part };
}

export async function start(head: Header): Promise<void> {
  header.value = head;
  const at = parseHash(location.hash) ?? START;
  formalRows.value = await loadIndex(head);
  return goTo(at);
}

function goTo(at: Place): Promise<void> {
  const head = header.value!;
  const rows = formalRows.value;
  filter.value = rows && at.filter.table < head.formal!.tables.length ? at.filter : EVERYTHING;
  screen.value = hasTables.value ? (at.screen ?? (at.trace || (head.traces.length && !head.sheets.length) ? "trace" : "tables")) : "trace";
  return openTrace(at.trace, at);
}

// Writes the place into the address, at most four times a second; some hosts forbid it.
export function keepAddress(): void {
  let timer = 0;
  let seen = location.hash;
  let written = seen;
  effect(() => {
    const next = printHash(place());
    if (timer) clearTimeout(timer);
    timer = window.setTimeout(() => {
      // An address that somebody has just changed is followed, not written over; its event is on the way.
      if (next === written || location.hash !== seen) return;
      written = next;
      try {
        history.replaceState(null, "", next);
      } catch {
        /* sandboxed frames may not */
      }
      seen = location.hash;
    }, 250);
  });
  window.addEventListener("hashchange", () => {
    if (location.hash === seen) return;
    seen = written = location.hash;
    const at = parseHash(seen);
    if (at) void goTo(at);
  });
}
