// The wall of thumbnails: one canvas of the size of its window, painted for what is seen.
import { count, effect, useEffect, useRef, useReport, useSignal } from "../kit";
import { CAPTION, cellOf, paintThumb, readInks } from "./paint";
import type { Cell } from "./paint";
import { set } from "./state";
import type { GalleryState } from "./state";
import { sentenceOf } from "./words";

const EDGE = 10;
const SIGNS = ["✗", "✓", "·"] as const;

interface Place { readonly cell: Cell; readonly across: number }

function placeOf(state: GalleryState, width: number): Place {
  const { kind, size } = state.view.value;
  const cell = cellOf(kind, size, state.gallery.longest);
  return { cell, across: Math.max(1, Math.floor((width - 2 * EDGE) / cell.wide)) };
}

function paint(canvas: HTMLCanvasElement, box: HTMLElement, state: GalleryState): void {
  const [width, height] = [box.clientWidth, box.clientHeight];
  const ratio = Math.min(2, Math.max(1, Math.round(window.devicePixelRatio || 1)));
  const [w, h] = [width * ratio, height * ratio];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const ctx = canvas.getContext("2d");
  if (!ctx || !w || !h) return;
  const inks = readInks();
  const { cell, across } = placeOf(state, width);
  const { kind, at } = state.view.value;
  const rows = state.rows.value;
  const first = Math.floor(box.scrollTop / cell.tall);
  const last = Math.min(Math.ceil(rows.length / across), Math.ceil((box.scrollTop + height) / cell.tall) + 1);
  const image = ctx.createImageData(w, h);
  const pixels = new Uint32Array(image.data.buffer);
  pixels.fill(inks.point[255]!);
  const each = (draw: (row: number, x: number, y: number) => void) => {
    for (let k = first * across; k < Math.min(rows.length, last * across); k++) {
      draw(rows[k]!, EDGE + (k % across) * cell.wide, Math.floor(k / across) * cell.tall - box.scrollTop + EDGE);
    }
  };
  each((row, x, y) => paintThumb(pixels, w, h, Math.round(x * ratio), Math.round(y * ratio), state.gallery, row, kind, cell, ratio, inks));
  ctx.putImageData(image, 0, 0);
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(canvas);
  ctx.font = `10px ${style.fontFamily}`;
  ctx.textBaseline = "top";
  const [labels, { rules, correct }] = [state.labels.value, state.gallery];
  const ink = style.getPropertyValue("--ink").trim();
  const muted = style.getPropertyValue("--muted").trim();
  const most = Math.floor((cell.width - 22) / 5.6);
  each((row, x, y) => {
    const label = labels[row]!;
    ctx.fillStyle = style.getPropertyValue(`--cat-${label % 8}`).trim();
    ctx.fillRect(x, y + cell.height + 5, 7, 7);
    ctx.fillStyle = row === at ? ink : muted;
    const name = rules[label]!.label;
    ctx.fillText(`${SIGNS[correct[row]!]} ${name.length > most ? `${name.slice(0, Math.max(1, most - 1))}…` : name}`, x + 10, y + cell.height + 3);
    if (row === at) {
      ctx.strokeStyle = ink;
      ctx.lineWidth = 2;
      ctx.strokeRect(x - 3, y - 3, cell.width + 6, cell.height + CAPTION + 5);
    }
  });
}

export function Wall({ state, open }: { state: GalleryState; open: (row: number) => void }) {
  const report = useReport();
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const width = useSignal(0);
  useEffect(() => {
    const [picture, frame] = [canvas.current!, box.current!];
    let next = 0;
    const soon = () => {
      cancelAnimationFrame(next);
      next = requestAnimationFrame(() => paint(picture, frame, state));
    };
    const look = new ResizeObserver(() => {
      width.value = frame.clientWidth;
      soon();
    });
    look.observe(frame);
    frame.addEventListener("scroll", soon, { passive: true });
    const end = effect(() => {
      void [state.rows.value, state.view.value, state.labels.value, report.theme.tick.value];
      soon();
    });
    const top = effect(() => {
      void state.rows.value;
      frame.scrollTop = 0;
    });
    return () => {
      end();
      top();
      look.disconnect();
      cancelAnimationFrame(next);
    };
  }, [state]);

  const rowAt = (e: MouseEvent): number => {
    const { cell, across } = placeOf(state, box.current!.clientWidth);
    const edge = box.current!.getBoundingClientRect();
    const [x, y] = [e.clientX - edge.left - EDGE, e.clientY - edge.top + box.current!.scrollTop - EDGE];
    const column = Math.floor(x / cell.wide);
    return x < 0 || y < 0 || column >= across ? -1 : (state.rows.value[Math.floor(y / cell.tall) * across + column] ?? -1);
  };
  const choose = (row: number) => {
    set(state, { at: row });
    if (row >= 0) report.announce.value = sentenceOf(state, row);
  };
  const onKey = (e: KeyboardEvent) => {
    const rows = state.rows.value;
    const { cell, across } = placeOf(state, box.current!.clientWidth);
    const page = across * Math.max(1, Math.floor(box.current!.clientHeight / cell.tall));
    const by: Record<string, number> = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across, PageUp: -page, PageDown: page, Home: -rows.length, End: rows.length };
    const at = rows.indexOf(state.view.value.at);
    if (e.key === "Enter" && at >= 0) open(rows[at]!);
    else if (e.key === "Escape") choose(-1);
    else if (by[e.key] !== undefined && rows.length && !e.ctrlKey && !e.metaKey && !e.altKey) {
      const to = at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + by[e.key]!));
      choose(rows[to]!);
      const top = Math.floor(to / across) * cell.tall;
      if (top < box.current!.scrollTop) box.current!.scrollTop = top;
      else if (top + cell.tall + EDGE > box.current!.scrollTop + box.current!.clientHeight) box.current!.scrollTop = top + cell.tall + EDGE - box.current!.clientHeight;
    } else return;
    e.preventDefault();
    e.stopPropagation();
  };
  const { cell, across } = placeOf(state, width.value);
  const tall = Math.ceil(state.rows.value.length / across) * cell.tall + 2 * EDGE;
  const at = state.view.value.at;
  return (
    <div
      class="thumbs" ref={box} tabIndex={0} role="group" aria-roledescription="wall of thumbnails"
      aria-label={`${count(state.rows.value.length)} thumbnails${at >= 0 ? `; ${sentenceOf(state, at)}` : ""}; arrow keys move, Enter opens the trace`}
      onKeyDown={onKey} onClick={(e) => choose(rowAt(e))} onDblClick={(e) => rowAt(e) >= 0 && open(rowAt(e))}
    >
      <canvas ref={canvas} aria-hidden="true" />
      <div style={{ height: `${tall}px` }} />
      {!state.rows.value.length && <p class="empty none">No trace is left by what was chosen.</p>}
    </div>
  );
}
