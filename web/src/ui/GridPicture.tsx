// The grid of a problem and what the trace has done on it after an event. Vectors, so that it is crisp at any size and on paper.
import { OPEN, CLOSED, cellAt, replay } from "../formal/replay";
import type { Cells, Grid, Violation } from "../formal/model";

const C = 20;
// Beyond this many columns a number in a cell cannot be read.
const MOST_NUMBERED = 16;

type Draw = (x: number, y: number) => string;

const square = (inset: number): Draw => (x, y) => `M${x * C + inset} ${y * C + inset}h${C - 2 * inset}v${C - 2 * inset}h${2 * inset - C}z`;
const corner: Draw = (x, y) => `M${(x + 1) * C} ${y * C}v7l-7 -7z`;
const cross: Draw = (x, y) => `M${x * C + 4} ${y * C + 4}l12 12m0 -12l-12 12`;
const crate: Draw = (x, y) => `M${x * C + 3.5} ${y * C + 3.5}h13v13h-13zl13 13m0 -13l-13 13`;

function inside(grid: Grid, cells: Cells, draw: Draw): string {
  let path = "";
  for (let k = 0; k < cells.n; k++) if (cellAt(grid, cells.x[k]!, cells.y[k]!) >= 0) path += draw(cells.x[k]!, cells.y[k]!);
  return path;
}

function where(grid: Grid, test: (cell: number) => boolean, draw: Draw): string {
  let path = "";
  for (let cell = 0; cell < grid.rows * grid.cols; cell++) if (test(cell)) path += draw(cell % grid.cols, Math.floor(cell / grid.cols));
  return path;
}

function lines({ rows, cols }: Grid): string {
  let path = "";
  for (let x = 1; x < cols; x++) path += `M${x * C} 0v${rows * C}`;
  for (let y = 1; y < rows; y++) path += `M0 ${y * C}h${cols * C}`;
  return path;
}

// The plan as lines between the middles of its cells: whole steps, and apart the jumps that are no step.
function planPaths({ plan }: Grid): readonly [string, string] {
  const paths: [string, string] = ["", ""];
  for (let k = 1; k < plan.n; k++) {
    const [a, b, c, d] = [plan.x[k - 1]!, plan.y[k - 1]!, plan.x[k]!, plan.y[k]!];
    paths[Math.abs(a - c) + Math.abs(b - d) === 1 ? 0 : 1] += `M${(a + 0.5) * C} ${(b + 0.5) * C}L${(c + 0.5) * C} ${(d + 0.5) * C}`;
  }
  return paths;
}

// Sizes that look the same on a grid of any size: the picture is as wide as its panel.
function sizes({ rows, cols }: Grid): { axis: number; edge: number; number: number; mark: number } {
  const side = Math.max(rows, cols, 4);
  const axis = 0.56 * side;
  return { axis, edge: 1.7 * axis, number: Math.min(8.5, 0.8 * side), mark: side > 18 ? 1.5 : 1 };
}

function ticks(n: number): number[] {
  const every = n <= 12 ? 1 : 5;
  return Array.from({ length: n }, (_, k) => k).filter((k) => k % every === 0);
}

interface Props {
  readonly grid: Grid;
  readonly step: number;
  readonly violations: readonly Violation[];
  readonly numbers: boolean;
  readonly plan: boolean;
  readonly selected: number;
}

