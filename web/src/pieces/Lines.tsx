// Several lines over cuts; the place under the pointer or the arrow keys is read out, and a switch names the band that is drawn.
import { count, figure, floats, integers, prepare, useEffect, useReport, useRef, useSignal, visible } from "../kit";
import type { PieceProps } from "../kit";
import type { Column } from "../codec";
import { Caption } from "./Bars";
import { DASHES, colourOf, layoutOf, paint, pointAt } from "./chart";
import type { Bracket, Chart, Layout, Line } from "./chart";

const PLOT = 190;

function chartOf({ piece, sheet }: PieceProps): Chart {
  const column = (head: unknown) => (head ? floats(sheet.blob, head as Column) : null);
  const lines = (piece["series"] as readonly Readonly<Record<string, unknown>>[]).map((s): Line => ({
    name: s["name"] as string, step: s["step"] as boolean, x: integers(sheet.blob, s["x"] as Column), y: column(s["y"])!,
    low: column(s["low"]), high: column(s["high"]), outerLow: column(s["outerLow"]), outerHigh: column(s["outerHigh"]),
  }));
  return { lines, length: piece["length"] as number, limits: piece["limits"] as [number, number], brackets: piece["brackets"] as readonly Bracket[], rules: piece["rules"] as Chart["rules"] };
}

export function Lines(props: PieceProps) {
  const { piece, go } = props;
  const { theme } = useReport();
  const canvas = useRef<HTMLCanvasElement>(null);
  const kept = useRef<Chart | null>(null);
  const layout = useRef<Layout | null>(null);
  const outer = useSignal(false);
  const at = useSignal<number | null>(null);
  const chart = (kept.current ??= chartOf(props));
  const pieces = piece["pieces"] as readonly string[];
  const bands = [piece["band"], piece["outer"]] as readonly [string, string];
  const draw = () => {
    const el = canvas.current!;
    const width = el.parentElement!.clientWidth;
    const pen = el.getContext("2d");
    const l = (layout.current = layoutOf(chart, width, PLOT, (label) => pen?.measureText(label).width ?? 7 * label.length));
    el.style.setProperty("height", `${l.height}px`);
    const ctx = prepare(el, width, l.height);
    if (ctx) paint(ctx, el, chart, l, outer.value, at.value);
  };
  useEffect(() => {
    const look = new ResizeObserver(draw);
    look.observe(canvas.current!.parentElement!);
    return () => look.disconnect();
  }, []);
  useEffect(draw, [at.value, outer.value, theme.tick.value]);
  const here = at.value;
  const told = here === null ? [`point at a ${piece["axis"] as string}, or press an arrow key`] : [
    `${piece["axis"] as string} ${count(here)}${pieces[here - 1] === undefined ? "" : ` after ${visible(pieces[here - 1]!, 30)}`}`,
    ...chart.lines.map((line) => {
      const k = pointAt(line, here);
      const [low, high] = outer.value && line.outerLow ? [line.outerLow, line.outerHigh] : [line.low, line.high];
      return `${line.name} ${k < 0 ? "–" : figure(line.y[k]!)}${k < 0 || !low || !high || Number.isNaN(low[k]!) ? "" : ` [${figure(low[k]!)}, ${figure(high[k]!)}]`}`;
    }),
    ...chart.brackets.filter((b) => b.start <= here && here <= b.stop).map((b) => b.label),
  ];
  const onKey = (e: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20 }[e.key];
    if (by === undefined || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    at.value = Math.max(0, Math.min(chart.length, (here ?? (by > 0 ? -by : chart.length - by)) + by));
  };
  const onMove = (e: PointerEvent) => {
    if (layout.current) at.value = layout.current.cut(e.clientX - canvas.current!.getBoundingClientRect().left);
  };
  return (
    <figure class="piecebox">
      <Caption text={piece["title"] as string} />
      <p class="keys">
        {piece["what"] !== "" && <span>{piece["what"] as string}</span>}
        {chart.lines.length > 1 &&
          chart.lines.map((line, k) => (
            <span class="key">
              <svg width="26" height="8" aria-hidden="true">
                <line x1="0" x2="26" y1="4" y2="4" stroke-width="2" stroke={colourOf(`var(--cat-${k % 8})`, "var(--ink)")} stroke-dasharray={DASHES[k % DASHES.length]!.join(" ")} />
              </svg>{" "}
              {line.name}
            </span>
          ))}
        {bands[1] === "" ? (
          bands[0] !== "" && <span>{bands[0]}</span>
        ) : (
          <span class="seg small" role="group" aria-label="band">
            {bands.map((name, k) => (
              <button type="button" aria-pressed={outer.value === (k === 1)} onClick={() => (outer.value = k === 1)}>
                {name}
              </button>
            ))}
          </span>
        )}
      </p>
      <div class="plotbox">
        <canvas
          ref={canvas}
          tabIndex={0}
          role="img"
          aria-label={`${(piece["title"] as string) || (piece["what"] as string)}, ${chart.lines.length} lines; arrow keys read their numbers`}
          onPointerMove={onMove}
          onPointerDown={onMove}
          onKeyDown={onKey}
        />
      </div>
      <p class="told" aria-live="polite">
        {told.join(" · ")}
      </p>
      {chart.brackets.some((b) => b.row) && (
        <p class="keys">
          {chart.brackets.map((b) =>
            b.row ? (
              <button type="button" class="more" onClick={() => go(b.row)}>
                {b.label}
              </button>
            ) : null,
          )}
        </p>
      )}
    </figure>
  );
}
