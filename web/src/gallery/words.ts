// Rows of a gallery in words.
import { count, figure, visible } from "../kit";
import type { Gallery } from "./data";
import type { GalleryState } from "./state";

export const CORRECT = ["wrong", "correct", "not known"] as const;

export function sentenceOf({ gallery, labels }: GalleryState, row: number): string {
  return `${visible(gallery.ids.at(row), 80, false)}: ${gallery.rules[labels.value[row]!]!.label}, answer ${CORRECT[gallery.correct[row]!]}, ${count(gallery.tokens[row]!)} tokens`;
}

// A number of a feature: shares with three figures, counts whole.
export function numberOf(gallery: Gallery, feature: number, row: number): string {
  const x = gallery.features[feature]!.values[row]!;
  return Number.isNaN(x) ? "–" : Math.abs(x) >= 100 ? count(Math.round(x)) : Number.isInteger(x) && Math.abs(x) > 1 ? String(x) : figure(x).replace("-", "−");
}
