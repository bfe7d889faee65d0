// The part of the viewer that draws the pieces of tables (report/pieces).
import "../pieces.css";
import type { Drawings } from "../kit";
import { Bars, CellBar } from "../pieces/Bars";
import { Beside } from "../pieces/Beside";
import { Lines } from "../pieces/Lines";
import { Marked } from "../pieces/Marked";
import { Matrix } from "../pieces/Matrix";
import { Texts } from "../pieces/Texts";

export const DRAWN: Readonly<Drawings> = { sections: {}, pieces: { bars: Bars, beside: Beside, cell: CellBar, lines: Lines, marked: Marked, matrix: Matrix, texts: Texts } };
