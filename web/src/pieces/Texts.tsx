// A few lines, and samples of model text.
import { Caption } from "./Bars";
import type { PieceProps } from "../kit";

export function Texts({ piece }: PieceProps) {
  return (
    <figure class="piecebox texts">
      <Caption text={piece["title"] as string} />
      {(piece["lines"] as readonly string[]).map((line) => (
        <p>{line}</p>
      ))}
      {(piece["samples"] as readonly (readonly [string, string])[]).map(([name, text]) => (
        <>
          <p class="dim">{name}</p>
          <pre>{text}</pre>
        </>
      ))}
    </figure>
  );
}
