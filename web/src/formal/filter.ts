// Which verified traces are listed: a cell of the table, a code, or both. The link carries it as `f=g0.ti.lf.ac` and `c=CODE`.
import { ANSWERS, LINKS, STATES } from "./model";
import type { FormalHead, FormalIndex } from "./model";

// Indices into tables, STATES, LINKS and ANSWERS; -1 means any. `code` is the first error.
export interface Filter { readonly table: number; readonly state: number; readonly link: number; readonly answer: number; readonly code: string }

export const EVERYTHING: Readonly<Filter> = { table: -1, state: -1, link: -1, answer: -1, code: "" };

const CODE = /^[A-Za-z0-9_-]{1,40}$/;

export function printFilter(f: Filter): string[] {
  const parts = [f.table < 0 ? "" : `g${f.table}`, mark("t", STATES, f.state), mark("l", LINKS, f.link), mark("a", ANSWERS, f.answer)].filter(Boolean);
  return [...(parts.length ? [`f=${parts.join(".")}`] : []), ...(CODE.test(f.code) ? [`c=${f.code}`] : [])];
}

function mark(letter: string, words: readonly string[], k: number): string {
  return k < 0 ? "" : letter + words[k]![0]!;
}

export function parseFilter(places: string | undefined, code: string | undefined): Filter {
  const found = new Map((places ?? "").split(".").map((part) => [part[0], part.slice(1)] as const));
  const at = (letter: string, words: readonly string[]) => {
    const first = found.get(letter);
    return first?.length === 1 ? words.findIndex((w) => w[0] === first) : -1;
  };
  const table = found.get("g") ?? "";
  return {
    table: /^\d{1,6}$/.test(table) ? Number(table) : -1,
    state: at("t", STATES), link: at("l", LINKS), answer: at("a", ANSWERS),
    code: CODE.test(code ?? "") ? code! : "",
  };
}

export function matching(head: FormalHead, index: FormalIndex, f: Filter): number[] {
  const code = f.code ? head.codes.findIndex((c) => c.name === f.code) : -1;
  const rows: number[] = [];
  for (let i = 0; i < index.n; i++) {
    if (f.table >= 0 && index.table[i] !== f.table) continue;
    if (f.state >= 0 && index.state[i] !== f.state) continue;
    if (f.link >= 0 && index.link[i] !== f.link) continue;
    if (f.answer >= 0 && index.answer[i] !== f.answer) continue;
    if (f.code && index.first[i] !== code) continue;
    rows.push(i);
  }
  return rows;
}
