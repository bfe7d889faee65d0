// What the reader of a gallery has chosen, and the part of a link that carries it: `y=` and letters with values.

export const KINDS = ["matrix", "strip", "line", "table", "numbers"] as const;
export type Kind = (typeof KINDS)[number];
// Of x and y of the plot: low and high each.
export type Box = readonly [number, number, number, number];

export interface View {
  readonly kind: Kind;
  readonly size: number;
  // A feature, or one of SORTS.
  readonly sort: number;
  readonly falling: boolean;
  // -1: any.
  readonly label: number;
  readonly subject: number;
  readonly correct: number;
  readonly cluster: number;
  readonly query: string;
  readonly x: number;
  readonly y: number;
  readonly box: Box | null;
  readonly at: number;
  readonly thresholds: readonly number[];
}

// As the survey has them, by length, by label, by cluster.
export const SORTS = [["order of the survey", -1], ["tokens", -2], ["label", -3], ["cluster", -4]] as const;
const LETTERS = { size: "z", sort: "s", label: "l", subject: "u", correct: "c", cluster: "m", x: "x", y: "y", at: "a" } as const;
const NUMBER = /^-?\d{1,9}$/;
const DECIMAL = /^-?\d{1,9}(\.\d{1,9})?(e-?\d{1,3})?$/;

export function printView(view: View, start: View): string {
  const parts = Object.entries(LETTERS).flatMap(([name, letter]) => {
    const value = view[name as keyof typeof LETTERS];
    return value === start[name as keyof typeof LETTERS] ? [] : [`${letter}${value}`];
  });
  if (view.kind !== start.kind) parts.push(`k${KINDS.indexOf(view.kind)}`);
  if (view.falling !== start.falling) parts.push(`d${view.falling ? 1 : 0}`);
  if (view.box) parts.push(`b${view.box.map((x) => Number(x.toPrecision(5))).join("~")}`);
  view.thresholds.forEach((x, k) => x !== start.thresholds[k] && parts.push(`h${k}~${x}`));
  if (view.query) parts.push(`q${encodeURIComponent(view.query.slice(0, 200))}`);
  return parts.join(",");
}

// Anything that is no such value is left as it is in `start`.
export function parseView(text: string, start: View): View {
  const found: { -readonly [K in keyof View]: View[K] } = { ...start };
  const thresholds = [...start.thresholds];
  for (const part of text.split(",")) {
    const [letter, value] = [part[0], part.slice(1)];
    const name = Object.entries(LETTERS).find(([, one]) => one === letter)?.[0] as keyof typeof LETTERS | undefined;
    if (name && NUMBER.test(value)) found[name] = Number(value);
    else if (letter === "k" && NUMBER.test(value)) found.kind = KINDS[Number(value)] ?? start.kind;
    else if (letter === "d") found.falling = value === "1";
    else if (letter === "b") found.box = boxOf(value.split("~"));
    else if (letter === "h") setThreshold(thresholds, value.split("~"));
    else if (letter === "q") found.query = decoded(value);
  }
  return { ...found, thresholds };
}

function boxOf(parts: readonly string[]): Box | null {
  const [x0, x1, y0, y1] = parts.map(Number);
  return parts.length === 4 && parts.every((x) => DECIMAL.test(x)) ? [x0!, x1!, y0!, y1!] : null;
}

function setThreshold(thresholds: number[], [k, value]: readonly string[]): void {
  if (NUMBER.test(k ?? "") && DECIMAL.test(value ?? "") && thresholds[Number(k)] !== undefined) thresholds[Number(k)] = Number(value);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
