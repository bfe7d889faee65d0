import { findText } from "../pane/find";
import { moveTo } from "../state";
import type { State } from "../state";
import { useReport } from "./context";

function search(report: State, text: string): void {
  report.query.value = text;
  const found = report.trace.value;
  const number = /^#(\d{1,9})$/.exec(text);
  report.hits.value = found && !number ? findText(found.pieces, text) : [];
  report.hit.value = 0;
  if (number) moveTo(report, Number(number[1]));
  else if (report.hits.value.length) moveTo(report, report.hits.value[0]!.from);
}

function step(report: State, by: 1 | -1): void {
  const n = report.hits.value.length;
  if (!n) return;
  report.hit.value = (report.hit.value + by + n) % n;
  moveTo(report, report.hits.value[report.hit.value]!.from);
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
