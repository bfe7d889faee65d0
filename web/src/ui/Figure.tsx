// The window that makes a figure: how wide, as what, and what it will look like.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Picture, caption } from "../figure/Picture";
import { lightColours } from "../figure/colours";
import { pngFile, svgFile } from "../figure/save";
import { download } from "../export";
import { copyText } from "./parts";
import { useReport } from "./context";

const WIDTHS = [[85, "one column"], [170, "two columns"]] as const;

export function Figure() {
  const { figure } = useReport();
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (figure.value) box.current?.showModal();
  }, [figure.value]);
  return (
    <dialog ref={box} class="figure" onClose={() => (figure.value = false)} aria-label="figure">
      {figure.value && <Chosen close={() => box.current?.close()} />}
    </dialog>
  );
}

function Chosen({ close }: { close: () => void }) {
  const report = useReport();
  const width = useSignal(85);
  const said = useSignal("");
  const drawn = useRef<HTMLDivElement>(null);
  const found = report.trace.value!;
  const metric = report.metric.value;
  const shown = {
    found, metric, stack: found.stacks[report.stackIndex.value]?.kind === "forced" ? found.stacks[report.stackIndex.value]! : null, given: report.given.value,
    range: report.range.value, unit: report.focus.value, colours: lightColours(metric?.palette ?? "value"), width: width.value,
  };
  const save = (kind: "svg" | "png") => {
    const svg = drawn.current!.querySelector("svg")!;
    const name = `tokenworth-${report.header.hash.slice(0, 12)}-${width.value}mm.${kind}`;
    void Promise.resolve(kind === "svg" ? svgFile(svg) : pngFile(svg, width.value)).then(
      (file) => download(file, name),
      (error: unknown) => (said.value = `no file was made: ${error instanceof Error ? error.message : String(error)}`),
    );
  };
  return (
    <>
      <div class="figurebar">
        <div class="seg" role="group" aria-label="width">
          {WIDTHS.map(([mm, name]) => (
            <button type="button" aria-pressed={width.value === mm} onClick={() => (width.value = mm)}>
              {mm} mm <small>{name}</small>
            </button>
          ))}
        </div>
        <button type="button" onClick={() => save("svg")}>SVG</button>
        <button type="button" onClick={() => save("png")}>PNG, 300 dpi</button>
        <button type="button" onClick={() => void copyText(caption(shown)).then((done) => (said.value = done ? "caption copied" : ""))}>copy the caption</button>
        <button type="button" class="plain" onClick={close} aria-label="close the figure">✕</button>
      </div>
      <p class="dim">{said.value || `The curve and the text as they are coloured now${report.range.value ? "; zoomed, so of this part" : ""}.`}</p>
      <div class="paper" ref={drawn}>
        <Picture {...shown} />
      </div>
    </>
  );
}
