// The order of a table's rows by one of its columns. Pure, so it can be tested alone.
import type { SheetCell } from "../model";

export interface Order { readonly column: number; readonly falling: boolean }

// The number of a cell: its own, else what its text begins with; null: a text, or none.
export function numberOf(cell: SheetCell): number | null {
  if (cell.number && cell.number[0] !== null) return cell.number[0];
  const found = /^[−+-]?[\d,]*\.?\d+(e[+-]?\d+)?/i.exec(cell.main.trim());
  return found ? Number(found[0].replace(/,/g, "").replace("−", "-")) : null;
}

function isEmpty(cell: SheetCell): boolean {
  return cell.main === "" || cell.main === "–";
}

// Rows by number where every cell that says something has one, by text otherwise; cells that say nothing come last, either way.
export function sorted(rows: readonly (readonly SheetCell[])[], order: Order | null): readonly number[] {
  const all = rows.map((_, k) => k);
  if (!order) return all;
  const cells = rows.map((row) => row[order.column]!);
  const numbers = cells.map(numberOf);
  const byNumber = cells.every((cell, k) => isEmpty(cell) || numbers[k] !== null);
  const sign = order.falling ? -1 : 1;
  const compare = (a: number, b: number) => {
    if (isEmpty(cells[a]!) || isEmpty(cells[b]!)) return Number(isEmpty(cells[a]!)) - Number(isEmpty(cells[b]!));
    return sign * (byNumber ? numbers[a]! - numbers[b]! : cells[a]!.main.localeCompare(cells[b]!.main, "en", { numeric: true }));
  };
  return all.sort((a, b) => compare(a, b) || a - b);
}

// A press sorts rising, a second one falling, a third one takes the order away; numbers begin with the largest.
export function pressed(order: Order | null, column: number, numeric: boolean): Order | null {
  if (order?.column !== column) return { column, falling: numeric };
  return order.falling === numeric ? { column, falling: !numeric } : null;
}
