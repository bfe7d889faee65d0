// Labels of traces by a table of rules: the first one whose conditions all hold. The last rule has none.
import type { Condition, Gallery } from "./data";

const HOLDS: Readonly<Record<Condition["op"], (x: number, bound: number) => boolean>> = {
  ">=": (x, bound) => x >= bound, "<=": (x, bound) => x <= bound, ">": (x, bound) => x > bound, "<": (x, bound) => x < bound,
};

export function labelsOf({ n, features, rules }: Pick<Gallery, "n" | "features" | "rules">, thresholds: readonly number[]): Uint8Array {
  const found = new Uint8Array(n).fill(rules.length - 1);
  for (let k = rules.length - 2; k >= 0; k--) {
    const all = rules[k]!.conditions.map(({ feature, op, threshold, scale }) => ({ values: features[feature]!.values, holds: HOLDS[op], bound: scale * (threshold < 0 ? 1 : thresholds[threshold]!) }));
    for (let i = 0; i < n; i++) if (all.every(({ values, holds, bound }) => holds(values[i]!, bound))) found[i] = k;
  }
  return found;
}

export function countsOf(labels: Uint8Array, most: number): number[] {
  const counts = new Array<number>(most).fill(0);
  for (const label of labels) counts[label]!++;
  return counts;
}
