// What the parts of the viewer that not every page has take from the frame: it stands in the page's global, so that a part brings no
// second copy of it.
export { Fragment, jsx, jsxs } from "preact/jsx-runtime";
export { useEffect, useRef } from "preact/hooks";
export { computed, effect, signal, useSignal } from "@preact/signals";
export { floats, integers, small, texts } from "./codec";
export { count, figure, percent, signed, unseen, visible } from "./format";
export { START } from "./hash";
export { hatch, prepare, readTheme, steps } from "./plots/scale";
export { Sheets } from "./sections/Sheets";
export { openTrace } from "./state";
export { Made } from "./ui/Made";
export { useReport } from "./ui/context";
export { swatchClass } from "./ui/parts";
export type { Drawings, PieceProps } from "./sections/index";
