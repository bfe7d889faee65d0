// Two texts side by side: what was removed is struck through, what was added underlined, each with what became of it.
import { Caption, Legend, Stacked } from "./Bars";
import type { PieceProps } from "../kit";
import type { BarHead, Label } from "../model";

interface SideHead { readonly name: string; readonly parts: readonly (readonly [string, "kept" | "removed" | "added"])[]; readonly bar: BarHead | null; readonly lines: readonly string[] }

function Side({ side, labels }: { side: SideHead; labels: readonly Label[] }) {
  return (
    <section aria-label={side.name}>
      <h3>{side.name}</h3>
      <pre>{side.parts.map(([text, change]) => (change === "kept" ? text : change === "removed" ? <del>{text}</del> : <ins>{text}</ins>))}</pre>
      {side.bar && <Stacked bar={side.bar} labels={labels} />}
      {side.lines.map((line) => (
        <p>{line}</p>
      ))}
    </section>
  );
}

export function Beside({ piece }: PieceProps) {
  const labels = piece["labels"] as readonly Label[];
  return (
    <figure class="piecebox">
      <Caption text={piece["title"] as string} />
      {labels.length > 0 && <Legend labels={labels} />}
      <div class="beside">
        <Side side={piece["left"] as SideHead} labels={labels} />
        <Side side={piece["right"] as SideHead} labels={labels} />
      </div>
    </figure>
  );
}
