// Everything known about the place of the cursor.
import { MEASURED, boundsOf, lineOf, missing, openShare, rowOf, rowsBetween, rowsOf } from "../model";
import type { Curve, Stack, Trace } from "../model";
import { readingAt } from "../plots/stack";
import { amount, count, visible } from "../format";
import { pin, showSamples } from "../state";
import type { State } from "../state";
import { Between, CountBar, Head, Interval, Num, Open, Piece, Section, Swatch, falling, swatchClass } from "./parts";
import { useReport } from "./context";

export function Detail() {
  const { trace, shown, stackIndex } = useReport();
  const found = trace.value;
  if (!found) return null;
  const unit = shown.value;
  const cut = unit + 1;
  const stack = found.stacks[stackIndex.value];
  return (
    <div class="detail">
      <Title found={found} unit={unit} />
      {found.curve && <Value curve={found.curve} cut={cut} found={found} />}
      {stack && <Shares stack={stack} cut={cut} />}
      {unit >= 0 && <Fork found={found} cut={unit} />}
      {unit === found.n - 1 && <Fork found={found} cut={found.n} />}
      <Marks found={found} cut={cut} />
    </div>
  );
}

function Title({ found, unit }: { found: Trace; unit: number }) {
  const report = useReport();
  const held = report.pinned.value && report.focus.value === unit;
  const around = (from: number, to: number) => {
    const [a, b] = [Math.max(0, from), Math.min(found.n, Math.max(0, to))];
    return a < b ? found.pieces.text.slice(found.pieces.offsets[a], found.pieces.offsets[b]).slice(-160) : "";
  };
  const p = found.metrics.get("probability")?.values[unit];
  return (
    <div class="title">
      <div class="row">
        <h2>
          {unit < 0 ? `Before the first ${found.head.unit}` : <Piece found={found} unit={unit} most={48} />}
        </h2>
        <button type="button" class={held ? "pinbtn on" : "pinbtn"} aria-pressed={held} onClick={() => pin(report, unit)}>
          {held ? "pinned" : "pin"}
        </button>
      </div>
      <p class="sub">
        {unit >= 0 && (
          <>
            {found.head.unit} {count(unit)} of {count(found.n)} · {" "}
          </>
        )}
        cut {count(unit + 1)}
        {p !== undefined && !Number.isNaN(p) && (
          <>
            {" "}
            · probability <Num x={p} />
          </>
        )}
      </p>
      {unit >= 0 && found.head.unit === "token" && (
        <p class="context" aria-hidden="true">
          {around(unit - 14, unit)}
          <mark>{found.pieces.at(unit)}</mark>
          {around(unit + 1, unit + 9).slice(0, 70)}
        </p>
      )}
    </div>
  );
}

