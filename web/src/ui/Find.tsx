import { findText } from "../pane/find";
import { moveTo } from "../state";
import type { State } from "../state";
import { useReport } from "./context";

function search(report: State, text: string): void {
  report.query.value = text;
  const found = report.trace.value;
  const number = /^#(\d{1,9})$/.exec(text);
  const hits = found && !number ? findText(found.pieces, text) : [];
  report.hits.value = hits;
  report.hit.value = 0;
  if (number) moveTo(report, Number(number[1]));
  else if (hits[0]) moveTo(report, hits[0].from);
}

function step(report: State, by: 1 | -1): void {
  const hits = report.hits.value;
  if (!hits.length) return;
  const next = (report.hit.value + by + hits.length) % hits.length;
  report.hit.value = next;
  moveTo(report, hits[next]!.from);
}

export function Find() {
  const report = useReport();
  return (
    <form
      class="find"
      role="search"
      onSubmit={(e) => {
        e.preventDefault();
        step(report, 1);
      }}
    >
      <input
        id={`${report.ids}tw-find`}
        type="search"
        placeholder="find text or #number"
        aria-label="find text, or # and a number"
        autocomplete="off"
        spellcheck={false}
        onInput={(e) => search(report, e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key === "Enter" && e.shiftKey) {
            e.preventDefault();
            step(report, -1);
          }
          if (e.key === "Escape") {
            e.currentTarget.value = "";
            search(report, "");
            report.root.querySelector<HTMLElement>(".pane")?.focus();
          }
        }}
      />
      {report.query.value && !report.query.value.startsWith("#") && (
        <output class="found">
          {report.hits.value.length ? `${report.hit.value + 1} of ${report.hits.value.length}` : "none"}
        </output>
      )}
    </form>
  );
}
