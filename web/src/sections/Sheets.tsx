// A table over many problems: every number with its interval drawn on the column's scale, and where the table comes from.
import { figure, signed } from "../format";
import type { Section, Sheet, SheetCell, SheetColumn } from "../model";
import { Made } from "../ui/Made";

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
      {[...sheet.lead, sheet.caption].filter(Boolean).map((text) => (
        <p>{text}</p>
      ))}
      {sheet.rows.length > 0 && (
        <div class="wide">
          <table class="plain-table">
            <thead>
              <tr>
                {sheet.columns.map((c) => (
                  <th scope="col" class={`is-${c.kind}`}>
                    {c.name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {sheet.rows.map((row) => (
                <tr>{row.map((cell, k) => (k === 0 ? <th scope="row">{cell.main}</th> : <Cell cell={cell} column={sheet.columns[k]!} />))}</tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
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

function Cell({ cell, column }: { cell: SheetCell; column: SheetColumn }) {
  const [value, low, high] = cell.number ?? [null, null, null];
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
