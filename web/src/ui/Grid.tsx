// The panel of a verified trace: its verdict, the violation that is shown, the grid with its events.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { count, visible } from "../format";
import { eventSpan } from "../formal/change";
import { ANSWERS, LINKS, STATES } from "../formal/model";
import type { Formal, FormalIndex, Grid as GridData, Violation } from "../formal/model";
import { eventsOf } from "../formal/replay";
import { currentViolation, moveToStep, nextViolation, showViolation } from "../state";
import { Across } from "./Across";
import { GridPicture, cellUnder, spokenEvent } from "./GridPicture";
import { Steps } from "./Steps";
import { Key, Section } from "./parts";
import { useReport } from "./context";

export function Grid() {
  const report = useReport();
  const found = report.trace.value;
  const rows = report.rows;
  const formal = found?.formal;
  if (!formal || !rows) return null;
  if (!formal.kept) {
    return (
      <div class="formal">
        <Verdicts rows={rows} row={formal.row} />
        <p class="leftout">The text of this trace was left out of the page to keep it small; its verdict is counted.</p>
      </div>
    );
  }
  return (
    <div class="formal">
      <Verdicts rows={rows} row={formal.row} />
      <Card formal={formal} total={rows.violations[formal.row]!} />
      {formal.grid && <Board grid={formal.grid} violations={formal.violations} />}
      <Counts formal={formal} />
    </div>
  );
}

const SIGNS: Readonly<Record<string, string>> = { valid: "✓", correct: "✓", follows: "✓", invalid: "✗", incorrect: "✗", differs: "≠" };

function Badge({ state, text }: { state: string; text: string }) {
  return (
    <li class={`badge is-${state}`}>
      <span aria-hidden="true">{SIGNS[state] ?? "?"}</span> {text}
    </li>
  );
}

function Verdicts({ rows, row }: { rows: FormalIndex; row: number }) {
  const [state, link, answer] = [STATES[rows.state[row]!]!, LINKS[rows.link[row]!]!, ANSWERS[rows.answer[row]!]!];
  const optimal = rows.planValid[row] === 1 ? ["; a shorter plan exists", "; plan as short as can be", ""][rows.planOptimal[row]!]! : "";
  const links = { follows: "plan is the one the trace found", differs: "plan is not the one the trace found", unknown: "plan against trace: not known" };
  return (
    <ul class="badges" aria-label="verdicts">
      <Badge state={state} text={state === "none" ? "no trace to judge" : state === "unparsed" ? "trace not parsed" : `trace ${state}`} />
      <Badge state={answer} text={`answer ${answer === "unknown" ? "not known" : answer}${optimal}`} />
      <Badge state={link} text={links[link]} />
    </ul>
  );
}

function Card({ formal, total }: { formal: Formal; total: number }) {
  const report = useReport();
  const n = formal.violations.length;
  const at = currentViolation(report);
  if (!at) return <p class="vcard ok">No rule is broken at this strictness.</p>;
  const k = report.violation.value;
  const span = eventSpan(formal, at, report.trace.value!.n);
  const away = span !== null && (report.shown.value < span[0] || report.shown.value >= span[1]);
  return (
    <article class="vcard" aria-label="violation">
      <header>
        <b>{k === 0 ? "First error" : `Error ${count(k + 1)}`}</b>
        <span class="dim">
          {k === 0 ? "1 " : ""}of {count(n)}
          {total > n && ` listed, ${count(total)} in all`}
        </span>
        <span class="grow" />
        <button type="button" class="plain" disabled={k === 0} onClick={() => nextViolation(report, -1)} aria-label="previous violation">
          ‹ prev
        </button>
        <button type="button" class="plain" disabled={k >= n - 1} onClick={() => nextViolation(report, 1)} aria-label="next violation">
          next ›
        </button>
      </header>
      <p class="vcode">
        <b class="code">{at.code.name}</b>{" "}
        <span class="dim">
          {at.code.tier}
          {at.event >= 0 && ` · event ${count(at.event)}`}
          {at.from >= report.trace.value!.n && " · in the answer"}
        </span>
        {away && (
          <button type="button" class="link" onClick={() => showViolation(report, k)}>
            show it
          </button>
        )}
      </p>
      {at.code.text && <p>{at.code.text}</p>}
      <p class="delta">
        <Across found={report.trace.value!} at={at} what="across this event" label />
      </p>
      <dl class="expected">
        <dt>expected</dt>
        <dd>{visible(at.expected, 300, false)}</dd>
        <dt>got</dt>
        <dd>{visible(at.got, 300, false)}</dd>
      </dl>
    </article>
  );
}

