// Every drawn number as JSON, from the data in the page.
import type { State } from "./state";
import type { Texts } from "./codec";
import type { Formal } from "./formal/model";
import type { Trace } from "./model";

const LISTS = ["start", "walls", "goals", "boxes", "plan"] as const;

type Numbers = ArrayLike<number>;

function numbers(column: Numbers): (number | null)[] {
  return Array.from(column, (x) => (Number.isNaN(x) ? null : Number.isInteger(x) ? x : Number(x.toPrecision(7))));
}

function strings(texts: Texts): string[] {
  return Array.from({ length: texts.n }, (_, i) => texts.at(i));
}

// Typed arrays become lists (NaN becomes null); everything else stays.
function plain(record: object): Record<string, unknown> {
  const isNumbers = (x: unknown): x is Numbers => ArrayBuffer.isView(x) && !(x instanceof DataView);
  return Object.fromEntries(
    Object.entries(record)
      .filter(([key, x]) => typeof x !== "function" && key !== "columns")
      .map(([key, x]) => {
        if (isNumbers(x)) return [key, numbers(x)];
        if (Array.isArray(x) && x.length && isNumbers(x[0])) return [key, x.map(numbers)];
        if (x !== null && typeof x === "object" && "offsets" in x) return [key, strings(x as Texts)];
        // Columns in a record of their own.
        if (x !== null && typeof x === "object" && !Array.isArray(x) && Object.values(x).some(isNumbers)) return [key, plain(x)];
        return [key, x as unknown];
      }),
  );
}

export async function exported(report: State, found: Trace): Promise<Record<string, unknown>> {
  const head = report.header;
  const texts = await found.samples.texts();
  return {
    schema: head.schema,
    title: head.title,
    generator: head.generator,
    hash: head.hash,
    sample_set: report.sampleSet.value,
    trace: {
      name: found.head.name,
      problem_id: found.head.problem_id,
      unit: found.head.unit,
      question: found.head.question,
      options: found.head.options,
      facts: found.head.facts,
      outcome: found.head.outcome,
      verdict: found.head.verdict,
      notes: found.head.notes,
      outcomes: found.head.outcomes,
      prompt: found.prompt,
      pieces: strings(found.pieces),
      answer_pieces: strings(found.answer),
      curve: found.curve && plain(found.curve),
      stacks: found.stacks.map(plain),
      metrics: [...found.metrics.values()].map(plain),
      branches: plain(found.branches),
      samples: { ...plain(found.samples), texts: strings(texts) },
      events: found.events,
      formal: found.formal && formalOf(found.formal),
    },
  };
}

function formalOf(formal: Formal): Record<string, unknown> {
  const { grid } = formal;
  return { ...formal, counts: Object.fromEntries(formal.counts), grid: grid && { ...plain(grid), ...Object.fromEntries(LISTS.map((k) => [k, plain(grid[k])])), steps: plain(grid.steps) } };
}

export async function downloadJson(report: State): Promise<void> {
  if (!report.trace.value) return;
  const text = JSON.stringify(await exported(report, report.trace.value), null, 1);
  download(new Blob([text], { type: "application/json" }), `tokenworth-${report.header.hash.slice(0, 12)}.json`);
}

export function download(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
