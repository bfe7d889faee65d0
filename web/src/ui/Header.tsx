import { useSignal } from "@preact/signals";
import { count } from "../format";
import { EVERYTHING } from "../formal/filter";
import { filter, formalRows, hasTables, header, help, listed, looseSets, nextRow, sampleSet, screen, trace } from "../state";
import { downloadJson } from "../export";
import { cycleTheme, theme } from "../theme";
import { Find } from "./Find";
import { TracePicker } from "./Picker";
import { SetLine, shortHash } from "./parts";

export function Header() {
  const head = header.value!;
  const tables = screen.value === "tables";
  const at = tables ? undefined : trace.value?.head;
  const open = useSignal(false);
  const alone = trace.value?.formal && !trace.value.curve && !at?.measured;
  const question = (alone ? at?.title && at.label : at?.title) || at?.question || (at && alone ? at.label : "") || head.title;
  return (
    <header class="top">
      <div class="bar-top">
        <span class="brand">tokenworth</span>
        <div class={open.value ? "subject open" : "subject"}>
          <h1 title={at?.title ? at.question : undefined}>{question}</h1>
          {question.length > 140 && (
            <button type="button" class="plain more" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
              {open.value ? "less" : "more"}
            </button>
          )}
        </div>
        <div class="tools">
          {hasTables.value && <Turner />}
          {!tables && <TracePicker />}
          {!tables && <Find />}
          <button type="button" class="plain" onClick={cycleTheme} aria-label={`theme: ${theme.value}; change`}>
            {theme.value === "dark" ? "◐ dark" : theme.value === "light" ? "◑ light" : "◐ auto"}
          </button>
          {!tables && (
            <button type="button" class="plain" onClick={() => void downloadJson()}>
              Download JSON
            </button>
          )}
          <button type="button" class="plain" onClick={() => (help.value = true)} aria-label="keys and help">
            ?
          </button>
        </div>
      </div>
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
              {count(trace.value!.n)}
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
          <dd class="mono">{shortHash()}</dd>
        </div>
      </dl>
      {!tables && sampleSet.value && <SetLine set={sampleSet.value} />}
      {!at && !tables && looseSets.value.map((set) => <SetLine set={set} of={set.problem} />)}
    </header>
  );
}

// From the tables to a trace and back, and along the traces that the filter lists.
function Turner() {
  const rows = listed.value;
  const total = formalRows.value?.n ?? 0;
  const at = rows.indexOf(trace.value?.formal?.row ?? -1);
  if (screen.value === "tables") {
    return trace.value ? (
      <button type="button" class="plain turn" onClick={() => (screen.value = "trace")}>
        to the trace ›
      </button>
    ) : null;
  }
  const back = (
    <button type="button" class="turn" onClick={() => (screen.value = "tables")}>
      ‹ tables
    </button>
  );
  if (!header.value!.formal) return back;
  return (
    <span class="turner" role="group" aria-label="verified traces">
      {back}
      <button type="button" class="plain" aria-label="previous trace of the list" disabled={at === 0 || !rows.length} onClick={() => nextRow(-1)}>
        ‹
      </button>
      <span class="dim">
        {at < 0 ? "–" : count(at + 1)} of {count(rows.length)}
        {filter.value !== EVERYTHING && rows.length < total && " filtered"}
      </span>
      <button type="button" class="plain" aria-label="next trace of the list" disabled={at === rows.length - 1 || !rows.length} onClick={() => nextRow(1)}>
        ›
      </button>
    </span>
  );
}
