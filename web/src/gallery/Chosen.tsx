// The chosen trace: its question, its curve, its numbers, and the way to its page.
import { count, prepare, useEffect, useRef, useReport, visible } from "../kit";
import { ABSENT, OPEN, STEPS } from "./data";
import type { GalleryState } from "./state";
import { CORRECT, numberOf } from "./words";

const HEIGHT = 110;

function draw(canvas: HTMLCanvasElement, { gallery }: GalleryState, row: number): void {
  const width = canvas.clientWidth;
  const ctx = prepare(canvas, width, HEIGHT);
  if (!ctx) return;
  const style = getComputedStyle(canvas);
  const get = (name: string) => style.getPropertyValue(name).trim();
  const [left, right, top, bottom] = [22, width - 4, 6, HEIGHT - 6];
  const points = gallery.points.subarray(gallery.offsets[row]!, gallery.offsets[row + 1]!);
  const y = (share: number) => bottom - share * (bottom - top);
  ctx.strokeStyle = get("--rule");
  ctx.fillStyle = get("--muted");
  ctx.font = `10px ${style.fontFamily}`;
  for (const mark of [0, 0.5, 1]) {
    ctx.beginPath();
    ctx.moveTo(left, y(mark));
    ctx.lineTo(right, y(mark));
    ctx.stroke();
    ctx.fillText(mark === 0.5 ? ".5" : String(mark), 2, y(mark) + 3);
  }
  const x = (k: number) => left + (k / Math.max(1, points.length - 1)) * (right - left);
  ctx.strokeStyle = get("--line");
  ctx.lineWidth = 1.5;
  // Where mass or verdicts are missing the line is dashed.
  for (const open of [false, true]) {
    ctx.setLineDash(open ? [3, 3] : []);
    ctx.beginPath();
    for (let k = 1; k < points.length; k++) {
      const [a, b] = [points[k - 1]!, points[k]!];
      if (a === ABSENT || b === ABSENT || b >= OPEN !== open) continue;
      ctx.moveTo(x(k - 1), y((a % OPEN) / STEPS));
      ctx.lineTo(x(k), y((b % OPEN) / STEPS));
    }
    ctx.stroke();
  }
}

export function Chosen({ state, open }: { state: GalleryState; open: (row: number) => void }) {
  const report = useReport();
  const { gallery, view, labels } = state;
  const row = view.value.at;
  const canvas = useRef<HTMLCanvasElement>(null);
  const tick = report.theme.tick.value;
  useEffect(() => {
    if (canvas.current && row >= 0) draw(canvas.current, state, row);
  }, [row, tick]);
  if (row < 0) return <p class="dim chosen">Choose a thumbnail to see its curve and its numbers.</p>;
  const rule = gallery.rules[labels.value[row]!]!;
  return (
    <section class="chosen" aria-label="chosen trace">
      <h2>{visible(gallery.ids.at(row), 120, false)}</h2>
      <p class="question">{gallery.texts.at(row)}</p>
      <p>
        <i class={`sw cat-${labels.value[row]! % 8}`} aria-hidden="true" /> <b>{rule.label}</b>: {rule.note}
      </p>
      <canvas ref={canvas} style={{ width: "100%", height: `${HEIGHT}px` }} role="img" aria-label={`${gallery.what} along the trace`} />
      <p class="dim">
        {gallery.what}, start to end of the trace{gallery.held[row] ? "; readings are held until the next one" : ""}.
      </p>
      <dl class="run">
        <div>
          <dt>answer</dt>
          <dd>
            {visible(gallery.answers.at(row), 120, false)} ({CORRECT[gallery.correct[row]!]})
          </dd>
        </div>
        {gallery.subjects.length > 1 && (
          <div>
            <dt>subject</dt>
            <dd>{gallery.subjects[gallery.subject[row]!]}</dd>
          </div>
        )}
        <div>
          <dt>tokens</dt>
          <dd>{count(gallery.tokens[row]!)}</dd>
        </div>
        {gallery.features.map((f, k) => (
          <div title={f.note}>
            <dt>{f.name}</dt>
            <dd>{numberOf(gallery, k, row)}</dd>
          </div>
        ))}
      </dl>
      {gallery.trace[row]! >= 0 && (
        <button type="button" class="openit" onClick={() => open(row)}>
          open the trace
        </button>
      )}
    </section>
  );
}