export function GridPicture({ grid, step, violations, numbers, plan, selected }: Props) {
  const { rows, cols, steps } = grid;
  const frame = replay(grid, step);
  const wrong = new Set(violations.filter((v) => v.step >= 0 && v.step <= step).map((v) => cellAt(grid, steps.x[v.step]!, steps.y[v.step]!)));
  const walls = new Set(Array.from(grid.walls.x, (x, k) => cellAt(grid, x, grid.walls.y[k]!)));
  const now = violations.some((v) => v.step === step && step >= 0);
  const [walk, jumps] = planPaths(grid);
  const [cx, cy] = [frame.current % cols, Math.floor(frame.current / cols)];
  const pusher = grid.boxes.n > 0;
  const size = sizes(grid);
  return (
    <svg class="grid" viewBox={`${-size.edge} ${-size.edge} ${cols * C + size.edge + 2} ${rows * C + size.edge + 2}`} role="img" aria-label={spokenFrame(grid, step, now)}>
      <rect class="g-floor" x={0} y={0} width={cols * C} height={rows * C} />
      <path class="g-closed" d={where(grid, (c) => frame.state[c] === CLOSED, square(0))} />
      <path class="g-lines" d={lines(grid)} />
      <path class="g-wall" d={inside(grid, grid.walls, square(0))} />
      {wrong.size > 0 && <path class="g-sunk" d={where(grid, (c) => frame.state[c] === CLOSED && walls.has(c), square(4))} />}
      <path class="g-open" d={where(grid, (c) => frame.state[c] === OPEN, square(3))} />
      {plan && walk && <path class="g-plan" d={walk} />}
      {plan && jumps && <path class="g-plan g-jump" d={jumps} />}
      {numbers && cols <= MOST_NUMBERED && (
        <g class="g-number" font-size={size.number}>
          {Array.from(frame.order, (n, c) =>
            n > 0 ? (
              <text x={((c % cols) + 0.5) * C} y={(Math.floor(c / cols) + 0.5) * C}>
                {n}
              </text>
            ) : null,
          )}
        </g>
      )}
      {frame.boxes && <path class="g-box" d={inside(grid, frame.boxes, crate)} />}
      {marks(grid, grid.goals, pusher ? "dock" : "goal")}
      {marks(grid, grid.start, "start")}
      <path class="g-corner" d={where(grid, (c) => wrong.has(c), corner)} />
      {selected >= 0 && <rect class="g-selected" x={(selected % cols) * C} y={Math.floor(selected / cols) * C} width={C} height={C} />}
      {frame.current >= 0 && <rect class="g-current" x={cx * C + 1} y={cy * C + 1} width={C - 2} height={C - 2} rx={2} />}
      {frame.current >= 0 && now && <path class="g-wrong" d={cross(cx, cy)} />}
      <rect class="g-frame" x={0} y={0} width={cols * C} height={rows * C} />
      <g class="g-axis" aria-hidden="true" font-size={size.axis}>
        {ticks(cols).map((x) => (
          <text x={(x + 0.5) * C} y={-0.45 * size.axis}>
            {x}
          </text>
        ))}
        {ticks(rows).map((y) => (
          <text x={-0.85 * size.axis} y={(y + 0.5) * C + 0.36 * size.axis}>
            {y}
          </text>
        ))}
      </g>
    </svg>
  );
}

function marks(grid: Grid, cells: Cells, kind: "start" | "goal" | "dock") {
  return Array.from(cells.x, (x, k) => [x, cells.y[k]!] as const)
    .filter(([x, y]) => cellAt(grid, x, y) >= 0)
    .map(([x, y]) => (
      <g class={`g-mark g-${kind}`} transform={`translate(${(x + 0.5) * C} ${(y + 0.5) * C}) scale(${kind === "dock" ? 1 : sizes(grid).mark})`}>
        {kind === "dock" ? (
          <>
            <circle r={6} />
            <circle r={2.4} />
          </>
        ) : (
          <>
            {kind === "start" ? <circle r={7} /> : <rect x={-6} y={-6} width={12} height={12} transform="rotate(45)" />}
            <text>{kind === "start" ? "S" : "G"}</text>
          </>
        )}
      </g>
    ));
}

export function spokenEvent(grid: Grid, step: number): string {
  const { steps } = grid;
  if (step < 0) return "before the first event";
  const [g, h] = [steps.g[step]!, steps.h[step]!];
  const costs = [g >= 0 ? `g ${g}` : "", h >= 0 ? `h ${h}` : ""].filter(Boolean).join(" ");
  return `${steps.verbs[steps.verb[step]!]!} (${steps.x[step]}, ${steps.y[step]})${costs && ` ${costs}`}`;
}

function spokenFrame(grid: Grid, step: number, wrong: boolean): string {
  return `grid of ${grid.cols} columns and ${grid.rows} rows, ${step < 0 ? "" : `event ${step}: `}${spokenEvent(grid, step)}${wrong ? ", breaks a rule" : ""}`;
}

// The cell under the pointer, or -1.
export function cellUnder(grid: Grid, svg: Element, x: number, y: number): number {
  const box = svg.getBoundingClientRect();
  const { edge } = sizes(grid);
  const [w, h] = [grid.cols * C + edge + 2, grid.rows * C + edge + 2];
  // The picture keeps its shape, in the middle of its box.
  const scale = Math.min(box.width / w, box.height / h);
  const left = box.left + (box.width - w * scale) / 2;
  const top = box.top + (box.height - h * scale) / 2;
  return cellAt(grid, Math.floor(((x - left) / scale - edge) / C), Math.floor(((y - top) / scale - edge) / C));
}
