// The plots above the text: one x axis, one cursor, drag to zoom.
import { lastAtMost } from "../codec";
import type { Stack, Trace, TraceEvent } from "../model";
import { drawCurve, drawRule } from "./curve";
import { drawLane } from "./lane";
import { drawStack } from "./stack";
import { LEFT, RIGHT, makeScale, prepare, readTheme } from "./scale";
import type { Scale } from "./scale";

export interface Canvases {
  readonly curve: HTMLCanvasElement | null;
  readonly stack: HTMLCanvasElement | null;
  readonly lane: HTMLCanvasElement;
}

export interface Handlers {
  preview(cut: number | null): void;
  pick(cut: number): void;
  zoom(range: [number, number] | null): void;
}

export class Plots {
  #scale: Scale;
  readonly #line: HTMLElement;
  readonly #pinLine: HTMLElement;
  readonly #brush: HTMLElement;
  readonly #resizer: ResizeObserver;
  #range: [number, number] | null = null;
  #stack: Stack | null = null;
  #share = false;
  #given = false;
  #band = true;
  #frame = 0;
  #dragFrom: number | null = null;
  readonly #root: HTMLElement;
  readonly #canvases: Canvases;
  readonly #trace: Trace;
  readonly #handlers: Handlers;

  constructor(
    root: HTMLElement,
    canvases: Canvases,
    trace: Trace,
    handlers: Handlers,
  ) {
    this.#root = root;
    this.#canvases = canvases;
    this.#trace = trace;
    this.#handlers = handlers;
    this.#scale = makeScale(root.clientWidth, 0, Math.max(1, trace.n));
    this.#pinLine = this.#overlay("pinline");
    this.#line = this.#overlay("cursorline");
    this.#brush = this.#overlay("brush");
    this.#resizer = new ResizeObserver(() => this.draw());
    this.#resizer.observe(root);
    this.#listen();
  }

