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
  readonly columns: Record<string, Column | null>;
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
  // Log probability of the trace up to a cut and what the limits were widened by: they bound a change between two cuts; null: no bound.
  readonly logKept: Float32Array | null;
  readonly widened: Float32Array | null;
}
