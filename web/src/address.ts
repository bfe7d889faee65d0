// The place that a report shows, and the address of the page that keeps it. An address has room for one: that of the page's own report.
import { effect } from "@preact/signals";
import { EVERYTHING } from "./formal/filter";
import { fitting } from "./gallery/state";
import { parseView, printView } from "./gallery/view";
import { parseHash, printHash } from "./hash";
import type { Place } from "./hash";
import { openTrace } from "./state";
import type { State } from "./state";

function placeOf(report: State): Place {
  return {
    trace: report.traceIndex.value,
    unit: report.focus.value,
    pinned: report.pinned.value,
    metric: report.metricName.value,
    stack: report.stackIndex.value,
    share: report.share.value,
    given: report.given.value,
    stretch: report.stretch.value,
    tab: report.tab.value === report.tabs.value[0] ? null : report.tab.value,
    range: report.range.value,
    screen: report.hasTables ? report.screen.value : null,
    filter: report.filter.value,
    gallery: report.gallery ? printView(report.gallery.view.value, report.gallery.start) : "",
    row: report.row.value,
  };
}

export function goTo(report: State, at: Place): Promise<void> {
  const head = report.header;
  report.filter.value = report.rows && at.filter.table < head.formal!.tables.length ? at.filter : EVERYTHING;
  if (report.gallery) {
    const { gallery, start } = report.gallery;
    report.gallery.view.value = fitting(gallery, parseView(at.gallery, start), start);
  }
  report.row.value = at.row;
  report.screen.value = report.hasTables ? (at.screen ?? (!at.row && (at.trace || (head.traces.length && !head.hasSheets && !report.gallery)) ? "trace" : "tables")) : "trace";
  return openTrace(report, at.trace, at);
}

// Writes the place into the address, at most four times a second; some hosts forbid it.
export function keepAddress(report: State, stop: AbortSignal): void {
  let timer = 0;
  let seen = location.hash;
  let written = seen;
  const end = effect(() => {
    const next = printHash(placeOf(report));
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
    if (at) void goTo(report, at);
  }, { signal: stop });
  stop.addEventListener("abort", () => {
    end();
    clearTimeout(timer);
  });
}
