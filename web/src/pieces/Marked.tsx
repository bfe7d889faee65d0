// The trace as text with marks. A claim has a sign before it and a heavy line under it; a colour is only the ground.
import { small, texts, unseen } from "../kit";
import type { PieceProps } from "../kit";
import type { Column, TextColumn } from "../codec";
import { Caption } from "./Bars";
import { NAMES, SIGNS, runsOf } from "./marks";
import type { Mark } from "./marks";

const BINS: readonly number[] = Array.from({ length: 21 }, (_, k) => k);

export function Marked({ piece, sheet, go }: PieceProps) {
  const pieces = texts(sheet.blob, piece["pieces"] as TextColumn);
  const bins = piece["bins"] ? small(sheet.blob, piece["bins"] as Column) : null;
  const marks = piece["marks"] as readonly Mark[];
  const kinds = Object.entries(NAMES).filter(([kind]) => marks.some((m) => m[2] === kind));
  const none = piece["none"] as number;
  const tokens = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, k) => {
      const text = pieces.at(from + k);
      const bin = bins ? bins[from + k]! : none;
      return <span class={`u${bin === none ? "" : ` b${bin}`}${/^[\r\n]/.test(text) ? " nl" : unseen(text) ? " ctl" : ""}`}>{text}</span>;
    });
  return (
    <figure class="piecebox">
      <Caption text={piece["title"] as string} />
      <p class="keys">
        {kinds.map(([kind, name]) => (
          <span class="key">
            <span class={`mk mk-${kind}`} data-sign={SIGNS[kind]}>
              abc
            </span>{" "}
            {name}
          </span>
        ))}
        {piece["claims"] !== "" && <span>{piece["claims"] as string}</span>}
      </p>
      {bins && (
        <p class="keys" data-palette={piece["palette"] as string}>
          <span class="key">
            {String(piece["low"]).replace("-", "−")}
            <span class="ramp" aria-hidden="true">
              {BINS.map((b) => (
                <i class={`b${b}`} />
              ))}
            </span>
            {String(piece["high"])}
          </span>
          <span>{piece["what"] as string}</span>
        </p>
      )}
      <div class="markedtext" data-palette={piece["palette"] as string}>
        {runsOf(pieces.n, marks).map(({ from, to, marks: on }) => {
          const main = on.find((m) => m[2] !== "span") ?? on[0];
          if (!main) return tokens(from, to);
          const [start, , kind, label, row] = main;
          const name = `mk mk-${kind}${on.some((m) => m[2] === "span") ? " mk-span" : ""}`;
          const sign = start === from ? SIGNS[kind] : undefined;
          return row ? (
            <span class={name} data-sign={sign} role="link" tabIndex={0} aria-label={`${NAMES[kind]}: ${label}`} title={label} onClick={() => go(row)} onKeyDown={(e) => e.key === "Enter" && go(row)}>
              {tokens(from, to)}
            </span>
          ) : (
            <span class={name} data-sign={sign} title={label}>
              {tokens(from, to)}
            </span>
          );
        })}
      </div>
    </figure>
  );
}
