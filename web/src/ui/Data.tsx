// The plots' numbers as tables, and the notes of the run.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { MEASURED, boundsOf, missing, rowsBetween } from "../model";
import type { Curve, Stack } from "../model";
import { amount, count } from "../format";
import { Facts } from "./Made";
import { Between, Head, Num, SetLine } from "./parts";
import { useReport } from "./context";

const PAGE = 100;

export function Data() {
  const { trace, sampleSet, looseSets, header } = useReport();
  const found = trace.value;
  const notes = [...(found?.head.notes ?? []), ...(sampleSet.value?.notes ?? []).map((n) => `samples: ${n}`)];
  return (
    <div class="data">
      {notes.length > 0 && (
        <ul class="notes">
          {notes.map((n) => (
            <li>{n}</li>
          ))}
        </ul>
      )}
      {found && <Facts facts={found.head.facts} />}
      {found?.curve && <CurveTable curve={found.curve} />}
      {found?.stacks.map((s, i) => (
        <StackTable stack={s} index={i} key={i} />
      ))}
      {found && found.prompt && (
        <details>
          <summary>Prompt</summary>
          <pre class="prompt">{found.prompt}</pre>
        </details>
      )}
      {looseSets.map((s) => (
        <section>
          <SetLine set={s} of={[s.problem, s.model].filter(Boolean).join(", ")} />
          <ul class="notes">
            {s.notes.map((n) => (
              <li>{n}</li>
            ))}
          </ul>
        </section>
      ))}
      <p class="dim">
        {header.generator} · {header.schema} · data {header.hash}
      </p>
    </div>
  );
}

function Paged({ title, id, total, children }: { title: string; id: string; total: number; children: (from: number, to: number) => ComponentChildren }) {
  const open = useSignal(false);
  const page = useSignal(0);
  const pages = Math.max(1, Math.ceil(total / PAGE));
  const [from, to] = [page.value * PAGE, Math.min(total, (page.value + 1) * PAGE)];
  return (
    <details id={`${useReport().ids}${id}`} onToggle={(e) => (open.value = e.currentTarget.open)}>
      <summary>{title}</summary>
      {open.value && (
        <>
          {pages > 1 && (
            <p class="pages">
              <button type="button" class="plain" disabled={page.value === 0} onClick={() => page.value--}>
                ‹
              </button>
              rows {count(from + 1)} to {count(to)} of {count(total)}
              <button type="button" class="plain" disabled={page.value === pages - 1} onClick={() => page.value++}>
                ›
              </button>
            </p>
          )}
          <div class="scroll">{children(from, to)}</div>
        </>
      )}
    </details>
  );
}

function CurveTable({ curve }: { curve: Curve }) {
  return (
    <Paged title={`${curve.label} as a table`} id="tw-table-curve" total={curve.cuts.length}>
      {(from, to) => (
        <table class="plain-table">
          <Head names={["cut", curve.label, "low", "high", "Δ", "rollouts begun", "effective n", "state"]} />
          <tbody>
            {rowsBetween(from, to).map((i) => (
              <tr>
                <th scope="row">{count(curve.cuts[i]!)}</th>
                {[curve.value, curve.low, curve.high].map((c) => (
                  <td>
                    <Num x={c[i]!} />
                  </td>
                ))}
                <td>
                  <Num x={curve.delta[i]!} sign />
                </td>
                <td>{count(curve.nStarted[i]!)}</td>
                <td>{amount(curve.nEffective[i]!)}</td>
                <td>{curve.state[i] === MEASURED ? "measured" : curve.state[i] ? "follows" : missing(curve, i)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Paged>
  );
}

function StackTable({ stack, index }: { stack: Stack; index: number }) {
  const title = stack.kind === "forced" ? `Forced answer, ${stack.name}` : "Outcomes";
  return (
    <Paged title={`${title}, as a table`} id={`tw-table-${stack.kind}${index || ""}`} total={stack.cuts.length}>
      {(from, to) => (
        <table class="plain-table">
          <Head names={["cut", ...stack.all_labels, stack.kind === "forced" ? "mass on options" : "sum"]} />
          <tbody>
            {rowsBetween(from, to).map((i) => (
              <tr class={stack.held?.[i] ? "held" : ""}>
                <th scope="row">
                  {count(stack.cuts[i]!)}
                  {stack.held?.[i] ? " (copied)" : ""}
                </th>
                {stack.allRaw.map((_, k) => boundsOf(stack, k, i, false)).map(([low, high]) => (
                  <td>
                    <Between low={low} high={high} />
                  </td>
                ))}
                <td>
                  <Between low={stack.mass[i]!} high={stack.massHigh?.[i] ?? stack.mass[i]!} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Paged>
  );
}
