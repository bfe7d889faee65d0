// The one state of the page. Panels subscribe; the text pane and the plots follow through effects.
import { batch, computed, effect, signal } from "@preact/signals";
import { METRICS, START, parseHash, printHash } from "./hash";
import type { MetricName, Place, TabName } from "./hash";
import { loadTrace } from "./model";
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
    tab: tab.value,
    range: range.value,
  };
}

export async function openTrace(index: number, at: Place): Promise<void> {
  const head = header.value!;
  const found = head.traces.length ? await loadTrace(head, Math.min(index, head.traces.length - 1)) : null;
  batch(() => {
    traceIndex.value = Math.min(index, Math.max(0, head.traces.length - 1));
    trace.value = found;
    hover.value = null;
    focus.value = clamp(at.unit);
    pinned.value = at.pinned;
    stackIndex.value = Math.min(at.stack, Math.max(0, (found?.stacks.length ?? 0) - 1));
    share.value = at.share;
    metricName.value = at.metric && offered.value.includes(at.metric) ? at.metric : (offered.value[0] ?? "value");
    tab.value = at.tab;
    range.value = at.range && found && at.range[1] <= found.n ? at.range : null;
  });
}

export function start(head: Header): Promise<void> {
  header.value = head;
  const at = parseHash(location.hash) ?? START;
  return openTrace(at.trace, at);
}

// Writes the place into the address, at most four times a second; some hosts forbid it.
export function keepAddress(): void {
  let timer = 0;
  let last = location.hash;
  effect(() => {
    const next = printHash(place());
    if (timer) clearTimeout(timer);
    timer = window.setTimeout(() => {
      if (next === last) return;
      last = next;
      try {
        history.replaceState(null, "", next);
      } catch {
        /* sandboxed frames may not */
      }
    }, 250);
  });
  window.addEventListener("hashchange", () => {
    const at = parseHash(location.hash);
    if (at && location.hash !== last) void openTrace(at.trace, at);
  });
}