function Board({ grid, violations }: { grid: GridData; violations: readonly Violation[] }) {
  const report = useReport();
  const selected = useSignal(-1);
  const numbers = useSignal(true);
  const plan = useSignal(true);
  useEffect(() => {
    selected.value = -1;
  }, [grid]);
  const at = report.step.value;
  const onKey = (e: KeyboardEvent) => {
    const to: Record<string, number> = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + 10, ArrowUp: at - 10, Home: -1, End: grid.steps.n - 1 };
    if (to[e.key] === undefined || e.ctrlKey || e.metaKey || e.altKey) return;
    moveToStep(report, to[e.key]!);
    e.preventDefault();
    e.stopPropagation();
  };
  const onClick = (e: MouseEvent) => {
    const svg = e.currentTarget instanceof Element ? e.currentTarget.querySelector("svg") : null;
    if (svg) selected.value = cellUnder(grid, svg, e.clientX, e.clientY);
  };
  const docked = grid.boxes.n - (grid.steps.boxAt && at >= 0 ? grid.steps.boxAt[at + 1]! - grid.steps.boxAt[at]! : grid.boxes.n);
  return (
    <div class="board">
      <div class="gridbox" tabIndex={0} role="group" aria-label="grid; arrow keys step through the events, up and down by ten" onKeyDown={onKey} onClick={onClick}>
        <GridPicture grid={grid} step={at} violations={violations} numbers={numbers.value} plan={plan.value} selected={selected.value} />
      </div>
      <p class="eventline">
        <b>{at < 0 ? "before the first event" : spokenEvent(grid, at)}</b>
        {at >= 0 && outside(grid, at) && <span class="dim"> · outside of the grid</span>}
        {docked > 0 && <span class="dim"> · boxes on docks, not written: {docked}</span>}
        {violations.filter((v) => v.step === at && at >= 0).map((v) => (
          <span class="code"> ✗ {v.code.name}</span>
        ))}
      </p>
      <Steps grid={grid} />
      <Legend grid={grid} numbers={numbers} plan={plan} />
      {selected.value >= 0 && <CellEvents grid={grid} cell={selected.value} violations={violations} close={() => (selected.value = -1)} />}
    </div>
  );
}

function outside({ steps, rows, cols }: GridData, k: number): boolean {
  return steps.x[k]! < 0 || steps.y[k]! < 0 || steps.x[k]! >= cols || steps.y[k]! >= rows;
}

type Toggle = { value: boolean };

function Legend({ grid, numbers, plan }: { grid: GridData; numbers: Toggle; plan: Toggle }) {
  return (
    <div class="gridlegend">
      <Key of="k-wall">wall</Key>
      <Key of="k-open">open</Key>
      <Key of="k-closed">closed</Key>
      <Key of="k-current">this event</Key>
      {grid.boxes.n > 0 ? (
        <>
          <Key of="k-box">box</Key>
          <Key of="k-dock">dock</Key>
        </>
      ) : (
        <span class="key"><b>S</b> start, <b>G</b> goal</span>
      )}
      <Key of="k-wrong">breaks a rule</Key>
      <label class="key">
        <input type="checkbox" checked={plan.value} onChange={(e) => (plan.value = e.currentTarget.checked)} /> <i class="sw k-plan" /> plan
      </label>
      {grid.cols <= 16 && (
        <label class="key">
          <input type="checkbox" checked={numbers.value} onChange={(e) => (numbers.value = e.currentTarget.checked)} /> order of closing
        </label>
      )}
    </div>
  );
}

function CellEvents({ grid, cell, violations, close }: { grid: GridData; cell: number; violations: readonly Violation[]; close: () => void }) {
  const report = useReport();
  const events = eventsOf(grid, cell);
  return (
    <Section
      title={`cell (${cell % grid.cols}, ${Math.floor(cell / grid.cols)})`}
      aside={
        <button type="button" class="plain" onClick={close} aria-label="close the list of this cell">
          ✕
        </button>
      }
    >
      {!events.length && <p class="how">No event is about this cell.</p>}
      <ul class="cellevents">
        {events.map((k) => (
          <li>
            <button type="button" class={report.step.value === k ? "event on" : "event"} onClick={() => moveToStep(report, k)}>
              <span class="cut">{count(k)}</span>
              <span>{spokenEvent(grid, k)}</span>
              <span class="code">{violations.filter((v) => v.step === k).map((v) => v.code.name).join(" ")}</span>
            </button>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function Counts({ formal }: { formal: Formal }) {
  const report = useReport();
  const document = report.header.formal!.documents[report.rows!.document[formal.row]!]!;
  const first = (code: string) => formal.violations.findIndex((v) => v.code.name === code);
  return (
    <>
      {formal.counts.length > 0 && (
        <Section title="all errors" aside="state repaired after each">
          <ul class="codes">
            {formal.counts.map(([code, n]) => (
              <li>
                <button type="button" class="chip" disabled={first(code) < 0} onClick={() => showViolation(report, first(code))}>
                  <span class="code">{code}</span> <small>{count(n)}</small>
                </button>
              </li>
            ))}
          </ul>
        </Section>
      )}
      <p class="how">
        {document.domain}, dialect {document.dialect}, strictness {document.strictness}, verifier {document.version}
      </p>
    </>
  );
}
