// Tables: every number with its interval drawn on the column's scale, drawings above them, rows that have an address and may open, and
// where the table comes from.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { figure, signed } from "../format";
import type { PieceHead, Section, Sheet, SheetCell, SheetColumn } from "../model";
import { Made } from "../ui/Made";
import { useReport } from "../ui/context";
import { numberOf, pressed, sorted } from "./sorting";
import type { Order } from "./sorting";

export function Sheets({ section }: { section: Section }) {
  const sheets = section["sheets"] as readonly Sheet[];
  // What several tables of one document have in common stands under the last of them.
  return (
    <>
      {sheets.map((sheet, k) => (
        <SheetCard sheet={sheet} own={JSON.stringify(sheet.facts) !== JSON.stringify(sheets[k + 1]?.facts)} key={k} />
      ))}
    </>
  );
}

function SheetCard({ sheet, own }: { sheet: Sheet; own: boolean }) {
  return (
    <article class="tcard sheet">
      <header>
        <h2>{sheet.title}</h2>
      </header>
      {[...sheet.lead, sheet.pieces.length ? "" : sheet.caption].filter(Boolean).map((text) => (
        <p>{text}</p>
      ))}
      {sheet.pieces.map((piece) => (
        <Drawn piece={piece} sheet={sheet} />
      ))}
      {sheet.pieces.length > 0 && sheet.caption && <p>{sheet.caption}</p>}
      {sheet.labels.length > 0 && <Drawn piece={{ kind: "cell", legend: true }} sheet={sheet} />}
      {sheet.rows.length > 0 && <Rows sheet={sheet} />}
      {sheet.level !== null && (
        <p class="dim">In brackets and as bars: {Number((100 * sheet.level).toPrecision(6))} % intervals. Shares are drawn from 0 to 1, differences from −1 to 1 with a line at 0.</p>
      )}
      {sheet.notes.length > 0 && (
        <ul class="notes">
          {sheet.notes.map((note) => (
            <li>{note}</li>
          ))}
        </ul>
      )}
      {own && <Made facts={sheet.facts} />}
    </article>
  );
}

function Drawn({ piece, sheet }: { piece: PieceHead; sheet: Sheet }) {
  const report = useReport();
  const Piece = report.drawings.pieces[piece.kind];
  const go = (row: string) => (report.row.value = `${sheet.document}.${row}`);
  return Piece ? <Piece piece={piece} sheet={sheet} go={go} /> : <p>This viewer cannot draw a piece of the kind {piece.kind}.</p>;
}

function Rows({ sheet }: { sheet: Sheet }) {
  const order = useSignal<Order | null>(null);
  const press = (k: number) => {
    const numeric = sheet.rows.every((row) => numberOf(row[k]!) !== null || row[k]!.main === "–");
    order.value = pressed(order.value, k, numeric);
  };
  return (
    <div class="wide">
      <table class="plain-table">
        <thead>
          <tr>
            {sheet.columns.map((c, k) => (
              <th scope="col" class={`is-${c.kind}`} aria-sort={order.value?.column !== k ? undefined : order.value.falling ? "descending" : "ascending"}>
                <button type="button" class="sorter" onClick={() => press(k)}>
                  {c.name}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted(sheet.rows, order.value).map((k) => (
            <Row sheet={sheet} at={k} key={k} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

// The row that the address names is marked, opened and shown.
function Row({ sheet, at }: { sheet: Sheet; at: number }) {
  const report = useReport();
  const open = useSignal(false);
  const line = useRef<HTMLTableRowElement>(null);
  const address = sheet.document < 0 ? "" : `${sheet.document}.${sheet.keys[at]!}`;
  const here = address !== "" && report.row.value === address;
  const detail = sheet.details[at] ?? [];
  useEffect(() => {
    if (!here) return;
    open.value = true;
    line.current?.scrollIntoView({ block: "center" });
    line.current?.querySelector<HTMLElement>(".to")?.focus({ preventScroll: true });
  }, [here]);
  const mark = (e: Event) => {
    e.preventDefault();
    report.row.value = here ? "" : address;
  };
  const [first, ...rest] = sheet.rows[at]!;
  return (
    <>
      <tr class={here ? "here" : ""} ref={line} aria-current={here ? "true" : undefined}>
        <th scope="row">
          {detail.length > 0 ? (
            <button type="button" class="opener" aria-expanded={open.value} onClick={() => (open.value = !open.value)}>
              {first!.main}
            </button>
          ) : (
            first!.main
          )}
          {address && <a class="to" href={`#v1&w=${address}`} aria-label="link to this row" onClick={mark} />}
        </th>
        {rest.map((cell, k) => (
          <Cell cell={cell} column={sheet.columns[k + 1]!} sheet={sheet} />
        ))}
      </tr>
      {open.value && detail.length > 0 && (
        <tr class="detail">
          <td colSpan={sheet.columns.length}>
            {detail.map((piece) => (
              <Drawn piece={piece} sheet={sheet} />
            ))}
          </td>
        </tr>
      )}
    </>
  );
}

function Cell({ cell, column, sheet }: { cell: SheetCell; column: SheetColumn; sheet: Sheet }) {
  const [value, low, high] = cell.number ?? [null, null, null];
  if (cell.bar) {
    return (
      <td class={`is-${column.kind} is-bar`}>
        <Drawn piece={{ kind: "cell", bar: cell.bar }} sheet={sheet} />
        {cell.main && <small>{cell.main}</small>}
      </td>
    );
  }
  if (value === null) return <td class={`is-${column.kind}`}>{cell.main}</td>;
  const drawn = column.kind === "share" || column.kind === "difference";
  const limit = !drawn ? (x: number, _digits: number) => String(Number(x.toPrecision(4))) : column.kind === "difference" ? signed : figure;
  return (
    <td class={`is-${column.kind}`}>
      <b>{cell.main.replace("-", "−")}</b>
      {low !== null && high !== null && (
        <>
          <small class="interval">
            {" "}
            [{limit(low, 2)}, {limit(high, 2)}]
          </small>
          {drawn && <Whisker value={value} low={low} high={high} least={column.kind === "difference" ? -1 : 0} />}
        </>
      )}
    </td>
  );
}

function Whisker({ value, low, high, least }: { value: number; low: number; high: number; least: number }) {
  const at = (x: number) => (100 * (Math.max(least, Math.min(1, x)) - least)) / (1 - least);
  return (
    <span class="whisker" aria-hidden="true">
      {least < 0 && <u style={{ left: `${at(0)}%` }} />}
      <i style={{ left: `${at(low)}%`, width: `${at(high) - at(low)}%` }} />
      <b style={{ left: `${at(value)}%` }} />
    </span>
  );
}
