// The sections of a page that are no traces, one below another, and the list of verified traces beside them.
import { useEffect } from "preact/hooks";
import { EVERYTHING } from "../formal/filter";
import { hears } from "../keys";
import { ORDER } from "../sections/index";
import type { State } from "../state";
import { cycleTheme } from "../theme";
import { TraceList } from "./TraceList";
import { useReport } from "./context";

// Keys of the tables; the trace has its own.
function onKey(report: State, e: KeyboardEvent): void {
  if (!hears(report, e) || e.ctrlKey || e.metaKey || e.altKey || report.help.value || (e.target instanceof Element && e.target.closest("input, select"))) return;
  if (e.key === "o" && report.trace.value) report.screen.value = "trace";
  else if (e.key === "t") cycleTheme(report.theme);
  else if (e.key === "?") report.help.value = true;
  else if (e.key === "Escape") report.filter.value = EVERYTHING;
}

export function Tables() {
  const report = useReport();
  useEffect(() => {
    const heard = (e: KeyboardEvent) => onKey(report, e);
    document.addEventListener("keydown", heard);
    return () => document.removeEventListener("keydown", heard);
  }, []);
  const { formal, sections } = report.header;
  const shown = sections.filter((s) => s.kind !== "traces").sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
  return (
    <div class={formal ? "tables" : "tables alone"}>
      <section class="cards" aria-label="tables">
        {shown.map((section, k) => {
          const Card = report.drawings.sections[section.kind];
          return Card ? <Card section={section} key={k} /> : <p key={k}>This viewer cannot draw a section of the kind {section.kind}.</p>;
        })}
      </section>
      {formal && <TraceList />}
    </div>
  );
}
