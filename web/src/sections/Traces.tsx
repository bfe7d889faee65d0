// One trace with all that is known about it; verified traces are shown here, too.
import { useEffect, useRef } from "preact/hooks";
import type { TabName } from "../hash";
import type { Trace } from "../model";
import { openTab, showViolation } from "../state";
import type { State } from "../state";
import { Data } from "../ui/Data";
import { Detail } from "../ui/Detail";
import { Events } from "../ui/Events";
import { Grid } from "../ui/Grid";
import { Lead } from "../ui/Lead";
import { CurveLegend, LaneLegend, MetricBar, StackLegend } from "../ui/Legend";
import { Readout } from "../ui/Readout";
import { Samples } from "../ui/Samples";
import { copyText } from "../ui/parts";
import { mountViews } from "../views";
import { useReport } from "../ui/context";

export function Traces() {
  const { traceIndex } = useReport();
  return (
    <div class="main">
      <Views key={traceIndex.value} />
      <Side />
    </div>
  );
}

// The parts that are not components: they get their elements here and follow the state by themselves.
function Views() {
  const report = useReport();
  const root = useRef<HTMLDivElement>(null);
  const found = report.trace.value;
  useEffect(() => (found && root.current ? mountViews(report, root.current, found) : undefined), [found]);
  if (!found) return <p class="empty">This report holds no trace.</p>;
  return (
    <div class="left" ref={root}>
      <section class="plots" aria-label="plots over the trace">
        <Lead />
        <CurveLegend />
        <div class="plotbox">
          {found.curve && <canvas class="c-curve" role="img" aria-label={`${found.curve.label} over cuts; the numbers are in the Data tab`} />}
          {found.stacks.length > 0 && (
            <div class="inner">
              <StackLegend />
            </div>
          )}
          {found.stacks.length > 0 && <canvas class="c-stack" role="img" aria-label="shares over cuts; the numbers are in the Data tab" />}
          <canvas class="c-lane" role="img" aria-label="marks along the trace; they are listed in the Marks tab" />
        </div>
        <LaneLegend />
        <Readout />
      </section>
      <SheetTabs />
      <section class="text" aria-label="trace">
        <MetricBar />
        <div class="scroller">
          <p class="sr" id={`${report.ids}tw-how`}>
            Arrow keys move along the trace; press the question mark key for all keys.
          </p>
          <div
            id={`${report.ids}tw-pane`}
            class={`pane unit-${found.head.unit}`}
            tabIndex={0}
            role="group"
            aria-roledescription={`trace in ${found.head.unit}s`}
            aria-label={`trace, ${found.n} ${found.head.unit}s`}
            aria-describedby={`${report.ids}tw-how`}
          />
          {found.n === 0 && <p class="empty">{found.formal ? "There is no text of this trace to show." : "The trace is empty."}</p>}
          {found.answer.n > 0 && (
            <div class="answer">
              <p class="wall">
                <span>end of the trace · the answer</span>
              </p>
              <div id={`${report.ids}tw-answer`} class="answertext">
                {found.formal ? <AnswerUnits found={found} /> : found.answer.text}
              </div>
            </div>
          )}
          <p class="after">
            <button type="button" class="plain" id={`${report.ids}tw-copy`} onClick={() => void copyText(found.pieces.text)}>
              copy the trace
            </button>
          </p>
        </div>
      </section>
    </div>
  );
}

// The answer of a verified trace in its words, with the violations that are about it.
function AnswerUnits({ found }: { found: Trace }) {
  const report = useReport();
  const all = found.formal!.violations;
  const on = all[report.violation.value];
  return (
    <>
      {Array.from({ length: found.answer.n }, (_, i) => {
        const unit = found.n + i;
        const about = all.findIndex((v) => v.from <= unit && unit < v.to);
        const name = about < 0 ? "u" : `u viol${all[about]!.from === unit ? " vstart" : ""}${about === 0 ? " vfirst" : ""}`;
        const here = on && on.from <= unit && unit < on.to ? " cur" : "";
        return (
          <span class={name + here} onClick={about < 0 ? undefined : () => showViolation(report, about)}>
            {name.includes("vstart") ? <Marked text={found.answer.at(i)} /> : found.answer.at(i)}
          </span>
        );
      })}
    </>
  );
}

function Marked({ text }: { text: string }) {
  const at = Math.max(0, text.search(/\S/));
  return (
    <>
      {text.slice(0, at)}
      <i class="vm" />
      <i class="vt">{text.slice(at)}</i>
    </>
  );
}

const NAMES = { grid: "Grid", token: "Token", samples: "Samples", events: "Marks", data: "Data" } as const;

function nameOf(report: State, name: TabName): string {
  if (name === "grid" && !report.trace.value?.formal?.grid) return "Checks";
  return name === "token" ? (report.trace.value?.head.unit ?? name).replace(/^./, (c) => c.toUpperCase()) : NAMES[name];
}

function Side() {
  const report = useReport();
  const open = report.tab.value;
  return (
    <aside class="side" aria-label="details">
      <div class="tabs" role="tablist">
        {report.tabs.value.map((name) => (
          <button type="button" role="tab" id={`${report.ids}tab-${name}`} aria-selected={open === name} aria-controls={`${report.ids}tw-panel`} onClick={() => openTab(report, name)}>
            {nameOf(report, name)}
          </button>
        ))}
      </div>
      <div class="panel" id={`${report.ids}tw-panel`} role="tabpanel" aria-labelledby={`${report.ids}tab-${open}`}>
        {open === "grid" && <Grid />}
        {open === "token" && <Detail />}
        {open === "samples" && <Samples />}
        {open === "events" && <Events />}
        {open === "data" && <Data />}
      </div>
    </aside>
  );
}

// On a narrow page the text and the side panels share one place.
function SheetTabs() {
  const report = useReport();
  return (
    <div class="sheets" role="tablist" aria-label="panels">
      <button type="button" role="tab" aria-selected={report.sheet.value === "text"} onClick={() => (report.sheet.value = "text")}>
        Text
      </button>
      {report.tabs.value.map((name) => (
        <button type="button" role="tab" aria-selected={report.sheet.value === name} onClick={() => openTab(report, name)}>
          {nameOf(report, name)}
        </button>
      ))}
    </div>
  );
}
