// Verified traces that have a curve, side by side: where the value moves, and where the first formal error is.
import { Across, Open, count, figure, openRow, useEffect, useReport, useSignal } from "../kit";
import type { Curve, Trace } from "../model";

const MOST = 12;
const [WIDTH, HEIGHT] = [320, 64];

export function Compare() {
  const report = useReport();
  const rows = report.rows!;
  const found = useSignal<readonly Trace[]>([]);
  useEffect(() => {
    const head = report.header;
    const places = [...rows.measured].filter((i) => i >= 0 && head.traces[i]!.curve).slice(0, MOST);
    void Promise.all(places.map((i) => report.data.load(i))).then((all) => (found.value = all.filter((t) => t.curve)));
  }, []);
  if (!found.value.length) return null;
  const longest = Math.max(...found.value.map((t) => t.n), 1);
  return (
    <section class="compare" aria-label="curves and first errors">
      <h2>Where the value moves, and where the first error is</h2>
      <ul>
        {found.value.map((t) => (
          <li>
            <Strip found={t} longest={longest} />
          </li>
        ))}
      </ul>
      <p class="dim">One scale for all: {count(longest)} tokens wide, 0 to 1 high. Upright line: the first error. Numbers are at the cuts just before and just after its event; the interval of Δ has the outer limits.</p>
    </section>
  );
}

function path(curve: Curve, longest: number, top: Float32Array, bottom?: Float32Array): string {
  const point = (i: number, v: number) => `${((curve.cuts[i]! / longest) * WIDTH).toFixed(1)} ${((1 - v) * HEIGHT).toFixed(1)}`;
  const known = Array.from(curve.cuts, (_, i) => i).filter((i) => !Number.isNaN(top[i]!) && !(bottom && Number.isNaN(bottom[i]!)));
  const back = bottom ? [...known].reverse().map((i) => point(i, bottom[i]!)) : [];
  const all = [...known.map((i) => point(i, top[i]!)), ...back];
  return all.length ? `M${all.join("L")}${bottom ? "z" : ""}` : "";
}

function Strip({ found, longest }: { found: Trace; longest: number }) {
  const report = useReport();
  const curve = found.curve!;
  const first = found.formal?.violations[0];
  const inTrace = first && first.from >= 0 && first.from < found.n ? first : null;
  const x = inTrace ? (inTrace.from / longest) * WIDTH : 0;
  return (
    <button type="button" class="strip" onClick={() => void openRow(report, found.formal!.row)}>
      <span class="striptext">
        <b>{found.head.label}</b>
        <span class={first ? "code" : "dim"}>{first ? `✗ ${first.code.name}${inTrace ? ` at token ${count(inTrace.from)}` : " in the answer"}` : "✓ no error"}</span>
        <small>
          {curve.label} {figure(curve.value[0], 2)}
          <Open curve={curve} row={0} /> at the start, {figure(curve.value[curve.value.length - 1], 2)}
          <Open curve={curve} row={curve.value.length - 1} /> at the end
          {first && <Across found={found} at={first} what=" · across the first error" />}
        </small>
      </span>
      <svg viewBox={`-1 -2 ${WIDTH + 2} ${HEIGHT + 4}`} role="img" aria-label={`${curve.label} over ${found.n} tokens`} preserveAspectRatio="none">
        <path class="s-frame" d={`M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}`} />
        <path class="s-band" d={path(curve, longest, curve.high, curve.low)} />
        <path class="s-line" d={path(curve, longest, curve.value)} />
        <path class="s-end" d={`M${(found.n / longest) * WIDTH} 0V${HEIGHT}`} />
        {inTrace && <path class="s-rule" d={`M${x} -2V${HEIGHT + 2}`} />}
      </svg>
    </button>
  );
}
