import { useSignal } from "@preact/signals";
import { count } from "../format";
import { GLYPHS } from "./parts";
import { pin } from "../state";
import { useReport } from "./context";

const MOST = 400;

export function Events() {
  const report = useReport();
  const found = report.trace.value;
  const all = useSignal(false);
  if (!found) return null;
  const list = found.events.filter((e) => all.value || (e.kind !== "sentence" && e.kind !== "paragraph"));
  return (
    <div class="events">
      <label class="check">
        <input type="checkbox" checked={all.value} onChange={(e) => (all.value = e.currentTarget.checked)} /> with ends of sentences and paragraphs
      </label>
      {!list.length && <p class="empty">No marks: no value changed by more than its intervals allow, and no forced answer turned.</p>}
      <ul>
        {list.slice(0, MOST).map((e) => (
          <li>
            <button type="button" class={report.shown.value === e.cut - 1 ? "event on" : "event"} onClick={() => pin(report, e.cut - 1)}>
              <span class="cut">{count(e.cut)}</span>
              <span class="glyph" aria-hidden="true">
                {GLYPHS[e.kind]}
              </span>
              <b>{e.kind}</b>
              <span>{e.label}</span>
            </button>
          </li>
        ))}
      </ul>
      {list.length > MOST && <p class="dim">and {count(list.length - MOST)} more</p>}
    </div>
  );
}
