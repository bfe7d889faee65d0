import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { count } from "../format";
import { EVERYTHING } from "../formal/filter";
import { nextRow } from "../state";
import { downloadJson } from "../export";
import { cycleTheme } from "../theme";
import { Find } from "./Find";
import { TracePicker } from "./Picker";
import { SetLine } from "./parts";
import { useReport } from "./context";

export function Header() {
  const report = useReport();
  const head = report.header;
  const tables = report.screen.value === "tables";
  const at = tables ? undefined : report.trace.value?.head;
  const open = useSignal(false);
  const clipped = useSignal(false);
  const heading = useRef<HTMLHeadingElement>(null);
  const alone = report.trace.value?.formal && !report.trace.value.curve && !at?.measured;
  const question = (alone ? at?.title && at.label : at?.title) || at?.question || (at && alone ? at.label : "") || head.title;
  const machine = at?.title && at.question !== at.title ? at.question : "";
  useEffect(() => {
    const el = heading.current!;
    const look = new ResizeObserver(() => (clipped.value = el.scrollHeight > el.clientHeight + 2));
    look.observe(el);
    return () => look.disconnect();
  }, [question]);
  return (
    <header class={open.value ? "top open" : "top"}>
      <div class="bar-top">
        <span class="brand">tokenworth</span>
        <div class="subject">
          <h1 ref={heading}>{question}</h1>
          {(clipped.value || machine || open.value) && (
            <button type="button" class="more" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
              {open.value ? "less" : "whole question"}
            </button>
          )}
        </div>
        <div class="tools">
          {report.hasTables && <Turner />}
          {!tables && <TracePicker />}
          {!tables && <Find />}
          <span class="acts">
            <button type="button" class="plain" onClick={() => cycleTheme(report.theme)} aria-label={`theme: ${report.theme.choice.value}; change`}>
              {report.theme.choice.value === "dark" ? "◐ dark" : report.theme.choice.value === "light" ? "◑ light" : "◐ auto"}
            </button>
            {at && (
              <button type="button" class="plain" onClick={() => (report.figure.value = true)}>
                Figure
              </button>
            )}
            {!tables && (
              <button type="button" class="plain" onClick={() => void downloadJson(report)}>
                Download JSON
              </button>
            )}
            <button type="button" class="plain" onClick={() => (report.help.value = true)} aria-label="keys and help">
              ?
            </button>
          </span>
        </div>
      </div>
      {open.value && machine && <pre class="prompt">{machine}</pre>}
      {at && at.options.length > 0 && (
        <ul class="options">
          {at.options.map((o) => (
            <li class={o.gold ? "gold" : ""}>
              <b>{o.label}</b> <span>{o.text}</span>
              {o.gold && <span class="tick" aria-label="correct option">✓</span>}
            </li>
          ))}
        </ul>
      )}
      <dl class="facts">
        {at?.facts
          .filter((f) => !f.minor)
          .map((f) => (
            <div>
              <dt>{f.label}</dt>
              <dd>{f.value}</dd>
            </div>
          ))}
        {at && (
          <div>
            <dt>{at.unit}s</dt>
            <dd>
              {count(report.trace.value!.n)}
              {at.outcome && (
                <small>
                  {" "}
                  base answer {at.outcome} ({at.verdict})
                </small>
              )}
            </dd>
          </div>
        )}
        <div>
          <dt>data</dt>
          <dd class="mono">{head.hash.slice(0, 12)}</dd>
        </div>
      </dl>
      {!tables && report.sampleSet.value && <SetLine set={report.sampleSet.value} />}
      {!at && !tables && report.looseSets.map((set) => <SetLine set={set} of={set.problem} />)}
    </header>
  );
}

// From the tables to a trace and back, and along the traces that the filter lists.
function Turner() {
  const report = useReport();
  const rows = report.listed.value;
  const total = report.rows?.n ?? 0;
  const at = rows.indexOf(report.trace.value?.formal?.row ?? -1);
  if (report.screen.value === "tables") {
    return report.trace.value ? (
      <button type="button" class="plain turn" onClick={() => (report.screen.value = "trace")}>
        to the trace ›
      </button>
    ) : null;
  }
  const back = (
    <button type="button" class="turn" onClick={() => (report.screen.value = "tables")}>
      ‹ tables
    </button>
  );
  if (!report.header.formal) return back;
  return (
    <span class="turner" role="group" aria-label="verified traces">
      {back}
      <button type="button" class="plain" aria-label="previous trace of the list" disabled={at === 0 || !rows.length} onClick={() => nextRow(report, -1)}>
        ‹
      </button>
      <span class="dim">
        {at < 0 ? "–" : count(at + 1)} of {count(rows.length)}
        {report.filter.value !== EVERYTHING && rows.length < total && " filtered"}
      </span>
      <button type="button" class="plain" aria-label="next trace of the list" disabled={at === rows.length - 1 || !rows.length} onClick={() => nextRow(report, 1)}>
        ›
      </button>
    </span>
  );
}
