// The view model as the page carries it (header) and as the viewer uses it (decoded).
import { lastAtMost } from "./codec";
import type { Column, TextColumn, Texts } from "./codec";
import type { Formal, FormalHead } from "./formal/model";
import type { Curve, CurveHead, Fact } from "./types";

export type { Curve, Fact } from "./types";

export const MEASURED = 2;
export const FOLLOWS = 1;
export const NO_BIN = 255;

export interface Option { readonly label: string; readonly text: string; readonly gold: boolean }
export interface Outcome { readonly label: string; readonly verdict: string; readonly colour: number; readonly total: number }

export interface SampleSet {
  // The problem's short name; empty where the page has one problem.
  readonly problem: string;
  readonly model: string;
  readonly sampling: string;
  readonly notes: readonly string[];
  readonly n: number;
  readonly accuracy: number | null;
  readonly given: number | null;
  readonly given_low: number | null;
  readonly given_high: number | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly level: number;
  readonly outcomes: readonly Outcome[];
  readonly correlation: number | null;
  readonly correlation_low: number | null;
  readonly correlation_high: number | null;
  readonly lengths: readonly number[];
  readonly verdicts: readonly string[];
}

export interface StackHead {
  readonly kind: "forced" | "outcomes";
  readonly name: string;
  readonly text: string;
  readonly labels: readonly string[];
  readonly colours: readonly number[];
  readonly gold: readonly boolean[];
  readonly all_labels: readonly string[];
  readonly least_mass: number;
  readonly columns: {
    readonly cuts: Column; readonly mass: Column; readonly top: Column;
    readonly raw: readonly Column[]; readonly all_raw: readonly Column[] | null;
    readonly all_high: readonly Column[] | null; readonly mass_high: Column | null;
    readonly held: Column | null; readonly top_token: TextColumn | null; readonly top_probability: Column | null;
  };
}

interface MetricHead {
  readonly key: string;
  readonly name: string;
  readonly scale: string;
  readonly note: string;
  readonly low: number;
  readonly high: number;
  readonly palette: "value" | "delta" | "gold" | "probability";
  readonly columns: { readonly values: Column; readonly bins: Column; readonly hatched: Column | null };
}

export interface SamplesHead {
  readonly outcomes: readonly string[];
  readonly verdicts: readonly string[];
  readonly stops: readonly string[];
  readonly left_out: number;
  readonly columns: Record<string, Column>;
  readonly text: TextColumn;
}

// What the page opens on: a unit, or -1, and a sentence about it.
export interface Lead { readonly unit: number; readonly text: string; readonly detail: string }

export interface TraceHead {
  readonly name: string;
  readonly label: string;
  // Shown in place of a question that is machine text; empty: the question is shown.
  readonly title: string;
  readonly problem: string;
  readonly measured: boolean;
  // Index into the page's sample sets, or -1.
  readonly sample_set: number;
  readonly problem_id: string;
  readonly unit: "token" | "sentence";
  readonly question: string;
  readonly outcome: string;
  readonly verdict: string;
  readonly notes: readonly string[];
  readonly lead: Lead | null;
  readonly options: readonly Option[];
  readonly facts: readonly Fact[];
  readonly outcomes: readonly Outcome[];
  readonly text: { readonly pieces: TextColumn; readonly answer_pieces: TextColumn };
  readonly prompt: TextColumn;
  readonly curve: CurveHead | null;
  readonly stacks: readonly StackHead[];
  readonly metrics: readonly MetricHead[];
  readonly branches: Record<string, Column> & { readonly text: TextColumn; readonly counts: readonly Column[] };
  readonly events: { readonly kinds: readonly string[]; readonly labels: readonly string[]; readonly columns: Record<string, Column> };
  readonly samples: SamplesHead;
}

export interface SheetColumn { readonly name: string; readonly kind: "text" | "count" | "share" | "difference" }
// A number to draw has its value and its limits.
export interface SheetCell { readonly main: string; readonly number: readonly [number | null, number | null, number | null] | null; readonly bar?: BarHead }

