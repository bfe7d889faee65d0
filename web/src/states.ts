// How outcomes without an answer are drawn: greys, told apart by their pattern. Indices are those of report/palette.py;
// style.css draws the same patterns for swatches.
export type Line = readonly [x0: number, y0: number, x1: number, y1: number];

export interface StateStyle {
  readonly name: string;
  readonly ground: string;
  readonly stroke: string;
  readonly width: number;
  readonly lines: readonly Line[];
}

// Side of the tile that is repeated, in pixels.
export const TILE = 6;

const UPRIGHT: readonly Line[] = [[0.5, 0, 0.5, TILE], [3.5, 0, 3.5, TILE]];
const LEVEL: readonly Line[] = [[0, 0.5, TILE, 0.5], [0, 3.5, TILE, 3.5]];
export const RISING: readonly Line[] = [-TILE, 0, TILE].map((x) => [x, TILE, x + TILE, 0] as const);
const FALLING: readonly Line[] = [-TILE, 0, TILE].map((x) => [x, 0, x + TILE, TILE] as const);
const DOTS: readonly Line[] = [[0, 1, 2, 1], [3, 4, 5, 4]];

const style = (name: string, lines: readonly Line[], ground = "--ground", stroke = "--stroke", width = 1): StateStyle => ({ name, ground, stroke, width, lines });

export const STATES: Readonly<Record<number, StateStyle>> = {
  [-2]: style("unparseable", FALLING),
  [-3]: style("truncated", [], "--truncated"),
  [-4]: style("truncated-in-trace", UPRIGHT),
  [-5]: style("truncated-in-answer", LEVEL),
  [-6]: style("ended-in-trace", RISING, "--truncated", "--paper", 1.5),
  [-7]: style("refused", [...RISING, ...FALLING]),
  [-8]: style("error", DOTS, "--stroke", "--ground", 2),
};
