// Reads the parts of one report by name. Each is unpacked when it is first asked for, and once.
import * as codec from "./codec";
import type { Texts } from "./codec";
import { unitOf } from "./formal/change";
import { decodeGallery } from "./gallery/data";
import type { Gallery } from "./gallery/data";
import { Chunk, decodeIndex } from "./formal/model";
import type { Formal, FormalHead, FormalIndex, FormalText } from "./formal/model";
import type { Branches, Curve, Header, Metric, Samples, SamplesHead, Section, Sheet, Stack, StackHead, Trace, TraceEvent, TraceHead, Written } from "./model";
import type { CurveHead, Verdicts } from "./types";

// Text of a part of a report (its header as JSON, the others packed), or nothing where there is no such part.
export type Source = (name: string) => string | null | undefined | Promise<string | null | undefined>;

type Units = Pick<Trace, "prompt" | "pieces" | "answer" | "n" | "events" | "curve">;

async function blobOf(source: Source, name: string): Promise<Uint8Array> {
  return codec.inflate(codec.bytesOf((await source(name)) ?? ""));
}

async function readHeader(source: Source): Promise<Header> {
  const written = JSON.parse((await source("header")) ?? "null") as Written | null;
  if (written?.schema !== "tokenworth.view/5") throw new Error(`this viewer reads tokenworth.view/5, the page holds ${written?.schema ?? "nothing"}`);
  const of = (kind: string) => written.sections.filter((s) => s.kind === kind);
  const traces = of("traces")[0] as Pick<Header, "sets" | "traces"> | undefined;
  return {
    ...written,
    sets: traces?.sets ?? [],
    traces: traces?.traces ?? [],
    formal: (of("verified")[0] as FormalHead | undefined) ?? null,
    sections: await withRows(written.sections),
    hasSheets: of("sheets").length > 0,
  };
}

// Tables with what their rows are called: documents are counted over the page, rows without a key over their document.
async function withRows(sections: readonly Section[]): Promise<readonly Section[]> {
  const found: Section[] = [];
  let before = 0;
  for (const section of sections) {
    const sheets = section["sheets"] as readonly Sheet[] | undefined;
    const packed = (section["packed"] as string | undefined) ?? "";
    const blob = packed ? await codec.inflate(codec.bytesOf(packed)) : new Uint8Array();
    // Those of a gallery are a part of its view.
    const own = section.kind === "sheets";
    const rows = sheets?.map((sheet, k): Sheet => ({
      ...sheet, blob,
      document: own ? before + sheet.document - 1 : -1,
      keys: sheet.keys.length ? sheet.keys : sheet.rows.map((_, row) => `${k}-${row}`),
    }));
    found.push(rows ? { ...section, sheets: rows } : section);
    if (own) before += section["documents"] as number;
  }
  return found;
}

export async function openData(source: Source): Promise<Data> {
  const header = await readHeader(source);
  const gallery = header.sections.find((s) => s.kind === "gallery");
  return new Data(source, header, header.formal && decodeIndex(header.formal, await blobOf(source, "formal")), gallery ? decodeGallery(gallery, await blobOf(source, "gallery")) : null);
}

export class Data {
  readonly #traces = new Map<number, Promise<Trace>>();
  readonly #chunks = new Map<number, Promise<Chunk>>();
  readonly #source: Source;

  constructor(
    source: Source,
    readonly header: Header,
    // Verified traces, in a row each.
    readonly rows: FormalIndex | null,
    readonly gallery: Gallery | null,
  ) {
    this.#source = source;
  }

  // Verified traces follow the others: the trace of row r that is none of them has the index `traces.length + r`.
  load(index: number): Promise<Trace> {
    let found = this.#traces.get(index);
    if (!found) this.#traces.set(index, (found = this.#decode(index)));
    return found;
  }

  indexOf(row: number): number {
    const measured = this.rows!.measured[row]!;
    return measured >= 0 ? measured : this.header.traces.length + row;
  }

  async #decode(index: number): Promise<Trace> {
    const regular = this.header.traces[index];
    if (!regular) return this.#verified(index - this.header.traces.length);
    const found = await this.#trace(regular, index);
    const row = this.rows ? this.rows.measured.indexOf(index) : -1;
    return row < 0 ? found : { ...found, ...(await this.#formal(row, found, false)) };
  }

  #chunk(at: number): Promise<Chunk> {
    let found = this.#chunks.get(at);
    if (!found) this.#chunks.set(at, (found = blobOf(this.#source, `formal-${at}`).then((blob) => new Chunk(this.header.formal!.chunks[at]!, blob))));
    return found;
  }

