// Types that the measured and the verified traces of a page share.
import type { Column } from "./codec";

export interface Fact { readonly label: string; readonly value: string; readonly detail: string; readonly minor: boolean }

export interface CurveHead {
  readonly label: string;
  readonly level: number;
  readonly interval: string;
  readonly assumption: string;
  readonly follows: string;
  readonly delta_limits: string;
  readonly columns: Record<string, Column | null> & { readonly verdicts: Record<keyof Verdicts, Column> | null };
}

// What rollouts without a verdict leave open (methods/curve/document.py).
export interface Verdicts {
  readonly missing: Float32Array;
  readonly missing_low: Float32Array;
  readonly missing_high: Float32Array;
  readonly high_if_met: Float32Array;
  readonly given: Float32Array;
  readonly given_low: Float32Array;
  readonly given_high: Float32Array;
}

export interface Curve extends Omit<CurveHead, "columns"> {
  readonly cuts: Int32Array;
  readonly value: Float32Array;
  readonly low: Float32Array;
  readonly high: Float32Array;
  readonly nStarted: Int32Array;
  readonly nEffective: Float32Array;
  readonly state: Uint8Array;
  readonly delta: Float32Array;
  readonly deltaLow: Float32Array;
  readonly deltaHigh: Float32Array;
  readonly deltaFrom: Float32Array;
  readonly leave: Float32Array | null;
  readonly unsampled: Float32Array | null;
  // Limits of the whole curve at once; null: a source does not have them.
  readonly bandLow: Float32Array | null;
  readonly bandHigh: Float32Array | null;
  // Log probability of the trace up to a cut and what the limits were widened by: they bound a change between two cuts; null: no bound.
  readonly logKept: Float32Array | null;
  readonly widened: Float32Array | null;
  // null: no share without a verdict matters.
  readonly verdicts: Verdicts | null;
}
