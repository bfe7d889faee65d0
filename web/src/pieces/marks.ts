// Which marks a token has. Pure, so it can be tested alone.
export type MarkKind = "up" | "down" | "claim" | "undecided" | "excluded" | "span";
export type Mark = readonly [start: number, stop: number, kind: MarkKind, label: string, row: string];

export const SIGNS: Readonly<Record<string, string>> = { up: "▲", down: "▼", claim: "◆", undecided: "?" };
export const NAMES: Readonly<Record<MarkKind, string>> = {
  up: "claim: raises it", down: "claim: lowers it", claim: "claim", undecided: "not decided", excluded: "excluded", span: "interval",
};

export interface Run { readonly from: number; readonly to: number; readonly marks: readonly Mark[] }

// Stretches of tokens with the same marks, in order; they cover all tokens.
export function runsOf(n: number, marks: readonly Mark[]): Run[] {
  const ends = new Set([0, n]);
  for (const [start, stop] of marks) ends.add(start).add(stop);
  const at = [...ends].sort((a, b) => a - b);
  return at.slice(0, -1).map((from, k) => ({ from, to: at[k + 1]!, marks: marks.filter(([start, stop]) => start <= from && at[k + 1]! <= stop) }));
}
