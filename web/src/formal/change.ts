// How the value changes across an event of a verified trace, and which of its units changes it most. Pure, so it can be tested alone.
import { lastAtMost } from "../codec";
import type { Curve } from "../types";
import type { Formal, Violation } from "./model";

export interface Change {
  // Cuts before the first and after the last unit, or the nearest ones with a value around them.
  readonly from: number;
  readonly to: number;
  readonly before: number;
  readonly after: number;
  readonly delta: number;
  readonly low: number;
  readonly high: number;
}

type Values = Pick<Curve, "cuts" | "value" | "low" | "high" | "delta" | "deltaLow" | "deltaHigh" | "deltaFrom" | "logKept" | "widened">;
type Differences = Pick<Curve, "cuts" | "delta" | "deltaFrom">;

// The units of the event that a violation is about, cut off at the end of the trace; null where there are none: a place before the
// trace, in the answer, or between two units.
export function eventSpan(formal: Pick<Formal, "grid">, at: Violation, n: number): readonly [number, number] | null {
  const steps = formal.grid?.steps;
  const inside = steps && at.step >= 0 && at.from < steps.to[at.step]!;
  const from = inside ? Math.min(steps.from[at.step]!, at.from) : at.from;
  const to = Math.min(n, inside ? Math.max(steps.to[at.step]!, at.to) : at.to);
  return from < 0 || from >= to ? null : [from, to];
}

// Of neighbouring cuts the curve has the change with its own limits; over several units they are the outer ones, low − high' and
// high − low'. All within what the recursion allows.
export function across(curve: Values, from: number, to: number): Change | null {
  let a = lastAtMost(curve.cuts, from);
  while (a >= 0 && Number.isNaN(curve.value[a]!)) a--;
  let b = lastAtMost(curve.cuts, to - 1) + 1;
  while (b < curve.cuts.length && Number.isNaN(curve.value[b]!)) b++;
  if (a < 0 || b >= curve.cuts.length) return null;
  const [before, after] = [curve.value[a]!, curve.value[b]!];
  const own = curve.deltaFrom[b] === curve.cuts[a] && !Number.isNaN(curve.delta[b]!);
  if (own) return { from: curve.cuts[a]!, to: curve.cuts[b]!, before, after, delta: curve.delta[b]!, low: curve.deltaLow[b]!, high: curve.deltaHigh[b]! };
  const most = curve.logKept ? -Math.expm1(curve.logKept[b]! - curve.logKept[a]!) + (curve.widened?.[a] || 0) : 1;
  return {
    from: curve.cuts[a]!,
    to: curve.cuts[b]!,
    before,
    after,
    delta: Math.max(-most, Math.min(most, after - before)),
    low: Math.max(curve.low[b]! - curve.high[a]!, -most),
    high: Math.min(curve.high[b]! - curve.low[a]!, most),
  };
}

// The unit of [from, to) after which the value has changed most; the first one where no change lies within.
export function movingUnit(curve: Differences | null, from: number, to: number): number {
  let best = from;
  let most = 0;
  for (let i = curve ? lastAtMost(curve.cuts, from) + 1 : 0; curve && i < curve.cuts.length && curve.cuts[i]! <= to; i++) {
    const size = curve.deltaFrom[i]! >= from ? Math.abs(curve.delta[i]!) : 0;
    if (size > most) [best, most] = [curve.cuts[i]! - 1, size];
  }
  return best;
}

// The unit that stands for a violation: where it is shown, and where its mark is.
export function unitOf(formal: Pick<Formal, "grid">, at: Violation, n: number, curve: Differences | null): number {
  const span = eventSpan(formal, at, n);
  return span ? movingUnit(curve, ...span) : at.from;
}