// A drawing of a table (report/pieces): its kind says which component draws it.
export interface PieceHead extends Readonly<Record<string, unknown>> { readonly kind: string }
export interface Label { readonly name: string; readonly colour: number; readonly letter: string; readonly gold: boolean }
export interface BarHead {
  readonly shares: readonly (number | null)[];
  readonly low: readonly (number | null)[] | null;
  readonly high: readonly (number | null)[] | null;
  readonly n: number | null;
  readonly name: string;
  readonly detail: string;
  readonly row: string;
}

// A table over many problems.
export interface Sheet {
  readonly title: string;
  readonly lead: readonly string[];
  readonly caption: string;
  readonly level: number | null;
  readonly columns: readonly SheetColumn[];
  readonly rows: readonly (readonly SheetCell[])[];
  readonly facts: readonly Fact[];
  readonly notes: readonly string[];
  readonly pieces: readonly PieceHead[];
  readonly keys: readonly string[];
  readonly details: readonly (readonly PieceHead[])[];
  readonly labels: readonly Label[];
  // Which document of the page it is of; -1: its rows have no addresses.
  readonly document: number;
  // Columns of its pieces.
  readonly blob: Uint8Array;
}

// What one section of the page holds; its kind says which component draws it (sections/index.ts).
export interface Section extends Readonly<Record<string, unknown>> { readonly kind: string }

export interface Written {
  readonly schema: string;
  readonly title: string;
  readonly generator: string;
  readonly hash: string;
  readonly sections: readonly Section[];
}

// The page with the sections that others build on: verified traces are linked with the measured ones.
export interface Header extends Written {
  readonly sets: readonly SampleSet[];
  readonly traces: readonly TraceHead[];
  readonly formal: FormalHead | null;
  readonly hasSheets: boolean;
}

export interface Stack extends Omit<StackHead, "columns"> {
  readonly cuts: Int32Array;
  readonly raw: readonly Float32Array[];
  readonly share: readonly Float32Array[];
  readonly allRaw: readonly Float32Array[];
  // The most each option and the mass can be where a server did not list an option (its raw number is NaN then); null: all listed.
  readonly allHigh: readonly Float32Array[] | null;
  readonly mass: Float32Array;
  readonly massHigh: Float32Array | null;
  readonly held: Uint8Array | null;
  readonly top: Int32Array;
  readonly topToken: Texts | null;
  readonly topProbability: Float32Array | null;
}

export interface Metric extends Omit<MetricHead, "columns"> {
  readonly values: Float32Array;
  readonly bins: Uint8Array;
  // 1 where half or more of the rollouts have no verdict; null: nowhere.
  readonly hatched: Uint8Array | null;
}

export interface Branches {
  readonly n: number;
  readonly cut: Int32Array;
  readonly token: Int32Array;
  readonly rollouts: Int32Array;
  readonly p: Float32Array;
  readonly value: Float32Array;
  readonly low: Float32Array;
  readonly high: Float32Array;
  readonly delta: Float32Array;
  readonly isBase: Uint8Array;
  readonly text: Texts;
  readonly counts: readonly Int32Array[];
}

export interface Samples extends Omit<SamplesHead, "columns" | "text"> {
  readonly n: number;
  readonly cut: Int32Array;
  readonly index: Int32Array;
  readonly tokens: Int32Array;
  readonly branch: Int32Array;
  readonly diverges: Int32Array;
  readonly outcome: Int32Array;
  readonly verdict: Int32Array;
  readonly stop: Int32Array;
  readonly kept: Uint8Array;
  texts(): Promise<Texts>;
}

export interface TraceEvent { readonly cut: number; readonly kind: string; readonly label: string; readonly stack: number }

