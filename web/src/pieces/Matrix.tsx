// A heat map: a cell at a time is read out below it, under the pointer or by the arrow keys.
import { figure, floats, prepare, signed, useEffect, useReport, useRef, useSignal, visible } from "../kit";
import type { PieceProps } from "../kit";
import type { Column } from "../codec";
import { Caption } from "./Bars";
import { cellAt, frameOf, moved, paint } from "./matrix";
import type { Frame } from "./matrix";

export function Matrix({ piece, sheet, go }: PieceProps) {
  const { theme } = useReport();
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useRef<Frame | null>(null);
  const at = useSignal<readonly [number, number] | null>(null);
  const rows = piece["rows"] as readonly string[];
  const columns = piece["columns"] as readonly string[];
  const keys = piece["keys"] as readonly string[];
  const difference = piece["scale"] === "difference";
  const column = (name: string) => (piece[name] ? floats(sheet.blob, piece[name] as Column) : null);
  const data = useRef<{ values: Float32Array; low: Float32Array | null; high: Float32Array | null } | null>(null);
  data.current ??= { values: column("values")!, low: column("low"), high: column("high") };
  const { values, low, high } = data.current;
  const draw = () => {
    const el = canvas.current!;
    const width = el.parentElement!.clientWidth;
    const longest = Math.max(...rows.map((r) => Math.min(30, r.length)), 2);
    const f = (frame.current = frameOf(width, rows.length, columns.length, 12 + 6.4 * longest, piece["topDown"] as boolean));
    const [w, h] = [Math.max(width, f.left + f.width + 4), f.top + f.height + 20];
    el.style.setProperty("width", `${w}px`);
    el.style.setProperty("height", `${h}px`);
    const ctx = prepare(el, w, h);
    if (ctx) paint(ctx, el, f, { values, low: difference ? -1 : 0, palette: difference ? "delta" : "gold", rows, columns }, at.value);
  };
  useEffect(() => {
    const look = new ResizeObserver(draw);
    look.observe(canvas.current!.parentElement!);
    return () => look.disconnect();
  }, []);
  useEffect(draw, [at.value, theme.tick.value]);
  const here = at.value;
  const k = here ? here[0] * columns.length + here[1] : -1;
  const number = (x: number) => (difference ? signed(x, 2) : figure(x, 2));
  const told = here
    ? `${piece["rowAxis"] as string} ${visible(rows[here[0]]!, 80, false)} · ${piece["columnAxis"] as string} ${visible(columns[here[1]]!, 80, false)}: ${Number.isNaN(values[k]!) ? "not measured" : number(values[k]!)}${low && high && !Number.isNaN(low[k]!) ? ` [${number(low[k]!)}, ${number(high[k]!)}]` : ""}`
    : `${values.length ? "point at a cell, or press an arrow key" : "nothing to show"}`;
  const onKey = (e: KeyboardEvent) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "Enter" && here && keys.length) return go(keys[here[0]]!);
    const next = frame.current && moved(frame.current, here ?? [0, 0], e.key);
    if (!next) return;
    e.preventDefault();
    e.stopPropagation();
    at.value = here ? next : [0, 0];
  };
  const onMove = (e: PointerEvent) => {
    const box = canvas.current!.getBoundingClientRect();
    const found = frame.current && cellAt(frame.current, e.clientX - box.left, e.clientY - box.top);
    if (found && (found[0] !== here?.[0] || found[1] !== here[1])) at.value = found;
  };
  return (
    <figure class="piecebox">
      <Caption text={piece["title"] as string} />
      <p class="keys" data-palette={difference ? "delta" : "gold"}>
        <span>
          {piece["what"] as string}; {piece["rowAxis"] as string} down, {piece["columnAxis"] as string} across
        </span>
        <span class="key">
          {difference ? "−1" : "0"}
          <span class="ramp" aria-hidden="true">
            {Array.from({ length: 21 }, (_, b) => (
              <i class={`b${b}`} />
            ))}
          </span>
          {difference ? "+1" : "1"}
        </span>
        <span class="key">
          <i class="sw hatch" aria-hidden="true" /> not measured
        </span>
        {piece["level"] !== null && <span>{Number((100 * (piece["level"] as number)).toPrecision(6))} % intervals</span>}
      </p>
      <div class="wide">
        <canvas
          ref={canvas}
          tabIndex={0}
          role="img"
          aria-label={`${piece["title"] as string} heat map, ${rows.length} by ${columns.length}; arrow keys read its cells`}
          onPointerMove={onMove}
          onPointerDown={onMove}
          onClick={() => here && keys.length && go(keys[here[0]]!)}
          onKeyDown={onKey}
        />
      </div>
      <p class="told" aria-live="polite">
        {told}
      </p>
    </figure>
  );
}
