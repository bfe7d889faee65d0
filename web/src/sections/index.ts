// Which component draws which kind of section. Sections and pieces that not every page has are in parts of their own (src/parts): a page
// has the parts that its sections name, each as a global.
import type { ComponentType } from "preact";
import type { PieceHead, Section, Sheet } from "../model";
import { Sheets } from "./Sheets";
import { Traces } from "./Traces";
import { Verified } from "./Verified";

// `go` leads to the row of a key; `sheet` is the table that the piece stands in.
export interface PieceProps { readonly piece: PieceHead; readonly sheet: Sheet; readonly go: (row: string) => void }

export interface Drawings {
  readonly sections: Readonly<Record<string, ComponentType<{ section: Section }>>>;
  // `cell` draws a bar in a cell of a table.
  readonly pieces: Readonly<Record<string, ComponentType<PieceProps>>>;
}

// Sections of a page stand in this order.
export const ORDER: readonly string[] = ["traces", "gallery", "sheets", "verified"];
const FRAME: Readonly<Drawings> = { sections: { traces: Traces, sheets: Sheets, verified: Verified }, pieces: {} };

// What the page can draw, with the parts that its sections name.
export function drawingsOf(sections: readonly Section[]): Drawings {
  const all = [FRAME];
  for (const name of new Set(sections.flatMap((s) => (s["scripts"] as string[] | undefined) ?? []))) {
    const part = (globalThis as unknown as Record<string, { DRAWN: Drawings } | undefined>)[`tokenworth_${name}`];
    if (!part) throw new Error(`the part ${name} of the viewer is not on this page`);
    all.push(part.DRAWN);
  }
  return { sections: Object.assign({}, ...all.map((one) => one.sections)), pieces: Object.assign({}, ...all.map((one) => one.pieces)) };
}
