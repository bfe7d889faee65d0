// Verified traces as the page carries them (an index, and chunks of texts and events) and as the viewer uses them.
import * as codec from "../codec";
import type { Column, TextColumn, Texts } from "../codec";
import type { Fact } from "../types";
import { aligned, piecesOf } from "./words";

export const STATES = ["valid", "invalid", "unparsed", "none"] as const;
export const LINKS = ["follows", "differs", "unknown"] as const;
export const ANSWERS = ["correct", "incorrect", "unknown"] as const;

export interface FormalDocument {
  readonly domain: string;
  readonly dialect: string;
  readonly strictness: string;
  readonly version: string;
  readonly facts: readonly Fact[];
  readonly notes: readonly string[];
}

export interface Code { readonly name: string; readonly tier: string; readonly text: string }
interface Share { readonly n: number; readonly share: number | null; readonly low: number | null; readonly high: number | null }
export interface Joint extends Share { readonly trace: string; readonly answer: string }
export interface Cell extends Joint { readonly link: string }
export interface Conditional {
  readonly of: string; readonly given: string; readonly k: number; readonly n: number;
  readonly value: number | null; readonly low: number | null; readonly high: number | null;
}
export interface Odds {
  readonly rows: string; readonly columns: string; readonly counts: readonly (readonly number[])[];
  readonly value: number | null; readonly low: number | null; readonly high: number | null; readonly p: number | null;
}

export interface FormalTable {
  readonly document: number;
  readonly group: string;
  readonly n: number;
  readonly listed: number;
  readonly n_unparsed: number;
  readonly n_unknown: number;
  readonly level: number;
  readonly joint: readonly Joint[];
  readonly cells: readonly Cell[];
  readonly shares: readonly Conditional[];
  readonly odds: readonly Odds[];
  readonly first_errors: readonly (readonly [string, number])[];
}

interface ChunkHead {
  readonly verbs: readonly string[];
  readonly columns: Record<string, Column>;
  readonly texts: Record<string, TextColumn>;
}

export interface FormalHead {
  readonly documents: readonly FormalDocument[];
  readonly codes: readonly Code[];
  readonly tables: readonly FormalTable[];
  readonly n: number;
  readonly left_out: number;
  readonly chunk: number;
  readonly index: { readonly groups: readonly string[]; readonly columns: Record<string, Column>; readonly ids: TextColumn };
  readonly chunks: readonly ChunkHead[];
}

// One row a trace: what the list and the filter need.
export interface FormalIndex {
  readonly n: number;
  readonly ids: Texts;
  readonly groups: readonly string[];
  readonly group: Int32Array;
  readonly table: Int32Array;
  readonly document: Int32Array;
  readonly state: Uint8Array;
  readonly link: Uint8Array;
  readonly answer: Uint8Array;
  readonly planValid: Uint8Array;
  readonly planOptimal: Uint8Array;
  readonly first: Int32Array;
  readonly firstEvent: Int32Array;
  readonly violations: Int32Array;
  readonly events: Int32Array;
  readonly measured: Int32Array;
  readonly kept: Uint8Array;
}

export interface Violation {
  readonly code: Code;
  readonly event: number;
  // Units it is about, first and one past the last; those of the answer follow those of the trace. Both -1: a place before the trace.
  readonly from: number;
  readonly to: number;
  readonly expected: string;
  readonly got: string;
  // Its event among the steps that are drawn, or -1.
  readonly step: number;
}

export interface Steps {
  readonly n: number;
  readonly verbs: readonly string[];
  readonly verb: Int32Array;
  readonly x: Int32Array;
  readonly y: Int32Array;
  readonly g: Int32Array;
  readonly h: Int32Array;
  readonly from: Int32Array;
  readonly to: Int32Array;
  // Boxes of step k: cells boxAt[k] to boxAt[k + 1]; null where no step has any.
  readonly boxAt: Int32Array | null;
  readonly boxes: Cells;
}

export interface Cells { readonly n: number; readonly x: Int32Array; readonly y: Int32Array }

export interface Grid {
  readonly rows: number;
  readonly cols: number;
  readonly start: Cells;
  readonly walls: Cells;
  readonly goals: Cells;
  readonly boxes: Cells;
  readonly plan: Cells;
  readonly steps: Steps;
}

// A verified trace on the units that the text pane shows.
export interface Formal {
  readonly row: number;
  readonly kept: boolean;
  readonly violations: readonly Violation[];
  readonly counts: readonly (readonly [string, number])[];
  readonly facts: readonly (readonly [string, string])[];
  readonly grid: Grid | null;
}

export interface FormalText { readonly prompt: string; readonly pieces: Texts; readonly answer: Texts }

export function decodeIndex(head: FormalHead, blob: Uint8Array): FormalIndex {
  const c = head.index.columns;
  const i = (name: string) => codec.integers(blob, c[name]!);
  const u = (name: string) => codec.small(blob, c[name]!);
  return {
    n: head.n,
    ids: codec.texts(blob, head.index.ids),
    groups: head.index.groups,
    group: i("group"), table: i("table"), document: i("document"),
    state: u("state"), link: u("link"), answer: u("answer"), planValid: u("plan_valid"), planOptimal: u("plan_optimal"),
    first: i("first"), firstEvent: i("first_event"), violations: i("violations"), events: i("events"), measured: i("measured"),
    kept: u("kept"),
  };
}

// First and past place of item k in a flat list of lists.
function bounds(sizes: Int32Array, k: number): [number, number] {
  let from = 0;
  for (let i = 0; i < k; i++) from += sizes[i]!;
  return [from, from + sizes[k]!];
}

