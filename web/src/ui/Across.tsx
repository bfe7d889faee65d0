// The change of the value across an event, with limits.
import { across, eventSpan } from "../formal/change";
import type { Violation } from "../formal/model";
import type { Trace } from "../model";
import { count } from "../format";
import { rowOf } from "../model";
import { Interval, Num, Open } from "./parts";

export function Across({ found, at, what, label = false }: { found: Trace; at: Violation; what: string; label?: boolean }) {
  const span = found.formal && eventSpan(found.formal, at, found.n);
  const change = span && found.curve ? across(found.curve, ...span) : null;
  if (!span || !change) return null;
  const { curve } = found;
  const exact = change.from === span[0] && change.to === span[1];
  return (
    <span class="across">
      {what}
      {!exact && ` (${found.head.unit}s between cuts ${count(change.from)} and ${count(change.to)})`}: {label && `${found.curve!.label} `}
      <Num x={change.before} digits={2} />
      <Open curve={curve!} row={rowOf(curve!.cuts, change.from)} /> → <Num x={change.after} digits={2} />
      <Open curve={curve!} row={rowOf(curve!.cuts, change.to)} />, Δ <Num x={change.delta} digits={2} sign />{" "}
      <Interval low={change.low} high={change.high} sign digits={2} />
    </span>
  );
}
