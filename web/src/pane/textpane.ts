// The trace as text: blocks of plain text that become spans (one a unit) when they come near the window.
// Nothing here builds markup from text, and nothing adds a character: marks are CSS.
import { lastAtMost } from "../codec";
import { NO_BIN } from "../model";
import type { Trace } from "../model";
import { unseen } from "../format";
import { chunksOf } from "./chunks";
import type { Chunk } from "./chunks";

interface UnitElement extends HTMLElement { unit?: number }
interface Part extends Chunk { readonly el: HTMLElement; done: boolean }

export interface Paint {
  readonly bins: Uint8Array | null;
  readonly hatched: Uint8Array | null;
  readonly palette: string;
  readonly marks: ReadonlyMap<number, string>;
  readonly hits: ReadonlySet<number>;
}

const FRAME_MS = 8;
const MARGIN = "1500px 0px";
const FIRST_UNITS = 1200;

export class TextPane {
  readonly #parts: Part[];
  readonly #starts: Int32Array;
  readonly #queue = new Set<Part>();
  // Parts that wait for a selection inside them to end.
  readonly #waiting = new Set<Part>();
  readonly #watcher: IntersectionObserver;
  #scheduled = 0;
  #paint: Paint = { bins: null, hatched: null, palette: "", marks: new Map(), hits: new Set() };
  #current: HTMLElement | null = null;
  #held: HTMLElement | null = null;
  #event: HTMLElement[] = [];
  // Class of a unit by its text alone, found once: a line end, or characters that act unseen.
  readonly #quirks: (string | undefined)[] = [];
  readonly #scroller: HTMLElement;
  readonly #trace: Trace;
  // Pixels at the top that a unit is not seen in: what stays in place covers them.
  readonly #covered: number;

