// Outcome distributions as stacked bars: letters and patterns say the same as colours, what is missing is hatched.
import { count, figure, swatchClass } from "../kit";
import type { PieceProps } from "../kit";
import type { BarHead, Label } from "../model";

// Shares as they are drawn, and what they lack of 1.
export function sharesOf(bar: Pick<BarHead, "shares">): { readonly shares: readonly number[]; readonly missing: number } {
  const shares = bar.shares.map((x) => Math.max(0, x ?? 0));
  const sum = shares.reduce((a, b) => a + b, 0);
  return sum > 1 ? { shares: shares.map((x) => x / sum), missing: 0 } : { shares, missing: sum > 0.9995 ? 0 : 1 - sum };
}

export function words(bar: BarHead, labels: readonly Label[]): string {
  const told = labels.flatMap((label, k) => {
    const share = bar.shares[k] ?? null;
    const [low, high] = [bar.low?.[k] ?? null, bar.high?.[k] ?? null];
    return share === 0 && !high ? [] : [`${label.name} ${figure(share, 2)}${low === null && high === null ? "" : ` [${figure(low, 2)}, ${figure(high, 2)}]`}`];
  });
  const { missing } = sharesOf(bar);
  return [...told, ...(missing ? [`missing ${figure(missing, 2)}`] : []), ...(bar.n === null ? [] : [`n ${count(bar.n)}`])].join(", ");
}

export function Stacked({ bar, labels }: { bar: BarHead; labels: readonly Label[] }) {
  const { shares, missing } = sharesOf(bar);
  return (
    <span class="stacked" role="img" aria-label={words(bar, labels)} title={words(bar, labels)}>
      {labels.map((label, k) =>
        shares[k]! > 0 ? (
          <i class={`${swatchClass(label.colour)}${label.gold ? " right" : ""}`} style={{ width: `${100 * shares[k]!}%` }}>
            {shares[k]! > 0.09 && label.colour >= 0 && <b>{label.letter}</b>}
          </i>
        ) : null,
      )}
      {missing > 0 && <i class="sw hatch" style={{ width: `${100 * missing}%` }} />}
    </span>
  );
}

export function Legend({ labels }: { labels: readonly Label[] }) {
  return (
    <p class="keys">
      {labels.map((label) => (
        <span class={`key${label.gold ? " gold" : ""}`}>
          <i class={swatchClass(label.colour)} aria-hidden="true" /> {label.colour >= 0 && label.letter !== label.name && <b>{label.letter}</b>} {label.name}
          {label.gold && " ✓"}
        </span>
      ))}
      <span class="key">
        <i class="sw hatch" aria-hidden="true" /> missing
      </span>
    </p>
  );
}

export function Bars({ piece, go }: PieceProps) {
  const labels = piece["labels"] as readonly Label[];
  const rows = piece["rows"] as readonly BarHead[];
  return (
    <figure class="piecebox bars">
      <Caption text={piece["title"] as string} />
      <Legend labels={labels} />
      <ul>
        {rows.map((bar) => (
          <li>
            <span class="name">
              {bar.row ? (
                <button type="button" class="more" onClick={() => go(bar.row)}>
                  {bar.name}
                </button>
              ) : (
                bar.name
              )}
            </span>
            <Stacked bar={bar} labels={labels} />
            <small>
              {bar.n !== null && `n ${count(bar.n)}`} {bar.detail}
            </small>
          </li>
        ))}
      </ul>
      {piece["level"] !== null && <p class="dim">Limits of each share, at {Number((100 * (piece["level"] as number)).toPrecision(6))} %, show on hover.</p>}
    </figure>
  );
}

// The bar of a cell, or the legend of all of a table.
export function CellBar({ piece, sheet }: PieceProps) {
  return piece["legend"] ? <Legend labels={sheet.labels} /> : <Stacked bar={piece["bar"] as BarHead} labels={sheet.labels} />;
}

export function Caption({ text }: { text: string }) {
  return text ? <figcaption>{text}</figcaption> : null;
}
