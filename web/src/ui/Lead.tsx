// What the page opens on, as a sentence; a press goes to its place.
import { moveTo, pin } from "../state";
import { useReport } from "./context";

export function Lead() {
  const report = useReport();
  const lead = report.trace.value?.head.lead;
  if (!lead) return null;
  const here = report.shown.value === lead.unit;
  const go = () => {
    if (lead.unit < 0) moveTo(report, -1);
    else if (!here || !report.pinned.value) pin(report, lead.unit);
    requestAnimationFrame(() => report.root.querySelector(".pane .cur")?.scrollIntoView({ block: "center" }));
  };
  return (
    <button type="button" class="lead" aria-pressed={here} onClick={go}>
      <b>{lead.text}</b>
      <small>{lead.detail}</small>
    </button>
  );
}
