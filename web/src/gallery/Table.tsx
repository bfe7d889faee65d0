// The same rows as a table that draws only what is seen.
import { count, useEffect, useRef, useSignal, visible } from "../kit";
import { set } from "./state";
import type { GalleryState } from "./state";
import { CORRECT, numberOf } from "./words";

const ROW = 26;

export function Table({ state, open }: { state: GalleryState; open: (row: number) => void }) {
  const { gallery, view, rows, labels } = state;
  const box = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  useEffect(() => {
    const frame = box.current!;
    const look = new ResizeObserver(() => (height.value = frame.clientHeight));
    look.observe(frame);
    return () => look.disconnect();
  }, []);
  useEffect(() => {
    top.value = box.current!.scrollTop = 0;
  }, [rows.value]);
  const shown = rows.value;
  const from = Math.max(0, Math.floor(top.value / ROW) - 8);
  const to = Math.min(shown.length, Math.ceil((top.value + height.value) / ROW) + 8);
  const sorter = (name: string, sort: number, note = "") => (
    <th scope="col" title={note} aria-sort={view.value.sort === sort ? (view.value.falling ? "descending" : "ascending") : "none"}>
      <button type="button" class="plain" onClick={() => set(state, { sort, falling: view.value.sort === sort && !view.value.falling })}>
        {name}
        {view.value.sort === sort && (view.value.falling ? " ↓" : " ↑")}
      </button>
    </th>
  );
  return (
    <div class="thumbs rows" ref={box} tabIndex={0} role="region" aria-label={`${count(shown.length)} traces`} onScroll={(e) => (top.value = e.currentTarget.scrollTop)}>
      <table class="plain-table" aria-rowcount={shown.length + 1}>
        <thead>
          <tr>
            {sorter("trace", -1)}
            {sorter("label", -3)}
            <th scope="col">answer</th>
            {sorter("tokens", -2)}
            {gallery.features.map((f, k) => sorter(f.name, k, f.note))}
          </tr>
        </thead>
        <tbody>
          <tr style={{ height: `${from * ROW}px` }} />
          {Array.from(shown.subarray(from, to), (row, k) => (
            <tr key={row} class={row === view.value.at ? "on" : ""} aria-rowindex={from + k + 2} style={{ height: `${ROW}px` }} onClick={() => set(state, { at: row })} onDblClick={() => open(row)}>
              <th scope="row">
                <button type="button" class="plain" onClick={() => (gallery.trace[row]! >= 0 ? open(row) : set(state, { at: row }))}>
                  {visible(gallery.ids.at(row), 40, false)}
                </button>
              </th>
              <td>
                <i class={`sw cat-${labels.value[row]! % 8}`} aria-hidden="true" /> {gallery.rules[labels.value[row]!]!.label}
              </td>
              <td>{CORRECT[gallery.correct[row]!]}</td>
              <td>{count(gallery.tokens[row]!)}</td>
              {gallery.features.map((_, f) => (
                <td>{numberOf(gallery, f, row)}</td>
              ))}
            </tr>
          ))}
          <tr style={{ height: `${(shown.length - to) * ROW}px` }} />
        </tbody>
      </table>
    </div>
  );
}