  async #formal(row: number, units: Units, own: boolean): Promise<Pick<Trace, "formal" | "events">> {
    const { chunk, codes } = this.header.formal!;
    const formal = (await this.#chunk(Math.floor(row / chunk))).formal(row % chunk, row, this.rows!.kept[row] === 1, codes, units, own);
    return { formal, events: marked(units, formal) };
  }

  // A verified trace that is no other trace of the report, as a trace of its own.
  async #verified(row: number): Promise<Trace> {
    const { chunk } = this.header.formal!;
    const found = bareTrace(this.header.formal!, this.rows!, row, (await this.#chunk(Math.floor(row / chunk))).text(row % chunk));
    return { ...found, ...(await this.#formal(row, found, true)) };
  }

  async #trace(head: TraceHead, index: number): Promise<Trace> {
    const blob = await blobOf(this.#source, `data-${index}`);
    const pieces = codec.texts(blob, head.text.pieces);
    const metrics = head.metrics.map((m) => ({ ...m, values: codec.floats(blob, m.columns.values), bins: codec.small(blob, m.columns.bins), hatched: m.columns.hatched && codec.small(blob, m.columns.hatched) }));
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
      samples: decodeSamples(head.samples, blob, () => blobOf(this.#source, `texts-${index}`)),
      events: decodeEvents(head.events, blob),
      formal: null,
    };
  }
}

// Violations are marks like others, at the cut after the unit they are shown at; those of the answer stand at its end.
function marked(units: Units, formal: Formal): TraceEvent[] {
  const own = formal.violations.map((v, k): TraceEvent => {
    const where = v.event >= 0 ? ` at event ${v.event}` : "";
    return { cut: Math.max(0, Math.min(units.n, unitOf(formal, v, units.n, units.curve) + 1)), kind: k === 0 ? "first error" : "violation", label: `${v.code.name}${where}: expected ${v.expected}, got ${v.got}`, stack: -1 };
  });
  return [...units.events, ...own].sort((a, b) => a.cut - b.cut);
}

// A verified trace without its verdicts.
function bareTrace(head: FormalHead, rows: FormalIndex, row: number, text: FormalText): Trace {
  const document = head.documents[rows.document[row]!]!;
  const facts = ([["domain", document.domain], ["dialect", document.dialect], ["strictness", document.strictness], ["verifier", document.version]] as const).map(
    ([label, value]) => ({ label, value, detail: "", minor: false }),
  );
  const bare = {
    name: rows.ids.at(row), label: [rows.groups[rows.group[row]!], rows.ids.at(row)].filter(Boolean).join(" · "), title: "", problem: "", measured: false, sample_set: -1, problem_id: "", unit: "token" as const, question: "", outcome: "",
    verdict: ["correct", "incorrect", "unknown"][rows.answer[row]!]!, notes: document.notes, lead: null, options: [], facts, outcomes: [], curve: null, stacks: [], metrics: [],
  };
  const [none, noValues, noTexts] = [new Int32Array(0), new Float32Array(0), codec.fromLengths("", [])];
  const samples = { outcomes: [], verdicts: [], stops: [], left_out: 0 };
  const columns = { cut: none, token: none, rollouts: none, index: none, tokens: none, branch: none, diverges: none };
  return {
    // The columns of a head are not read once a trace is decoded.
    head: bare as unknown as TraceHead,
    n: text.pieces.n,
    ...text,
    curve: null,
    stacks: [],
    metrics: new Map<string, Metric>(),
    branches: { ...columns, n: 0, p: noValues, value: noValues, low: noValues, high: noValues, delta: noValues, isBase: new Uint8Array(0), text: noTexts, counts: [] },
    samples: {
      ...samples, ...columns, n: 0, outcome: none, verdict: none, stop: none, kept: new Uint8Array(0),
      texts: () => Promise.resolve(noTexts),
    },
    events: [],
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
    bandLow: head.columns["band_low"] ? f("band_low") : null,
    bandHigh: head.columns["band_high"] ? f("band_high") : null,
    verdicts: head.columns.verdicts && (Object.fromEntries(Object.entries(head.columns.verdicts).map(([k, c]) => [k, codec.floats(blob, c)])) as unknown as Verdicts),
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

function decodeSamples(head: SamplesHead, blob: Uint8Array, texts: () => Promise<Uint8Array>): Samples {
  const i = (name: string) => codec.integers(blob, head.columns[name]!);
  let read: Promise<Texts> | null = null;
  return {
    ...head,
    n: head.columns["cut"]!.n,
    cut: i("cut"), index: i("index"), tokens: i("n_tokens"), branch: i("branch"), diverges: i("diverges"),
    outcome: i("outcome"), verdict: i("verdict"), stop: i("stop"),
    kept: codec.small(blob, head.columns["kept"]!),
    texts: () => (read ??= texts().then((b) => codec.texts(b, head.text))),
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

