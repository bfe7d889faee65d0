// The sections of a page that are no traces, one below another, and the list of verified traces beside them.
import { useEffect } from "preact/hooks";
import { EVERYTHING } from "../formal/filter";
import { SECTIONS } from "../sections/index";
import { filter, header, help, screen, trace } from "../state";
import { cycleTheme } from "../theme";
import { TraceList } from "./TraceList";

// Keys of the tables; the trace has its own.
function onKey(e: KeyboardEvent): void {
  if (e.ctrlKey || e.metaKey || e.altKey || help.value || (e.target instanceof Element && e.target.closest("input, select"))) return;
  if (e.key === "o" && trace.value) screen.value = "trace";
  else if (e.key === "t") cycleTheme();
  else if (e.key === "?") help.value = true;
  else if (e.key === "Escape") filter.value = EVERYTHING;
}

export function Tables() {
  useEffect(() => {
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
  const { formal, sections } = header.value!;
  const kinds = Object.keys(SECTIONS);
  const shown = sections.filter((s) => s.kind !== "traces").sort((a, b) => kinds.indexOf(a.kind) - kinds.indexOf(b.kind));
  return (
    <div class={formal ? "tables" : "tables alone"}>
      <section class="cards" aria-label="tables">
        {shown.map((section, k) => {
          const Card = SECTIONS[section.kind];
          return Card ? <Card section={section} key={k} /> : <p key={k}>This viewer cannot draw a section of the kind {section.kind}.</p>;
        })}
      </section>
      {formal && <TraceList />}
    </div>
  );
}
