// What the grid shows after an event: the trace replayed as it stands, right or wrong. Pure, so it can be tested alone.
import type { Cells, Grid } from "./model";

export const FREE = 0;
export const OPEN = 1;
export const CLOSED = 2;

export interface Frame {
  // Per cell: FREE, OPEN or CLOSED, and the place of its last closing in the order of closings, from 1 (0: not closed).
  readonly state: Uint8Array;
  readonly order: Uint16Array;
  // Cell of the event itself, -1 where it is outside of the grid or there is none.
  readonly current: number;
  readonly boxes: Cells | null;
}

export function cellAt(grid: Grid, x: number, y: number): number {
  return x >= 0 && y >= 0 && x < grid.cols && y < grid.rows ? y * grid.cols + x : -1;
}

export function replay(grid: Grid, step: number): Frame {
  const { steps } = grid;
  const state = new Uint8Array(grid.rows * grid.cols);
  const order = new Uint16Array(grid.rows * grid.cols);
  let closings = 0;
  for (let k = 0; k <= step && k < steps.n; k++) {
    const cell = cellAt(grid, steps.x[k]!, steps.y[k]!);
    const closing = steps.verbs[steps.verb[k]!] === "close";
    if (closing) closings++;
    if (cell < 0) continue;
    state[cell] = closing ? CLOSED : OPEN;
    if (closing) order[cell] = Math.min(65535, closings);
  }
  const last = Math.min(step, steps.n - 1);
  return { state, order, current: last < 0 ? -1 : cellAt(grid, steps.x[last]!, steps.y[last]!), boxes: boxesAt(grid, last) };
}

// The boxes that the event writes; before the first one, and where no event writes any, those of the problem.
function boxesAt(grid: Grid, step: number): Cells | null {
  const at = grid.steps.boxAt;
  if (step < 0 || !at) return grid.boxes.n ? grid.boxes : null;
  const [from, to] = [at[step]!, at[step + 1]!];
  return { n: to - from, x: grid.steps.boxes.x.subarray(from, to), y: grid.steps.boxes.y.subarray(from, to) };
}

// The events of a cell, in order.
export function eventsOf(grid: Grid, cell: number): number[] {
  const { steps } = grid;
  return Array.from({ length: steps.n }, (_, k) => k).filter((k) => cellAt(grid, steps.x[k]!, steps.y[k]!) === cell);
}
