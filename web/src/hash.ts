// The part of the state that a link carries, as `#v1&t=12&m=value…`. Unknown keys and bad values are ignored.

import { EVERYTHING, parseFilter, printFilter } from "./formal/filter";
import type { Filter } from "./formal/filter";

export const METRICS = ["value", "delta", "forced", "probability"] as const;
export type MetricName = (typeof METRICS)[number];
export const TABS = ["grid", "token", "samples", "events", "data"] as const;
export type TabName = (typeof TABS)[number];

export type Screen = "tables" | "trace";

export interface Place {
  trace: number;
  // null: the address names none, so the trace opens where it matters most.
  unit: number | null;
  pinned: boolean;
  metric: MetricName | null;
  stack: number;
  share: boolean;
  given: boolean;
  // Whether the scale of colours is that of the data.
  stretch: boolean;
  // null: the first one that the trace has.
  tab: TabName | null;
  range: [number, number] | null;
  // Which screen a page with verified traces shows; null: the one that fits what the page holds.
  screen: Screen | null;
  filter: Filter;
  // What is chosen in the gallery (gallery/view.ts); empty: nothing.
  gallery: string;
  // Address of a row of a table: its document on the page and its key. Empty: none.
  row: string;
}

export const START: Readonly<Place> = { trace: 0, unit: null, pinned: false, metric: null, stack: 0, share: false, given: false, stretch: false, tab: null, range: null, screen: null, filter: EVERYTHING, gallery: "", row: "" };

export function printHash(place: Place): string {
  const parts = ["v1"];
  if (place.trace) parts.push(`i=${place.trace}`);
  if (place.unit !== null) parts.push(`t=${place.unit}`);
  if (place.metric) parts.push(`m=${place.metric}`);
  if (place.pinned) parts.push("p=1");
  if (place.stack) parts.push(`x=${place.stack}`);
  if (place.share) parts.push("n=1");
  if (place.given) parts.push("g=1");
  if (place.stretch) parts.push("z=1");
  if (place.tab) parts.push(`s=${place.tab}`);
  if (place.range) parts.push(`r=${place.range[0]}-${place.range[1]}`);
  if (place.screen) parts.push(`o=${place.screen === "tables" ? 1 : 0}`);
  parts.push(...printFilter(place.filter));
  if (place.gallery) parts.push(`y=${place.gallery}`);
  if (place.row) parts.push(`w=${place.row}`);
  return "#" + parts.join("&");
}

function whole(text: string | undefined, low: number, otherwise: number): number {
  return text !== undefined && /^-?\d{1,9}$/.test(text) && Number(text) >= low ? Number(text) : otherwise;
}

function oneOf<T extends string>(text: string | undefined, known: readonly T[]): T | null {
  return known.find((x) => x === text) ?? null;
}

export function parseHash(hash: string): Place | null {
  const [version, ...pairs] = hash.replace(/^#/, "").split("&");
  if (version !== "v1") return null;
  const found = new Map(pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]));
  const at = whole(found.get("t"), -1, -2);
  const range = /^(\d{1,9})-(\d{1,9})$/.exec(found.get("r") ?? "");
  const [from, to] = [Number(range?.[1]), Number(range?.[2])];
  return {
    trace: whole(found.get("i"), 0, 0),
    unit: at < -1 ? null : at,
    pinned: found.get("p") === "1",
    metric: oneOf(found.get("m"), METRICS),
    stack: whole(found.get("x"), 0, 0),
    share: found.get("n") === "1",
    given: found.get("g") === "1",
    stretch: found.get("z") === "1",
    tab: oneOf(found.get("s"), TABS),
    range: range && from < to ? [from, to] : null,
    screen: found.get("o") === "1" ? "tables" : found.get("o") === "0" ? "trace" : null,
    filter: parseFilter(found.get("f"), found.get("c")),
    gallery: found.get("y") ?? "",
    row: /^\d{1,4}\.[\w-]{1,40}$/.test(found.get("w") ?? "") ? found.get("w")! : "",
  };
}
