// The view model as the page carries it (header) and as the viewer uses it (decoded).
import * as codec from "./codec";
import type { Column, TextColumn, Texts } from "./codec";
import { unitOf } from "./formal/change";
import { Chunk, decodeIndex } from "./formal/model";
import type { Formal, FormalHead, FormalIndex } from "./formal/model";
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

interface StackHead {
  readonly kind: "forced" | "outcomes";
  readonly name: string;
  readonly text: string;
  readonly labels: readonly string[];
  readonly colours: readonly number[];
  readonly gold: readonly boolean[];
  readonly all_labels: readonly string[];
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
  readonly columns: { readonly values: Column; readonly bins: Column };
}

interface SamplesHead {
  readonly outcomes: readonly string[];
  readonly verdicts: readonly string[];
  readonly stops: readonly string[];
  readonly left_out: number;
  readonly columns: Record<string, Column>;
  readonly text: TextColumn;
}

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
export interface SheetCell { readonly main: string; readonly number: readonly [number | null, number | null, number | null] | null }

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
}

// What one section of the page holds; its kind says which component draws it (sections/index.ts).
export interface Section extends Readonly<Record<string, unknown>> { readonly kind: string }

interface Written {
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
  readonly sheets: readonly Sheet[];
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

export function readHeader(): Header {
  const written = JSON.parse(document.getElementById("tw-header")?.textContent ?? "null") as Written | null;
  if (written?.schema !== "tokenworth.view/5") throw new Error(`this viewer reads tokenworth.view/5, the page holds ${written?.schema ?? "nothing"}`);
  const of = (kind: string) => written.sections.filter((s) => s.kind === kind);
  const traces = of("traces")[0] as Pick<Header, "sets" | "traces"> | undefined;
  return {
    ...written,
    sets: traces?.sets ?? [],
    traces: traces?.traces ?? [],
    formal: (of("verified")[0] as FormalHead | undefined) ?? null,
    sheets: of("sheets").flatMap((s) => s["sheets"] as readonly Sheet[]),
  };
}

async function blobOf(id: string): Promise<Uint8Array> {
  return codec.inflate(codec.bytesOf(document.getElementById(id)?.textContent ?? ""));
}

const byId = new Map<number, Promise<Trace>>();
const chunks = new Map<number, Promise<Chunk>>();

// Verified traces follow the others: the trace of row r that is none of them has the index `traces.length + r`.
export function loadTrace(header: Header, index: number, rows: FormalIndex | null): Promise<Trace> {
  let found = byId.get(index);
  if (!found) byId.set(index, (found = decode(header, index, rows)));
  return found;
}

export async function loadIndex(header: Header): Promise<FormalIndex | null> {
  return header.formal && decodeIndex(header.formal, await blobOf("tw-formal"));
}

// What stands where a curve has no value: its limits may be known all the same.
export function missing(curve: Curve, row: number): string {
  return row < 0 || Number.isNaN(curve.low[row]!) ? "not measured" : "no draw";
}

export function indexOfRow(header: Header, rows: FormalIndex, row: number): number {
  return rows.measured[row]! >= 0 ? rows.measured[row]! : header.traces.length + row;
}

async function decode(header: Header, index: number, rows: FormalIndex | null): Promise<Trace> {
  const regular = header.traces[index];
  if (!regular) return verified(header, rows!, index - header.traces.length);
  const found = await decodeTrace(regular, index);
  const row = rows ? rows.measured.indexOf(index) : -1;
  if (row < 0) return found;
  return { ...found, ...(await formalPart(header, rows!, row, found, false)) };
}

type Units = Pick<Trace, "prompt" | "pieces" | "answer" | "n" | "events" | "curve">;

async function formalPart(header: Header, rows: FormalIndex, row: number, units: Units, own: boolean): Promise<Pick<Trace, "formal" | "events">> {
  const { chunk, codes } = header.formal!;
  const at = Math.floor(row / chunk);
  const formal = (await loadChunk(header.formal!, at)).formal(row % chunk, row, rows.kept[row] === 1, codes, units, own);
  return { formal, events: marked(units, formal) };
}

// Violations are marks like others, at the cut after the unit they are shown at; those of the answer stand at its end.
function marked(units: Units, formal: Formal): TraceEvent[] {
  const own = formal.violations.map((v, k): TraceEvent => {
    const where = v.event >= 0 ? ` at event ${v.event}` : "";
    return { cut: Math.max(0, Math.min(units.n, unitOf(formal, v, units.n, units.curve) + 1)), kind: k === 0 ? "first error" : "violation", label: `${v.code.name}${where}: expected ${v.expected}, got ${v.got}`, stack: -1 };
  });
  return [...units.events, ...own].sort((a, b) => a.cut - b.cut);
}

function loadChunk(head: FormalHead, at: number): Promise<Chunk> {
  let found = chunks.get(at);
  if (!found) chunks.set(at, (found = blobOf(`tw-formal-${at}`).then((blob) => new Chunk(head.chunks[at]!, blob))));
  return found;
}

const NO_NUMBERS = new Int32Array(0);
const NO_VALUES = new Float32Array(0);
const NO_TEXTS: Texts = codec.fromLengths("", []);

// A verified trace that is no other trace of the page, as a trace of its own.
async function verified(header: Header, rows: FormalIndex, row: number): Promise<Trace> {
  const head = header.formal!;
  const text = (await loadChunk(head, Math.floor(row / head.chunk))).text(row % head.chunk);
  const document = head.documents[rows.document[row]!]!;
  const facts = ([["domain", document.domain], ["dialect", document.dialect], ["strictness", document.strictness], ["verifier", document.version]] as const).map(
    ([label, value]) => ({ label, value, detail: "", minor: false }),
  );
  const bare = {
    name: rows.ids.at(row), label: [rows.groups[rows.group[row]!], rows.ids.at(row)].filter(Boolean).join(" · "), title: "", problem: "", measured: false, sample_set: -1, problem_id: "", unit: "token" as const, question: "", outcome: "",
    verdict: ["correct", "incorrect", "unknown"][rows.answer[row]!]!, notes: document.notes, options: [], facts, outcomes: [], curve: null, stacks: [], metrics: [],
  };
  const samples = { outcomes: [], verdicts: [], stops: [], left_out: 0 };
  const columns = { cut: NO_NUMBERS, token: NO_NUMBERS, rollouts: NO_NUMBERS, index: NO_NUMBERS, tokens: NO_NUMBERS, branch: NO_NUMBERS, diverges: NO_NUMBERS };
  const found = {
    // The columns of a head are not read once a trace is decoded.
    head: bare as unknown as TraceHead,
    n: text.pieces.n,
    ...text,
    curve: null,
    stacks: [],
    metrics: new Map<string, Metric>(),
    branches: { ...columns, n: 0, p: NO_VALUES, value: NO_VALUES, low: NO_VALUES, high: NO_VALUES, delta: NO_VALUES, isBase: new Uint8Array(0), text: NO_TEXTS, counts: [] },
    samples: {
      ...samples, ...columns, n: 0, outcome: NO_NUMBERS, verdict: NO_NUMBERS, stop: NO_NUMBERS, kept: new Uint8Array(0), text: NO_TEXTS,
      texts: () => Promise.resolve(NO_TEXTS),
    },
    events: [],
  };
  return { ...found, ...(await formalPart(header, rows, row, found, true)) };
}

async function decodeTrace(head: TraceHead, index: number): Promise<Trace> {
  const blob = await blobOf(`tw-data-${index}`);
  const pieces = codec.texts(blob, head.text.pieces);
  const metrics = head.metrics.map((m) => ({ ...m, values: codec.floats(blob, m.columns.values), bins: codec.small(blob, m.columns.bins) }));
  return {
    head,
    n: pieces.n,
    pieces,
    answer: codec.texts(blob, head.text.answer_pieces),
    prompt: codec.texts(blob, head.prompt).text,
    curve: head.curve && decodeCurve(head.curve, blob),
    stacks: head.stacks.map((s) => decodeStack(s, blob)),
    metrics: new Map(metrics.map((m) => [m.key, m])),
    branches: decodeBranches(head.branches, blob),
    samples: decodeSamples(head.samples, blob, index),
    events: decodeEvents(head.events, blob),
    formal: null,
  };
}

function decodeCurve(head: CurveHead, blob: Uint8Array): Curve {
  const f = (name: string) => codec.floats(blob, head.columns[name]!);
  const i = (name: string) => codec.integers(blob, head.columns[name]!);
  return {
    ...head,
    cuts: i("cuts"), value: f("value"), low: f("low"), high: f("high"), nStarted: i("n_started"), nEffective: f("n_effective"),
    state: codec.small(blob, head.columns["state"]!),
    delta: f("delta"), deltaLow: f("delta_low"), deltaHigh: f("delta_high"), deltaFrom: f("delta_from"),
    leave: head.columns["leave"] ? f("leave") : null,
    unsampled: head.columns["unsampled"] ? f("unsampled") : null,
    logKept: head.columns["log_kept"] ? f("log_kept") : null,
    widened: head.columns["widened"] ? f("widened") : null,
  };
}

function decodeStack(head: StackHead, blob: Uint8Array): Stack {
  const c = head.columns;
  const raw = c.raw.map((x) => codec.floats(blob, x));
  const mass = codec.floats(blob, c.mass);
  const massHigh = c.mass_high && codec.floats(blob, c.mass_high);
  const over = massHigh ?? mass;
  return {
    ...head,
    cuts: codec.integers(blob, c.cuts),
    raw,
    share: raw.map((row) => row.map((x, k) => (over[k]! > 0 ? x / over[k]! : NaN))),
    allRaw: c.all_raw ? c.all_raw.map((x) => codec.floats(blob, x)) : raw,
    allHigh: c.all_high && c.all_high.map((x) => codec.floats(blob, x)),
    mass,
    massHigh,
    held: c.held && codec.small(blob, c.held),
    top: codec.integers(blob, c.top),
    topToken: c.top_token && codec.texts(blob, c.top_token),
    topProbability: c.top_probability && codec.floats(blob, c.top_probability),
  };
}

function decodeBranches(c: TraceHead["branches"], blob: Uint8Array): Branches {
  const f = (name: string) => codec.floats(blob, c[name]!);
  const i = (name: string) => codec.integers(blob, c[name]!);
  return {
    n: c["cut"]!.n,
    cut: i("cut"), token: i("token"), rollouts: i("n"),
    p: f("p"), value: f("value"), low: f("low"), high: f("high"), delta: f("delta"),
    isBase: codec.small(blob, c["is_base"]!),
    text: codec.texts(blob, c.text),
    counts: c.counts.map((x) => codec.integers(blob, x)),
  };
}

function decodeSamples(head: SamplesHead, blob: Uint8Array, index: number): Samples {
  const i = (name: string) => codec.integers(blob, head.columns[name]!);
  let read: Promise<Texts> | null = null;
  return {
    ...head,
    n: head.columns["cut"]!.n,
    cut: i("cut"), index: i("index"), tokens: i("n_tokens"), branch: i("branch"), diverges: i("diverges"),
    outcome: i("outcome"), verdict: i("verdict"), stop: i("stop"),
    kept: codec.small(blob, head.columns["kept"]!),
    texts: () => (read ??= blobOf(`tw-texts-${index}`).then((b) => codec.texts(b, head.text))),
  };
}

function decodeEvents(head: TraceHead["events"], blob: Uint8Array): TraceEvent[] {
  const c = head.columns;
  const cut = codec.integers(blob, c["cut"]!);
  const stack = codec.integers(blob, c["stack"]!);
  const kind = codec.small(blob, c["kind"]!);
  const label = codec.integers(blob, c["label"]!);
  return Array.from(cut, (x, k) => ({ cut: x, stack: stack[k]!, kind: head.kinds[kind[k]!]!, label: head.labels[label[k]!]! }));
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
  const row = codec.lastAtMost(cuts, cut);
  return row >= 0 && cuts[row] === cut ? row : -1;
}

// First row and one past the last row with cut[row] === cut, in a sorted column.
export function rowsOf(cuts: Int32Array, cut: number): [number, number] {
  return [codec.lastAtMost(cuts, cut - 1) + 1, codec.lastAtMost(cuts, cut) + 1];
}