export interface Trace {
  readonly head: TraceHead;
  readonly n: number;
  readonly pieces: Texts;
  readonly answer: Texts;
  readonly prompt: string;
  readonly curve: Curve | null;
  readonly stacks: readonly Stack[];
  readonly metrics: ReadonlyMap<string, Metric>;
  readonly branches: Branches;
  readonly samples: Samples;
  readonly events: readonly TraceEvent[];
  readonly formal: Formal | null;
}

// A share without a verdict of this or more stands beside a value (core/no_verdict.py).
const MATTERS = 0.05;

// The share of the rollouts from a cut that have no verdict; 0 where it does not matter.
export function openShare(curve: Curve, row: number): number {
  const share = curve.verdicts?.missing[row] ?? 0;
  return share >= MATTERS ? share : 0;
}

// The curve over all rollouts, or over those with a verdict.
export interface Line { readonly label: string; readonly value: Float32Array; readonly low: Float32Array; readonly high: Float32Array }

export function lineOf(curve: Curve, given: boolean): Line {
  const { verdicts } = curve;
  if (!given || !verdicts) return curve;
  return { label: `${curve.label.replace(/\)$/, "")} | verdict)`, value: verdicts.given, low: verdicts.given_low, high: verdicts.given_high };
}

// What stands where a curve has no value: its limits may be known all the same.
export function missing(curve: Curve, row: number): string {
  return row < 0 || Number.isNaN(curve.low[row]!) ? "not measured" : "no draw";
}

// The least and the most that the probability of option k can be at a row, or its share of the mass.
export function boundsOf(stack: Stack, k: number, row: number, share: boolean): readonly [number, number] {
  const raw = stack.allRaw[k]![row]!;
  const mass = stack.mass[row]!;
  if (!stack.allHigh || !stack.massHigh) return share ? [raw / mass, raw / mass] : [raw, raw];
  const high = stack.allHigh[k]![row]!;
  const low = Number.isNaN(raw) && !Number.isNaN(high) ? 0 : raw;
  if (!share) return [low, high];
  const rest = Math.max(0, mass - low);
  return [low / stack.massHigh[row]!, high + rest > 0 ? high / (high + rest) : low / mass];
}

// How much of the mass at a row, or of the shares, lies on options that were not listed: it may be anywhere from 0 to this.
export function unlisted(stack: Stack, row: number, share: boolean): number {
  const high = stack.massHigh?.[row] ?? NaN;
  const open = high - stack.mass[row]!;
  return open > 0 ? (share ? open / high : open) : 0;
}

// The row of a cut in a sorted column of cuts, or -1.
export function rowOf(cuts: Int32Array, cut: number): number {
  const row = lastAtMost(cuts, cut);
  return row >= 0 && cuts[row] === cut ? row : -1;
}

// First row and one past the last row with cut[row] === cut, in a sorted column.
export function rowsOf(cuts: Int32Array, cut: number): [number, number] {
  return [lastAtMost(cuts, cut - 1) + 1, lastAtMost(cuts, cut) + 1];
}

export function rowsBetween(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, k) => from + k);
}

const BINS = 20;

// The metric on a scale from the least to the largest of its numbers; one of changes keeps 0 in the middle. What has a colour and no
// number (narrow bounds) counts as the number its colour stands for. Itself where there is nothing to spread.
export function stretched(metric: Metric): Metric {
  const span = metric.high - metric.low;
  const numbers = metric.values.map((x, i) => (Number.isNaN(x) && metric.bins[i] !== NO_BIN ? metric.low + (metric.bins[i]! / BINS) * span : x));
  let [low, high] = [Infinity, -Infinity];
  for (const x of numbers) {
    if (x < low) low = x;
    if (x > high) high = x;
  }
  if (metric.low < 0) [low, high] = [-Math.max(-low, high), Math.max(-low, high)];
  if (!(high > low)) return metric;
  const bins = metric.bins.map((bin, i) => (bin === NO_BIN ? bin : Math.max(0, Math.min(BINS, Math.floor(((numbers[i]! - low) / (high - low)) * BINS + 0.5)))));
  return { ...metric, low, high, bins };
}