  constructor(
    readonly root: HTMLElement,
    scroller: HTMLElement,
    trace: Trace,
    covered = 24,
  ) {
    this.#covered = covered;
    this.#scroller = scroller;
    this.#trace = trace;
    this.#parts = this.#build();
    this.#starts = Int32Array.from(this.#parts, (p) => p.start);
    this.#watcher = new IntersectionObserver((seen) => this.#onSeen(seen), { root: scroller, rootMargin: MARGIN });
    for (const part of this.#parts) this.#watcher.observe(part.el);
    document.addEventListener("selectionchange", this.#onSelection);
  }

  #build(): Part[] {
    const { pieces } = this.#trace;
    const parts: Part[] = [];
    const fragment = document.createDocumentFragment();
    let block: HTMLElement | null = null;
    let last = -1;
    const chunks = chunksOf(pieces);
    chunks.forEach((chunk, k) => {
      const alone = chunks[k + 1]?.block !== chunk.block && last !== chunk.block;
      if (chunk.block !== last) {
        block = document.createElement("div");
        block.className = alone ? "blk" : "blk long";
        block.dataset["n"] = String(chunk.start);
        fragment.append(block);
        last = chunk.block;
      }
      const el = alone ? block! : document.createElement("span");
      if (!alone) block!.append(el);
      el.textContent = pieces.text.slice(pieces.offsets[chunk.start], pieces.offsets[chunk.end]);
      if (alone) el.style.setProperty("contain-intrinsic-size", `auto ${this.#estimate(el.textContent)}px`);
      parts.push({ ...chunk, el, done: false });
    });
    this.root.replaceChildren(fragment);
    return parts;
  }

  #estimate(text: string): number {
    const lines = text.split("\n");
    if (lines.length > 1 && lines[lines.length - 1] === "") lines.pop();
    return 28 * lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 84)), 0);
  }

  // Makes the first screens' spans at once, so that the page is ready when it shows.
  hydrateFirst(): void {
    for (const part of this.#parts) {
      if (part.start > FIRST_UNITS) break;
      this.#hydrate(part);
    }
  }

  hydrateAll(): void {
    for (const part of this.#parts) this.#hydrate(part);
    this.#queue.clear();
  }

  get hydrated(): number {
    return this.#parts.reduce((sum, p) => sum + (p.done ? p.end - p.start : 0), 0);
  }

  #onSeen(seen: readonly IntersectionObserverEntry[]): void {
    const near = new Set(seen.filter((e) => e.isIntersecting).map((e) => e.target));
    if (!near.size) return;
    for (const part of this.#parts) if (!part.done && near.has(part.el)) this.#queue.add(part);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || !this.#queue.size) return;
    this.#scheduled = requestAnimationFrame(() => {
      this.#scheduled = 0;
      const until = performance.now() + FRAME_MS;
      for (const part of this.#queue) {
        this.#queue.delete(part);
        if (this.#selected(part)) this.#waiting.add(part);
        else this.#hydrate(part);
        if (performance.now() > until) break;
      }
      this.#schedule();
    });
  }

  readonly #onSelection = (): void => {
    if (!this.#waiting.size || document.getSelection()?.isCollapsed === false) return;
    for (const part of this.#waiting) this.#queue.add(part);
    this.#waiting.clear();
    this.#schedule();
  };

  // A live selection must not lose the text node it stands in.
  #selected(part: Part): boolean {
    const selection = document.getSelection();
    return !!selection && !selection.isCollapsed && selection.containsNode(part.el, true);
  }

  #hydrate(part: Part): void {
    if (part.done) return;
    const { pieces } = this.#trace;
    const fragment = document.createDocumentFragment();
    for (let i = part.start; i < part.end; i++) {
      const el = document.createElement("span") as UnitElement;
      el.className = this.#classOf(i);
      if (el.classList.contains("vstart")) el.append(...withMark(pieces.at(i)));
      else el.textContent = pieces.at(i);
      el.unit = i;
      fragment.append(el);
    }
    part.el.replaceChildren(fragment);
    part.done = true;
    this.#watcher.unobserve(part.el);
  }

  #classOf(i: number): string {
    const { bins, hatched, marks, hits } = this.#paint;
    const bin = bins ? bins[i]! : NO_BIN;
    let name = bin === NO_BIN ? (bins ? "u nm" : "u") : `u b${bin}`;
    if (hatched?.[i] && bin !== NO_BIN) name += " open-half";
    const mark = marks.get(i);
    if (mark) name += ` ${mark}`;
    if (hits.has(i)) name += " hit";
    return name + (this.#quirks[i] ??= quirk(this.#trace.pieces.at(i)));
  }

  repaint(paint: Paint): void {
    this.#paint = paint;
    this.root.dataset["palette"] = paint.palette;
    for (const part of this.#parts) {
      if (!part.done) continue;
      const children = part.el.children;
      for (let k = 0; k < children.length; k++) {
        const name = this.#classOf(part.start + k);
        if (children[k]!.className !== name) children[k]!.className = name;
      }
    }
    this.#current?.classList.add("cur");
    this.#held?.classList.add("pin");
    for (const el of this.#event) el.classList.add("ev-on");
  }

  // The units of the event that the cursor stands in.
  setEvent(from: number, to: number): void {
    for (const el of this.#event) el.classList.remove("ev-on");
    this.#event = [];
    for (let i = from; i < Math.min(to, this.#trace.n, from + 40); i++) {
      const el = this.span(i);
      if (el) this.#event.push(el);
    }
    for (const el of this.#event) el.classList.add("ev-on");
  }

  unitAt(target: EventTarget | null): number | null {
    return target instanceof HTMLElement ? ((target as UnitElement).unit ?? null) : null;
  }

  span(unit: number): HTMLElement | null {
    const part = this.#parts[lastAtMost(this.#starts, unit)];
    if (unit < 0 || !part) return null;
    this.#hydrate(part);
    return part.el.children[unit - part.start] as HTMLElement;
  }

  setCurrent(unit: number): void {
    this.#current?.classList.remove("cur");
    this.#current = this.span(unit);
    this.#current?.classList.add("cur");
  }

  setPinned(unit: number | null): void {
    this.#held?.classList.remove("pin");
    this.#held = unit === null ? null : this.span(unit);
    this.#held?.classList.add("pin");
  }

  // Twice, because a block far away has only an estimated height until it has been shown.
  reveal(unit: number, again = true): void {
    const el = this.span(unit);
    if (!el) {
      this.#scroller.scrollTop = 0;
      return;
    }
    const box = this.#scroller.getBoundingClientRect();
    const rect = el.getBoundingClientRect();
    if (rect.top < box.top + this.#covered || rect.bottom > box.bottom - 24) {
      this.#scroller.scrollTop += rect.top - box.top - box.height / 3;
      if (again) requestAnimationFrame(() => this.reveal(unit, false));
    }
  }

  // The unit nearest above or below on the neighbouring line.
  line(unit: number, step: 1 | -1): number {
    const from = this.span(unit)?.getBoundingClientRect();
    if (!from) return 0;
    const x = from.left + from.width / 2;
    let top: number | null = null;
    let best = unit;
    let distance = Infinity;
    for (let i = unit + step; i >= 0 && i < this.#trace.n; i += step) {
      const rect = this.span(i)!.getBoundingClientRect();
      if (rect.height === 0 || Math.abs(rect.bottom - from.bottom) < from.height / 2) continue;
      if (top === null) top = rect.bottom;
      if (Math.abs(rect.bottom - top) > rect.height / 2) break;
      const off = x < rect.left ? rect.left - x : x > rect.right ? x - rect.right : 0;
      if (off < distance) [best, distance] = [i, off];
    }
    return best;
  }

  // Exact text of a selection: from the text nodes, not from how the page is laid out.
  selectedText(): string | null {
    const selection = document.getSelection();
    if (!selection || selection.isCollapsed || selection.rangeCount === 0) return null;
    const range = selection.getRangeAt(0);
    return this.root.contains(range.commonAncestorContainer) ? range.toString() : null;
  }

  destroy(): void {
    this.#watcher.disconnect();
    document.removeEventListener("selectionchange", this.#onSelection);
    if (this.#scheduled) cancelAnimationFrame(this.#scheduled);
    this.root.replaceChildren();
  }
}

// A unit in parts: its white space, an empty element where CSS draws a mark, and its text. So no line ends between mark and text, and
// what is underlined does not begin on the line before.
function withMark(text: string): (string | HTMLElement)[] {
  const at = Math.max(0, text.search(/\S/));
  const [mark, rest] = [document.createElement("i"), document.createElement("i")];
  mark.className = "vm";
  rest.className = "vt";
  rest.textContent = text.slice(at);
  return [text.slice(0, at), mark, rest];
}

function quirk(text: string): string {
  return /^[\r\n]/.test(text) ? " nl" : unseen(text) ? " ctl" : "";
}
