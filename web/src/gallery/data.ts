// The gallery as the page carries it, and its columns as typed arrays: one row per trace (report/sections/gallery).
import * as codec from "../codec";
import type { Column, TextColumn, Texts } from "../codec";
import type { Fact, Section, Sheet } from "../model";

// A point of a curve is a step of 1/STEPS; OPEN is added where mass or verdicts are missing; ABSENT is no number.
export const STEPS = 120;
export const OPEN = 128;
export const ABSENT = 255;

export interface Threshold { readonly name: string; readonly value: number; readonly low: number; readonly high: number; readonly step: number; readonly note: string }
// Holds of a trace whose feature compares with the threshold times the scale, or with the scale where the threshold is -1; never of a
// feature without a number.
export interface Condition { readonly feature: number; readonly op: ">=" | "<=" | ">" | "<"; readonly threshold: number; readonly scale: number }
export interface Rule { readonly label: string; readonly note: string; readonly conditions: readonly Condition[] }
export interface Feature { readonly name: string; readonly note: string; readonly values: Float32Array }

interface Head {
  readonly title: string;
  readonly lead: readonly string[];
  readonly what: string;
  readonly subjects: readonly string[];
  readonly notes: readonly string[];
  readonly n: number;
  readonly thresholds: readonly Threshold[];
  readonly rules: readonly Rule[];
  readonly medoids: readonly number[];
  // Tables over all traces.
  readonly sheets: readonly Sheet[];
  readonly facts: readonly Fact[];
  readonly features: readonly { readonly name: string; readonly note: string }[];
  readonly columns: {
    readonly ids: TextColumn; readonly texts: TextColumn; readonly answers: TextColumn;
    readonly subject: Column; readonly correct: Column; readonly tokens: Column; readonly cluster: Column; readonly held: Column; readonly label: Column;
    readonly trace: Column; readonly offsets: Column; readonly points: Column; readonly features: readonly Column[];
  };
}

export interface Gallery extends Omit<Head, "columns" | "features"> {
  readonly features: readonly Feature[];
  readonly ids: Texts;
  readonly texts: Texts;
  readonly answers: Texts;
  readonly subject: Int32Array;
  // 0: wrong, 1: correct, 2: not known.
  readonly correct: Uint8Array;
  readonly tokens: Int32Array;
  // -1: none.
  readonly cluster: Int32Array;
  readonly held: Uint8Array;
  // The rule of each row at the thresholds of the survey.
  readonly label: Uint8Array;
  // Index of the trace in the page; -1: the page does not hold it.
  readonly trace: Int32Array;
  // Points of row i: points[offsets[i]] to points[offsets[i + 1] - 1].
  readonly offsets: Uint32Array;
  readonly points: Uint8Array;
  // The most points of a curve.
  readonly longest: number;
}

export function decodeGallery(section: Section, blob: Uint8Array): Gallery {
  const { columns, features, ...head } = section as unknown as Head;
  const lengths = codec.integers(blob, columns.offsets);
  const offsets = new Uint32Array(head.n + 1);
  let longest = 0;
  for (let i = 0; i < head.n; i++) {
    offsets[i + 1] = offsets[i]! + lengths[i]!;
    if (lengths[i]! > longest) longest = lengths[i]!;
  }
  return {
    ...head,
    features: features.map((one, k) => ({ ...one, values: codec.floats(blob, columns.features[k]!) })),
    ids: codec.texts(blob, columns.ids),
    texts: codec.texts(blob, columns.texts),
    answers: codec.texts(blob, columns.answers),
    subject: codec.integers(blob, columns.subject),
    correct: codec.small(blob, columns.correct),
    tokens: codec.integers(blob, columns.tokens),
    cluster: codec.integers(blob, columns.cluster),
    label: codec.small(blob, columns.label),
    held: codec.small(blob, columns.held),
    trace: codec.integers(blob, columns.trace),
    points: codec.small(blob, columns.points),
    offsets,
    longest,
  };
}
