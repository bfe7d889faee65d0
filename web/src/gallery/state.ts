// The state of one gallery: what was chosen, and the rows that follow from it.
import { computed, signal } from "@preact/signals";
import type { Gallery } from "./data";
import { ordered } from "./order";
import { labelsOf } from "./rules";
import type { View } from "./view";

export type GalleryState = ReturnType<typeof makeGallery>;

export function startOf(gallery: Gallery): View {
  const place = (name: string, otherwise: number) => Math.max(otherwise, gallery.features.findIndex((f) => f.name === name));
  return {
    kind: "matrix", size: 2, sort: -1, falling: false, label: -1, subject: -1, correct: -1, cluster: -1, query: "",
    x: place("start", 0), y: place("gain", 0), box: null, at: -1,
    thresholds: gallery.thresholds.map((t) => t.value),
  };
}

// A link may name what this gallery does not have.
export function fitting(gallery: Gallery, view: View, start: View): View {
  const { features, rules, subjects, medoids, n } = gallery;
  const within = (x: number, high: number, low = -1) => (x >= low && x < high ? x : low);
  return {
    ...view,
    size: Math.max(1, Math.min(4, view.size)),
    sort: within(view.sort, features.length, -4),
    label: within(view.label, rules.length),
    subject: within(view.subject, subjects.length),
    correct: within(view.correct, 3),
    cluster: within(view.cluster, medoids.length),
    x: view.x >= 0 && view.x < features.length ? view.x : start.x,
    y: view.y >= 0 && view.y < features.length ? view.y : start.y,
    at: within(view.at, n),
    thresholds: view.thresholds.map((x, k) => Math.max(gallery.thresholds[k]!.low, Math.min(gallery.thresholds[k]!.high, x))),
  };
}

export function makeGallery(gallery: Gallery, first: View) {
  const view = signal(first);
  const orders = new Map<string, Uint32Array>();
  // A computed value changes only with what it is made of, not with everything that was chosen.
  const part = <K extends keyof View>(name: K) => computed(() => view.value[name]);
  const [thresholds, sort, falling, label, subject, correct, cluster, query, x, y, box] = [
    part("thresholds"), part("sort"), part("falling"), part("label"), part("subject"), part("correct"), part("cluster"), part("query"), part("x"), part("y"), part("box"),
  ];
  const start = startOf(gallery);
  const labels = computed(() => (thresholds.value.every((one, k) => one === start.thresholds[k]) ? gallery.label : labelsOf(gallery, thresholds.value)));
  const order = computed(() => {
    const key = sort.value;
    if (key === -3) return ordered(labels.value, falling.value);
    const name = `${key}${falling.value}`;
    let found = orders.get(name);
    if (!found) orders.set(name, (found = ordered(valuesOf(gallery, key), falling.value)));
    return found;
  });
  // All that is asked of a row but its label, so that the counts of labels stay those of the rest.
  const open = computed(() => {
    const keep = new Uint8Array(gallery.n).fill(1);
    const only = (column: ArrayLike<number>, value: number) => {
      if (value >= 0) for (let i = 0; i < keep.length; i++) if (column[i] !== value) keep[i] = 0;
    };
    only(gallery.subject, subject.value);
    only(gallery.correct, correct.value);
    only(gallery.cluster, cluster.value);
    if (box.value) inBox(keep, gallery.features[x.value]!.values, gallery.features[y.value]!.values, box.value);
    const words = query.value.trim().toLowerCase();
    if (words) for (let i = 0; i < keep.length; i++) if (keep[i] && !gallery.ids.at(i).toLowerCase().includes(words) && !gallery.texts.at(i).toLowerCase().includes(words)) keep[i] = 0;
    return keep;
  });
  const rows = computed(() => {
    const [keep, wanted, all] = [open.value, label.value, labels.value];
    return order.value.filter((row) => keep[row] === 1 && (wanted < 0 || all[row] === wanted));
  });
  return { gallery, view, start, labels, open, rows };
}

export function set(state: GalleryState, part: Partial<View>): void {
  state.view.value = { ...state.view.value, ...part };
}

function valuesOf(gallery: Gallery, sort: number): ArrayLike<number> {
  if (sort >= 0) return gallery.features[sort]!.values;
  return sort === -2 ? gallery.tokens : sort === -4 ? gallery.cluster : Float32Array.from({ length: gallery.n }, (_, i) => i);
}

function inBox(keep: Uint8Array, xs: Float32Array, ys: Float32Array, [x0, x1, y0, y1]: readonly [number, number, number, number]): void {
  for (let i = 0; i < keep.length; i++) {
    if (!(xs[i]! >= x0 && xs[i]! <= x1 && ys[i]! >= y0 && ys[i]! <= y1)) keep[i] = 0;
  }
}

// What is asked of the rows beyond the order.
export function isFiltered({ label, subject, correct, cluster, query, box }: View): boolean {
  return label >= 0 || subject >= 0 || correct >= 0 || cluster >= 0 || query.trim() !== "" || box !== null;
}
