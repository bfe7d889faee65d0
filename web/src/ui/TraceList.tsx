// The verified traces that the filter leaves, as a list that draws only what is seen.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { count, visible } from "../format";
import { EVERYTHING } from "../formal/filter";
import type { Filter } from "../formal/filter";
import { ANSWERS, LINKS, STATES } from "../formal/model";
import type { FormalIndex } from "../formal/model";
import { openRow, setFilter } from "../state";
import { Verdict } from "./parts";
import { useReport } from "./context";

const ROW = 46;

// What the filter asks for, each part removable.
export function Chips() {
  const report = useReport();
  const f = report.filter.value;
  const formal = report.header.formal!;
  const one = (on: boolean, text: string, off: Partial<Filter>) => (on ? [{ text, off }] : []);
  const chips = [
    ...one(f.table >= 0, formal.tables[f.table]?.group || "all traces", { table: -1 }),
    ...one(f.state >= 0, `trace ${STATES[f.state]}`, { state: -1 }),
    ...one(f.answer >= 0, `answer ${ANSWERS[f.answer]}`, { answer: -1 }),
    ...one(f.link >= 0, `plan ${LINKS[f.link]}`, { link: -1 }),
    ...one(f.code !== "", `first error ${f.code}`, { code: "" }),
  ];
  return (
    <div class="chips filterchips" role="group" aria-label="filter">
      {chips.map(({ text, off }) => (
        <button type="button" class="chip" aria-label={`remove the filter: ${text}`} onClick={() => setFilter(report, off)}>
          {text} <span aria-hidden="true">✕</span>
        </button>
      ))}
      {chips.length > 1 && (
        <button type="button" class="plain" onClick={() => (report.filter.value = EVERYTHING)}>
          clear
        </button>
      )}
    </div>
  );
}

export function TraceList() {
  const report = useReport();
  const rows = report.rows!;
  const shown = report.listed.value;
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  useEffect(() => {
    const fit = () => (height.value = box.current?.clientHeight || 600);
    fit();
    window.addEventListener("resize", fit);
    return () => window.removeEventListener("resize", fit);
  }, []);
  useEffect(() => {
    top.value = 0;
    if (box.current) box.current.scrollTop = 0;
  }, [shown]);
  const from = Math.max(0, Math.floor(top.value / ROW) - 5);
  const to = Math.min(shown.length, Math.ceil((top.value + height.value) / ROW) + 5);
  const left = report.header.formal!.left_out;
  return (
    <section class="tracelist" aria-label="traces">
      <header>
        <h2>
          {count(shown.length)} <small>of {count(rows.n)} traces</small>
        </h2>
        <Chips />
      </header>
      {left > 0 && <p class="leftout">The texts of {count(left)} of {count(rows.n)} traces were left out to keep the page small; their verdicts are here.</p>}
      {!shown.length && <p class="empty">No trace is in this cell of the table.</p>}
      <div class="list" ref={box} onScroll={(e) => (top.value = e.currentTarget.scrollTop)} role="list" aria-label={`${shown.length} traces`}>
        <div class="tall" style={{ height: `${shown.length * ROW}px` }}>
          {shown.slice(from, to).map((row, k) => (
            <div role="listitem" class="slot" style={{ transform: `translateY(${(from + k) * ROW}px)` }} key={row}>
              <Entry rows={rows} row={row} />
            </div>
          ))}
        </div>
      </div>
    </section>
  );
}

const SIGNS = ["✓", "✗", "?", "–"] as const;

function Entry({ rows, row }: { rows: FormalIndex; row: number }) {
  const report = useReport();
  const formal = report.header.formal!;
  const state = rows.state[row]!;
  const first = formal.codes[rows.first[row]!];
  const [link, answer] = [LINKS[rows.link[row]!]!, ANSWERS[rows.answer[row]!]!];
  const several = formal.tables.length > 1;
  // Where there is no room for all of the name, the number of the draw stays.
  const [, name, draw] = /^(.*?)( draw \d+)?$/s.exec(rows.ids.at(row))!;
  return (
    <button type="button" class={report.trace.value?.formal?.row === row ? "entry on" : "entry"} onClick={() => void openRow(report, row)}>
      <span class={`badge is-${STATES[state]}`} aria-label={`trace ${STATES[state]}`}>
        <span aria-hidden="true">{SIGNS[state]}</span>
      </span>
      <span class="entrytext">
        <span class="line1">
          <b>
            <span>{visible(name!, 80, false) || `trace ${row}`}</span>
            {draw}
          </b>
          {several && <span class="dim">{rows.groups[rows.group[row]!]}</span>}
        </span>
        <span class="line2">
          {first ? (
            <>
              <span class="code">{first.name}</span>
              {rows.firstEvent[row]! >= 0 && ` at event ${count(rows.firstEvent[row]!)}`}
              {rows.violations[row]! > 1 && `, ${count(rows.violations[row]!)} errors`}
            </>
          ) : (
            "no error"
          )}
          {` · ${count(rows.events[row]!)} events`}
          {!rows.kept[row] && " · text left out"}
          {report.header.traces[rows.measured[row]!]?.curve && " · with a curve"}
        </span>
      </span>
      <span class="entryend">
        <span>
          answer <Verdict verdict={answer} />
        </span>
        <small>{link === "unknown" ? "" : `plan ${link}`}</small>
      </span>
    </button>
  );
}