  #overlay(name: string): HTMLElement {
    const el = document.createElement("div");
    el.className = name;
    el.hidden = true;
    this.#root.append(el);
    return el;
  }

  #listen(): void {
    const cutOf = (e: PointerEvent) => this.#scale.cut(this.#xOf(e));
    // The legends stand inside the plots: what is pressed there is not a place on them.
    const onControl = (e: PointerEvent) => e.target instanceof Element && e.target.closest("button, select") !== null;
    this.#root.addEventListener("pointermove", (e) => {
      if (this.#dragFrom !== null && Math.abs(this.#xOf(e) - this.#dragFrom) > 6) this.#showBrush(this.#dragFrom, this.#xOf(e));
      this.#handlers.preview(cutOf(e));
    });
    this.#root.addEventListener("pointerleave", () => this.#handlers.preview(null));
    this.#root.addEventListener("pointerdown", (e) => {
      if (e.button !== 0 || e.pointerType === "touch" || onControl(e)) return;
      this.#dragFrom = this.#xOf(e);
      this.#root.setPointerCapture(e.pointerId);
    });
    this.#root.addEventListener("pointerup", (e) => {
      const from = this.#dragFrom;
      if (from === null && onControl(e)) return;
      this.#dragFrom = null;
      this.#brush.hidden = true;
      if (from !== null && Math.abs(this.#xOf(e) - from) > 6) {
        const [a, b] = [this.#scale.cut(from), this.#scale.cut(this.#xOf(e))].sort((p, q) => p - q) as [number, number];
        if (b - a >= 4) this.#handlers.zoom([a, b]);
      } else this.#handlers.pick(this.#near(cutOf(e), e));
    });
    this.#root.addEventListener("dblclick", () => this.#handlers.zoom(null));
  }

  #xOf(e: PointerEvent): number {
    return e.clientX - this.#root.getBoundingClientRect().left;
  }

  // On the lane a click goes to the nearest mark within a few pixels.
  #near(cut: number, e: PointerEvent): number {
    const lane = this.#canvases.lane.getBoundingClientRect();
    if (e.clientY < lane.top) return cut;
    const loud = this.#trace.events.filter((x) => x.kind !== "sentence" && x.kind !== "paragraph" && Math.abs(this.#scale.x(x.cut) - this.#xOf(e)) < 8);
    const by = (x: TraceEvent) => Math.abs(this.#scale.x(x.cut) - this.#xOf(e));
    return loud.sort((a, b) => by(a) - by(b))[0]?.cut ?? cut;
  }

  #showBrush(a: number, b: number): void {
    const [left, right] = [Math.max(LEFT, Math.min(a, b)), Math.min(this.#scale.width - RIGHT, Math.max(a, b))];
    this.#brush.hidden = false;
    this.#brush.style.setProperty("left", `${left}px`);
    this.#brush.style.setProperty("width", `${Math.max(0, right - left)}px`);
  }

  set(stack: Stack | null, share: boolean, given: boolean, band: boolean, range: [number, number] | null): void {
    this.#stack = stack;
    this.#share = share;
    this.#given = given;
    this.#band = band;
    this.#range = range;
    this.draw();
  }

  draw(): void {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.drawNow();
    });
  }

  drawNow(): void {
    const width = this.#root.clientWidth;
    if (width < 40) return;
    const theme = readTheme();
    this.#scale = makeScale(width, this.#range?.[0] ?? 0, this.#range?.[1] ?? Math.max(1, this.#trace.n));
    const { curve, stack, lane } = this.#canvases;
    const pen = (c: HTMLCanvasElement | null) => (c ? prepare(c, width, c.clientHeight) : null);
    const a = pen(curve);
    if (a && this.#trace.curve) {
      drawCurve(a, this.#trace.curve, this.#given, this.#band, this.#scale, theme, curve!.clientHeight);
      const first = this.#trace.formal?.violations[0];
      if (first && first.from >= 0) drawRule(a, { from: Math.min(first.from, this.#trace.n), to: Math.min(first.to, this.#trace.n), text: `✗ ${first.code.name}` }, this.#scale, theme, curve!.clientHeight);
    }
    const b = pen(stack);
    if (b && this.#stack) drawStack(b, this.#stack, this.#share, this.#scale, theme, stack!.clientHeight);
    const c = pen(lane);
    if (c) drawLane(c, this.#events(), this.#scale, theme, lane.clientHeight);
    this.#place(this.#line, this.#cut);
    this.#place(this.#pinLine, this.#pinCut);
  }

  #events(): TraceEvent[] {
    const index = this.#stack ? this.#trace.stacks.indexOf(this.#stack) : -1;
    return this.#trace.events.filter((e) => e.stack < 0 || e.stack === index);
  }

  #cut: number | null = null;
  #pinCut: number | null = null;

  setCursor(cut: number | null, pinCut: number | null): void {
    this.#cut = cut;
    this.#pinCut = pinCut;
    this.#place(this.#line, cut);
    this.#place(this.#pinLine, pinCut);
  }

  #place(el: HTMLElement, cut: number | null): void {
    el.hidden = cut === null || cut < this.#scale.from || cut > this.#scale.to;
    if (cut !== null) el.style.setProperty("transform", `translateX(${Math.round(this.#scale.x(cut))}px)`);
  }

  destroy(): void {
    this.#resizer.disconnect();
    if (this.#frame) cancelAnimationFrame(this.#frame);
    for (const el of [this.#line, this.#pinLine, this.#brush]) el.remove();
  }
}

// The next loud event strictly after (or before) a cut. Notes on most units (a source's labels) are no landmarks.
export function nextEvent(events: readonly TraceEvent[], cut: number, step: 1 | -1): TraceEvent | null {
  const notes = events.reduce((sum, e) => sum + (e.kind === "note" ? 1 : 0), 0);
  const many = notes * 4 > (events.at(-1)?.cut ?? 0);
  const loud = events.filter((e) => e.kind !== "sentence" && e.kind !== "paragraph" && !(many && e.kind === "note"));
  const list = loud.length ? loud : events;
  const cuts = list.map((e) => e.cut);
  return (step > 0 ? list[lastAtMost(cuts, cut) + 1] : list[lastAtMost(cuts, cut - 1)]) ?? null;
}
