// Two features against each other; a box drawn with the pointer leaves the rows within it.
import { effect, prepare, useEffect, useRef, useReport, useSignal } from "../kit";
import { set } from "./state";
import type { GalleryState } from "./state";
import type { Box } from "./view";

const HEIGHT = 220;
const [LEFT, RIGHT, TOP, BOTTOM] = [40, 8, 8, 20] as const;

interface Axis { readonly low: number; readonly high: number }

function axisOf(values: Float32Array): Axis {
  let [low, high] = [Infinity, -Infinity];
  for (const x of values) {
    if (x < low) low = x;
    if (x > high) high = x;
  }
  if (!(high >= low)) return { low: 0, high: 1 };
  const room = (high - low || 1) * 0.02;
  return { low: low - room, high: high + room };
}

const short = (x: number) => Number(x.toPrecision(2)).toLocaleString("en-US").replace("-", "−");

function draw(canvas: HTMLCanvasElement, width: number, state: GalleryState): void {
  const ctx = prepare(canvas, width, HEIGHT);
  if (!ctx) return;
  const { gallery, view, labels, open } = state;
  const { x, y, label, at } = view.value;
  const [xs, ys] = [gallery.features[x]!.values, gallery.features[y]!.values];
  const [ax, ay] = [axisOf(xs), axisOf(ys)];
  const px = (v: number) => LEFT + ((v - ax.low) / (ax.high - ax.low)) * (width - LEFT - RIGHT);
  const py = (v: number) => HEIGHT - BOTTOM - ((v - ay.low) / (ay.high - ay.low)) * (HEIGHT - TOP - BOTTOM);
  const style = getComputedStyle(canvas);
  const get = (name: string) => style.getPropertyValue(name).trim();
  ctx.strokeStyle = get("--rule");
  ctx.strokeRect(LEFT, TOP, width - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
  const [keep, all] = [open.value, labels.value];
  const colours = gallery.rules.map((_, k) => get(`--cat-${k % 8}`));
  const dot = gallery.n > 20_000 ? 1 : gallery.n > 2000 ? 2 : 3;
  ctx.fillStyle = get("--ground");
  const seen = (i: number) => keep[i] === 1 && (label < 0 || all[i] === label);
  for (let i = 0; i < gallery.n; i++) if (!seen(i)) ctx.fillRect(px(xs[i]!) - dot / 2, py(ys[i]!) - dot / 2, dot, dot);
  // One colour after another: to set a colour costs more than to draw a point.
  for (let k = 0; k < colours.length; k++) {
    ctx.fillStyle = colours[k]!;
    for (let i = 0; i < gallery.n; i++) if (all[i] === k && seen(i)) ctx.fillRect(px(xs[i]!) - dot / 2, py(ys[i]!) - dot / 2, dot, dot);
  }
  if (at >= 0) {
    ctx.strokeStyle = get("--ink");
    ctx.lineWidth = 2;
    ctx.strokeRect(px(xs[at]!) - 5, py(ys[at]!) - 5, 10, 10);
  }
  ctx.fillStyle = get("--muted");
  ctx.font = `11px ${style.fontFamily}`;
  ctx.textAlign = "left";
  ctx.fillText(short(ax.low), LEFT, HEIGHT - 6);
  ctx.textAlign = "right";
  ctx.fillText(short(ax.high), width - RIGHT, HEIGHT - 6);
  ctx.fillText(short(ay.low), LEFT - 4, HEIGHT - BOTTOM);
  ctx.fillText(short(ay.high), LEFT - 4, TOP + 9);
}

export function Scatter({ state }: { state: GalleryState }) {
  const report = useReport();
  const { gallery, view } = state;
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const width = useSignal(300);
  const from = useRef<readonly [number, number] | null>(null);
  useEffect(() => {
    const [picture, around] = [canvas.current!, frame.current!];
    const look = new ResizeObserver(() => (width.value = around.clientWidth));
    look.observe(around);
    let next = 0;
    const end = effect(() => {
      void [state.rows.value, view.value, state.labels.value, report.theme.tick.value, width.value];
      cancelAnimationFrame(next);
      next = requestAnimationFrame(() => draw(picture, width.value, state));
    });
    return () => {
      end();
      look.disconnect();
      cancelAnimationFrame(next);
    };
  }, [state]);
  const { x, y, box } = view.value;
  const [ax, ay] = [axisOf(gallery.features[x]!.values), axisOf(gallery.features[y]!.values)];
  const [w, h] = [width.value - LEFT - RIGHT, HEIGHT - TOP - BOTTOM];
  const placeOf = (e: PointerEvent): [number, number] => {
    const edge = frame.current!.getBoundingClientRect();
    const share = (v: number) => Math.max(0, Math.min(1, v));
    return [ax.low + share((e.clientX - edge.left - LEFT) / w) * (ax.high - ax.low), ay.high - share((e.clientY - edge.top - TOP) / h) * (ay.high - ay.low)];
  };
  const between = ([x0, y0]: readonly [number, number], [x1, y1]: readonly [number, number]): Box => [Math.min(x0, x1), Math.max(x0, x1), Math.min(y0, y1), Math.max(y0, y1)];
  const select = (name: "x" | "y") => (
    <label>
      {name}{" "}
      <select value={String(view.value[name])} onChange={(e) => set(state, { [name]: Number(e.currentTarget.value), box: null })}>
        {gallery.features.map((f, k) => (
          <option value={String(k)}>{f.name}</option>
        ))}
      </select>
    </label>
  );
  return (
    <section class="scatter" aria-label="two features against each other">
      <div class="scatterhead">
        {select("x")} {select("y")}
        {box && (
          <button type="button" class="plain" onClick={() => set(state, { box: null })}>
            clear box
          </button>
        )}
      </div>
      <div
        class="scatterframe" ref={frame} style={{ height: `${HEIGHT}px` }}
        onPointerDown={(e) => {
          from.current = placeOf(e);
          e.currentTarget.setPointerCapture(e.pointerId);
        }}
        onPointerMove={(e) => from.current && set(state, { box: between(from.current, placeOf(e)) })}
        onPointerUp={(e) => {
          const [start, stop] = [from.current, placeOf(e)];
          from.current = null;
          if (start && Math.abs(start[0] - stop[0]) < (ax.high - ax.low) / 100 && Math.abs(start[1] - stop[1]) < (ay.high - ay.low) / 100) set(state, { box: null });
        }}
      >
        <canvas ref={canvas} style={{ width: "100%", height: `${HEIGHT}px` }} role="img" aria-label={`${gallery.features[x]!.name} against ${gallery.features[y]!.name}; drag to choose traces`} />
        {box && (
          <span
            class="chosenbox"
            style={{
              left: `${LEFT + ((box[0] - ax.low) / (ax.high - ax.low)) * w}px`, width: `${((box[1] - box[0]) / (ax.high - ax.low)) * w}px`,
              top: `${TOP + ((ay.high - box[3]) / (ay.high - ay.low)) * h}px`, height: `${((box[3] - box[2]) / (ay.high - ay.low)) * h}px`,
            }}
          />
        )}
      </div>
    </section>
  );
}
