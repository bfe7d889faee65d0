// Small pieces that several panels use.
import type { ComponentChildren } from "preact";
import { count, figure, percent, signed, visible } from "../format";
import { openShare } from "../model";
import { STATES } from "../states";
import type { Curve, Outcome, SampleSet, Trace } from "../model";

// A number with its exact value for machines.
export function Num({ x, digits = 3, sign = false }: { x: number; digits?: number; sign?: boolean }) {
  if (Number.isNaN(x)) return <span class="none">–</span>;
  return <data value={String(Number(x.toPrecision(7)))}>{sign ? signed(x, digits) : figure(x, digits)}</data>;
}

// What lies between two bounds: one number where they agree, an upper bound where the lower one is 0.
export function Between({ low, high }: { low: number; high: number }) {
  if (!(high > low)) return <Num x={low} />;
  if (low > 0 && high - low < 5e-4) return <Num x={(low + high) / 2} />;
  const most = Math.ceil(high * 1000 - 1e-3) / 1000;
  return low > 0 ? (
    <>
      <Num x={low} />–<Num x={most} />
    </>
  ) : (
    <>
      ≤ <Num x={most} />
    </>
  );
}

export function Interval({ low, high, digits = 3, sign = false }: { low: number; high: number; digits?: number; sign?: boolean }) {
  if (Number.isNaN(low) || Number.isNaN(high)) return null;
  return (
    <span class="interval">
      [<Num x={low} digits={digits} sign={sign} />, <Num x={high} digits={digits} sign={sign} />]
    </span>
  );
}

// The share of the rollouts from a cut that have no verdict, beside a value that counts them; nothing where it does not matter.
export function Open({ curve, row }: { curve: Curve; row: number }) {
  const share = openShare(curve, row);
  return share ? (
    <>
      {" "}
      <span class="noverdict">{percent(share)} no verdict</span>
    </>
  ) : null;
}

export function swatchClass(colour: number): string {
  return `sw cat-${colour >= 0 ? colour : (STATES[colour]?.name ?? "other")}`;
}

export function Swatch({ colour }: { colour: number }) {
  return <i class={swatchClass(colour)} aria-hidden="true" />;
}

// A sign of a plot or a picture and what it means; `of` is the class that draws it.
export function Key({ of, children }: { of: string; children: ComponentChildren }) {
  return (
    <span class="key">
      <i class={`sw ${of}`} aria-hidden="true" /> {children}
    </span>
  );
}

// The head of a table.
export function Head({ names }: { names: readonly ComponentChildren[] }) {
  return (
    <thead>
      <tr>
        {names.map((name) => (
          <th scope="col">{name}</th>
        ))}
      </tr>
    </thead>
  );
}

export function outcomeName(outcome: Outcome): string {
  return outcome.verdict === "mixed" ? `${outcome.label} (mixed verdicts)` : outcome.verdict === "correct" ? `${outcome.label} ✓` : outcome.label;
}

// The places of numbers, the largest number first.
export function falling(numbers: ArrayLike<number>): number[] {
  return Array.from(numbers, (_, k) => k).sort((a, b) => (numbers[b]! || 0) - (numbers[a]! || 0));
}

// Outcome counts as one stacked bar; the counts are its label.
export function CountBar({ counts, outcomes }: { counts: readonly number[]; outcomes: readonly Outcome[] }) {
  const total = counts.reduce((a, b) => a + b, 0);
  const label = outcomes.flatMap((o, k) => (counts[k] ? [`${outcomeName(o)} ${counts[k]}`] : [])).join(", ");
  return (
    <span class="bar" role="img" aria-label={label || "no rollouts"}>
      {total > 0 &&
        outcomes.map((o, k) =>
          counts[k] ? (
            <span class={`${swatchClass(o.colour)}${o.verdict === "correct" ? " right" : ""}`} style={{ width: `${(100 * counts[k]!) / total}%` }} />
          ) : null,
        )}
    </span>
  );
}

// A sample set in one line; `of` says whose it is where that is not plain from its place.
export function SetLine({ set, of = "" }: { set: SampleSet; of?: string }) {
  const none = set.verdicts.filter((v) => v === "unknown").length / Math.max(1, set.verdicts.length);
  const outcomes = falling(set.outcomes.map((o) => o.total)).map((k) => set.outcomes[k]!);
  return (
    <p class="setline">
      <b>
        {count(set.n)} samples{of && ` of ${of}`}
      </b>
      <small class="extra">{set.sampling}</small>
      <span>
        accuracy {figure(set.accuracy)} [{figure(set.low)}, {figure(set.high)}] <small>{Math.round(set.level * 100)} % interval</small>
        {none >= 0.05 && (
          <>
            {" "}
            <span class="noverdict">{percent(none)} no verdict</span>{" "}
            <small>
              P(correct | verdict) {figure(set.given)} [{figure(set.given_low)}, {figure(set.given_high)}]
            </small>
          </>
        )}
      </span>
      <CountBar counts={outcomes.map((o) => o.total)} outcomes={outcomes} />
      <small>{outcomes.map((o) => `${outcomeName(o)} ${o.total}`).join(" · ")}</small>
      {set.correlation !== null && (
        <small class="extra">
          {" "}
          length against correctness r {figure(set.correlation, 2)} [{figure(set.correlation_low, 2)}, {figure(set.correlation_high, 2)}]
        </small>
      )}
    </p>
  );
}

export function Verdict({ verdict }: { verdict: string }) {
  const sign = verdict === "correct" ? "✓" : verdict === "incorrect" ? "✗" : "?";
  return <span class={`verdict ${verdict}`} aria-label={verdict}>{sign}</span>;
}

export function Section({ title, aside, children }: { title: ComponentChildren; aside?: ComponentChildren; children: ComponentChildren }) {
  return (
    <section class="sect">
      <h3>
        {title}
        {aside !== undefined && <span class="aside">{aside}</span>}
      </h3>
      {children}
    </section>
  );
}

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

// A unit as a label: a token with its spaces shown, a sentence as it reads.
export function Piece({ found, unit, most }: { found: Trace; unit: number; most: number }) {
  const text = found.pieces.at(unit);
  const sentence = found.head.unit === "sentence";
  return <span class={sentence ? "piece prose" : "piece"}>{visible(sentence ? text.trim() : text, sentence ? 5 * most : most, !sentence)}</span>;
}

// How each kind of mark is drawn on the lane, for lists and the help.
export const GLYPHS: Readonly<Record<string, string>> = { "first error": "✗", violation: "×", change: "◆", flip: "▲", answer: "▮", note: "○", paragraph: "│", sentence: "╷" };