function Value({ curve, cut, found }: { curve: Curve; cut: number; found: Trace }) {
  const report = useReport();
  const row = rowOf(curve.cuts, cut);
  if (row < 0 || Number.isNaN(curve.low[row]!)) {
    return (
      <Section title={curve.label}>
        <p class="big none">not measured</p>
        <p class="how">No rollout covers cut {count(cut)}; no number is shown in its place.</p>
      </Section>
    );
  }
  const none = Number.isNaN(curve.value[row]!);
  const measured = curve.state[row] === MEASURED;
  const [from, to] = rowsOf(found.samples.cut, cut);
  return (
    <Section title={curve.label} aside={`after ${cut === 0 ? "nothing" : `this ${found.head.unit}`}`}>
      <p class="big">
        {none ? <em>{missing(curve, row)}</em> : <Num x={curve.value[row]!} />} <Interval low={curve.low[row]!} high={curve.high[row]!} />
        <Open curve={curve} row={row} />
      </p>
      {openShare(curve, row) > 0 && <OpenPart curve={curve} row={row} />}
      <p class="how">
        <span class={measured ? "tag solid" : "tag"}>
          {measured ? `measured here: ${count(curve.nStarted[row]!)} rollouts` : none ? "no rollout leaves here or later: only the limits are known" : curve.follows}
        </span>{" "}
        {Math.round(curve.level * 100)} % {curve.interval}
        {!Number.isNaN(curve.nEffective[row]!) && curve.nEffective[row] !== curve.nStarted[row] && `, effective n ${amount(curve.nEffective[row]!)}`}
      </p>
      {!Number.isNaN(curve.deltaLow[row]!) && (
        <p class="delta">
          Δ {Number.isNaN(curve.delta[row]!) ? <em>no draw</em> : <Num x={curve.delta[row]!} sign />}{" "}
          <Interval low={curve.deltaLow[row]!} high={curve.deltaHigh[row]!} sign />
          <small>
            {" "}
            from cut {count(curve.deltaFrom[row]!)}, {curve.delta_limits}
            {curve.deltaFrom[row]! === cut - 1 ? "" : `; ${count(cut - curve.deltaFrom[row]!)} ${found.head.unit}s together`}
          </small>
        </p>
      )}
      {curve.leave && !Number.isNaN(curve.leave[row]!) && (
        <p class="how">
          a rollout from here leaves the trace with probability <Num x={curve.leave[row]!} />
          {curve.unsampled && curve.unsampled[row]! > 0 && (
            <>
              , <Num x={curve.unsampled[row]!} /> of it where there is no rollout{none ? "" : ": the mean of the others stands for it"}
            </>
          )}
        </p>
      )}
      {to > from && (
        <button type="button" class="link" onClick={() => showSamples(report, -1)}>
          read {count(to - from)} rollouts from cut {count(cut)} ▸
        </button>
      )}
    </Section>
  );
}

// What rollouts without a verdict leave open.
function OpenPart({ curve, row }: { curve: Curve; row: number }) {
  const found = curve.verdicts!;
  const line = lineOf(curve, true);
  return (
    <p class="how">
      no verdict: <Num x={found.missing[row]!} /> <Interval low={found.missing_low[row]!} high={found.missing_high[row]!} /> of the rollouts. They are in the denominator and count as no
      hits; if all were hits, the upper limit would be <Num x={found.high_if_met[row]!} />.<br />
      {line.label} {Number.isNaN(line.value[row]!) ? <em>no rollout has one</em> : <Num x={line.value[row]!} />} <Interval low={line.low[row]!} high={line.high[row]!} />
    </p>
  );
}

function Shares({ stack, cut }: { stack: Stack; cut: number }) {
  const { share } = useReport();
  const row = readingAt(stack, cut);
  const title = stack.kind === "forced" ? `forced answer · ${stack.name}` : "outcomes";
  if (row < 0) {
    return (
      <Section title={title}>
        <p class="how none">not measured at cut {count(cut)}</p>
      </Section>
    );
  }
  const mass = stack.mass[row]!;
  const off = [Math.max(0, 1 - (stack.massHigh?.[row] ?? mass)), Math.max(0, 1 - mass)] as const;
  const bounds = stack.all_labels.map((_, k) => boundsOf(stack, k, row, share.value && stack.kind === "forced"));
  // Options keep their order, as in the question; answers that have none come by their share.
  const order = stack.kind === "forced" ? bounds.map((_, k) => k) : falling(bounds.map(([low]) => low));
  const lines = order.map((k) => ({ label: stack.all_labels[k]!, bounds: bounds[k]! }));
  return (
    <Section title={title} aside={stack.kind === "forced" ? (share.value ? "renormalised" : "raw") : undefined}>
      <table class="shares">
        <tbody>
          {lines.map(({ label, bounds: [low, high] }) => {
            const k = stack.labels.indexOf(label);
            return (
              <tr class={stack.gold[k] ? "gold" : ""}>
                <th scope="row">
                  <Swatch colour={k < 0 ? -1 : stack.colours[k]!} /> {label}
                  {stack.gold[k] && " ✓"}
                </th>
                <td class="meter">
                  <span class="bar">
                    <span class={swatchClass(k < 0 ? -1 : stack.colours[k]!)} style={{ width: `${100 * Math.min(1, low || 0)}%` }} />
                    {high > low && <span class="sw open" style={{ width: `${100 * Math.min(1, high - low)}%` }} />}
                  </span>
                </td>
                <td class="num">
                  <Between low={low} high={high} />
                </td>
              </tr>
            );
          })}
          <tr class="rest">
            <th scope="row">
              <i class="sw hatch" aria-hidden="true" /> {stack.kind === "forced" ? "not on options" : "no outcome known"}
            </th>
            <td class="meter">
              <span class="bar">
                <span class="sw hatch" style={{ width: `${100 * off[0]}%` }} />
                {off[1] > off[0] && <span class="sw open" style={{ width: `${100 * (off[1] - off[0])}%` }} />}
              </span>
            </td>
            <td class="num">
              <Between low={off[0]} high={off[1]} />
            </td>
          </tr>
        </tbody>
      </table>
      {stack.kind === "forced" && mass < stack.least_mass && <p class="how">the mass on the options is below {stack.least_mass}: none of them leads</p>}
      {stack.topToken && stack.topProbability && (
        <p class="how">
          likeliest next token: <span class="piece">{visible(stack.topToken.at(row), 20)}</span> <Num x={stack.topProbability[row]!} />
        </p>
      )}
    </Section>
  );
}