export class Chunk {
  readonly #ints = new Map<string, Int32Array>();
  readonly #strings = new Map<string, Texts>();
  readonly #head: ChunkHead;
  readonly #blob: Uint8Array;

  constructor(head: ChunkHead, blob: Uint8Array) {
    this.#head = head;
    this.#blob = blob;
  }

  #i(name: string): Int32Array {
    let found = this.#ints.get(name);
    if (!found) this.#ints.set(name, (found = codec.integers(this.#blob, this.#head.columns[name]!)));
    return found;
  }

  #t(name: string): Texts {
    let found = this.#strings.get(name);
    if (!found) this.#strings.set(name, (found = codec.texts(this.#blob, this.#head.texts[name]!)));
    return found;
  }

  // The text of trace k in parts: prompt, words of the trace, words of the answer.
  text(k: number): FormalText {
    const text = this.#t("text").at(k);
    const [head, tail] = [this.#i("head")[k]!, Math.max(this.#i("head")[k]!, this.#i("tail")[k]!)];
    return { prompt: this.#t("prompt").at(k) + text.slice(0, head), pieces: piecesOf(text.slice(head, tail)), answer: piecesOf(text.slice(tail)) };
  }

  // Trace k on the units given; `own`: they are its own words, else those of a measured trace of the same words.
  formal(k: number, row: number, kept: boolean, codes: readonly Code[], units: FormalText, own: boolean): Formal {
    const text = this.#t("text").at(k);
    const unit = aligned(text, own ? this.#i("head")[k]! : null, this.#i("skip")[k]!, units.pieces, units.answer);
    const grid = this.#grid(k, unit);
    return { row, kept, violations: this.#violations(k, codes, unit, grid), counts: this.#counts(k, codes), facts: this.#facts(k), grid };
  }

  #spans(name: string, from: number, to: number, unit: (from: number, to: number) => [number, number]): [Int32Array, Int32Array] {
    const [starts, sizes] = [this.#i(`${name}_from`), this.#i(`${name}_size`)];
    const [first, past] = [new Int32Array(to - from), new Int32Array(to - from)];
    let at = 0;
    for (let j = from; j < to; j++) {
      at += starts[j]!;
      [first[j - from], past[j - from]] = unit(at, at + sizes[j]!);
    }
    return [first, past];
  }

  #violations(k: number, codes: readonly Code[], unit: (from: number, to: number) => [number, number], grid: Grid | null): Violation[] {
    const [from, to] = bounds(this.#i("n_violations"), k);
    const [first, past] = this.#spans("violation", from, to, unit);
    const [expected, got] = [this.#t("expected"), this.#t("got")];
    return Array.from(first, (a, j) => ({
      code: codes[this.#i("code")[from + j]!]!,
      event: this.#i("event")[from + j]!,
      from: a,
      to: past[j]!,
      expected: expected.at(from + j),
      got: got.at(from + j),
      step: grid && this.#i("event")[from + j]! >= 0 ? stepAt(grid.steps, a) : -1,
    }));
  }

  #counts(k: number, codes: readonly Code[]): [string, number][] {
    const [from, to] = bounds(this.#i("n_counts"), k);
    return Array.from({ length: to - from }, (_, j) => [codes[this.#i("count_code")[from + j]!]!.name, this.#i("count")[from + j]!]);
  }

  #facts(k: number): [string, string][] {
    const [from, to] = bounds(this.#i("n_facts"), k);
    return Array.from({ length: to - from }, (_, j) => [this.#t("fact").at(from + j), this.#t("fact_value").at(from + j)]);
  }

  #cells(name: string, k: number): Cells {
    const [from, to] = bounds(this.#i(`n_${name}`), k);
    return { n: to - from, x: this.#i(`${name}_x`).subarray(from, to), y: this.#i(`${name}_y`).subarray(from, to) };
  }

  #grid(k: number, unit: (from: number, to: number) => [number, number]): Grid | null {
    const drawn = this.#i("drawn");
    if (!drawn[k]) return null;
    const d = bounds(drawn, k)[0];
    const [from, to] = bounds(this.#i("n_steps"), d);
    const part = (name: string) => this.#i(name).subarray(from, to);
    const [first, past] = this.#spans("step", from, to, unit);
    const sizes = this.#head.columns["n_step_boxes"] ? this.#i("n_step_boxes") : null;
    const [boxFrom, boxTo] = sizes ? [sum(sizes.subarray(0, from)), sum(sizes.subarray(0, to))] : [0, 0];
    const none = new Int32Array(0);
    return {
      rows: this.#i("rows")[d]!,
      cols: this.#i("cols")[d]!,
      start: this.#cells("start", d),
      walls: this.#cells("walls", d),
      goals: this.#cells("goals", d),
      boxes: this.#cells("boxes", d),
      plan: this.#cells("plan", d),
      steps: {
        n: to - from, verbs: this.#head.verbs, verb: part("verb"), x: part("x"), y: part("y"), g: part("g"), h: part("h"), from: first, to: past,
        boxAt: sizes && starts(sizes.subarray(from, to)),
        boxes: sizes ? { n: boxTo - boxFrom, x: this.#i("step_boxes_x").subarray(boxFrom, boxTo), y: this.#i("step_boxes_y").subarray(boxFrom, boxTo) } : { n: 0, x: none, y: none },
      },
    };
  }
}

function sum(numbers: Int32Array): number {
  return numbers.reduce((a, b) => a + b, 0);
}

function starts(sizes: Int32Array): Int32Array {
  const out = new Int32Array(sizes.length + 1);
  sizes.forEach((size, k) => (out[k + 1] = out[k]! + size));
  return out;
}

// The step that a unit stands in or after, -1 before the first one.
export function stepAt(steps: Steps, unit: number): number {
  return codec.lastAtMost(steps.from, unit);
}
