// The medoid of each cluster: the trace that is nearest to all others of it.
import { count, useEffect, useRef, useReport } from "../kit";
import { cellOf, paintThumb, readInks } from "./paint";
import { set } from "./state";
import type { GalleryState } from "./state";

const SIZE = 2;

export function Clusters({ state }: { state: GalleryState }) {
  const { gallery, view } = state;
  const sizes = gallery.medoids.map((_, k) => gallery.cluster.reduce((n, c) => n + (c === k ? 1 : 0), 0));
  return (
    <div class="medoids" role="group" aria-label="clusters">
      {gallery.medoids.map((row, k) => (
        <button type="button" class={view.value.cluster === k ? "medoid on" : "medoid"} aria-pressed={view.value.cluster === k} onClick={() => set(state, { cluster: view.value.cluster === k ? -1 : k, at: row })}>
          <Thumb state={state} row={row} />
          <span>
            cluster {k + 1} <small>{count(sizes[k]!)}</small>
          </span>
        </button>
      ))}
    </div>
  );
}

function Thumb({ state, row }: { state: GalleryState; row: number }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const tick = useReport().theme.tick.value;
  useEffect(() => {
    const ctx = canvas.current!.getContext("2d");
    const cell = cellOf("line", SIZE, state.gallery.longest);
    canvas.current!.width = cell.width;
    canvas.current!.height = cell.height;
    const image = ctx!.createImageData(cell.width, cell.height);
    const [pixels, inks] = [new Uint32Array(image.data.buffer), readInks()];
    pixels.fill(inks.point[255]!);
    paintThumb(pixels, cell.width, cell.height, 0, 0, state.gallery, row, "line", cell, 1, inks);
    ctx!.putImageData(image, 0, 0);
  }, [row, tick]);
  return <canvas ref={canvas} aria-hidden="true" />;
}