function Fork({ found, cut }: { found: Trace; cut: number }) {
  const report = useReport();
  const b = found.branches;
  const [from, to] = rowsOf(b.cut, cut);
  if (from === to) return null;
  const rows = rowsBetween(from, to);
  const outcomes = found.head.outcomes;
  return (
    <Section title={cut === found.n ? "fork at the end of the trace" : `this ${found.head.unit} and its alternatives`} aside={`cut ${count(cut)}`}>
      <table class="forks">
        <Head names={[found.head.unit, "p", "outcomes", "n", found.curve?.label ?? "value", "Δ"]} />
        <tbody>
          {rows.map((i) => (
            <tr class={b.isBase[i] ? "base" : ""} onClick={() => b.rollouts[i]! > 0 && openBranch(report, i)}>
              <th scope="row">
                <button type="button" class="piece" disabled={!b.rollouts[i]} onClick={() => openBranch(report, i)}>
                  {visible(b.text.at(i), 18)}
                </button>
                {b.isBase[i] ? <small> base</small> : null}
              </th>
              <td class="num">
                <Num x={b.p[i]!} />
              </td>
              <td class="meter">{b.rollouts[i] ? <CountBar counts={b.counts.map((c) => c[i]!)} outcomes={outcomes} /> : <small class="none">{b.isBase[i] ? "see the curve" : "not tried"}</small>}</td>
              <td class="num">{count(b.rollouts[i]!)}</td>
              <td class="num">
                <Num x={b.value[i]!} digits={2} />
                {!Number.isNaN(b.low[i]!) ? (
                  <small class="interval">
                    {" "}
                    <Num x={b.low[i]!} digits={2} />–<Num x={b.high[i]!} digits={2} />
                  </small>
                ) : null}
              </td>
              <td class="num">
                <Num x={b.delta[i]!} digits={2} sign />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Section>
  );
}

// The cursor stays; the branch itself says which rollouts are meant.
function openBranch(report: State, row: number): void {
  if (!report.pinned.value) pin(report, report.shown.value);
  showSamples(report, row);
}

function Marks({ found, cut }: { found: Trace; cut: number }) {
  const marks = found.events.filter((e) => e.cut === cut && e.kind !== "sentence" && e.kind !== "paragraph");
  if (!marks.length) return null;
  return (
    <Section title="marks">
      <ul class="marks">
        {marks.map((e) => (
          <li>
            <b>{e.kind}</b> {e.label}
          </li>
        ))}
      </ul>
    </Section>
  );
}
