import { useSignal } from "@preact/signals";
import { count } from "../format";
import { header, help, looseSets, sampleSet, trace } from "../state";
import { downloadJson } from "../export";
import { cycleTheme, theme } from "../theme";
import { Find } from "./Find";
import { TracePicker } from "./Picker";
import { SetLine, shortHash } from "./parts";

export function Header() {
  const head = header.value!;
  const at = trace.value?.head;
  const open = useSignal(false);
  const question = at?.question || head.title;
  return (
    <header class="top">
      <div class="bar-top">
        <span class="brand">tokenworth</span>
        <div class={open.value ? "subject open" : "subject"}>
          <h1>{question}</h1>
          {question.length > 140 && (
            <button type="button" class="plain more" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
              {open.value ? "less" : "more"}
            </button>
          )}
        </div>
        <div class="tools">
          <TracePicker />
          <Find />
          <button type="button" class="plain" onClick={cycleTheme} aria-label={`theme: ${theme.value}; change`}>
            {theme.value === "dark" ? "◐ dark" : theme.value === "light" ? "◑ light" : "◐ auto"}
          </button>
          <button type="button" class="plain" onClick={() => void downloadJson()}>
            Download JSON
          </button>
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
      {sampleSet.value && <SetLine set={sampleSet.value} />}
      {!at && looseSets.value.map((set) => <SetLine set={set} of={set.problem} />)}
    </header>
  );
}
