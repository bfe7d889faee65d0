// All traces of a survey: thumbnails or a table, labels that follow their thresholds, two features against each other.
import { Made, START, Sheets, openTrace, useEffect, useReport } from "../kit";
import { Chosen } from "../gallery/Chosen";
import { Clusters } from "../gallery/Clusters";
import { Controls, Labels, Thresholds } from "../gallery/Controls";
import { Scatter } from "../gallery/Scatter";
import { Table } from "../gallery/Table";
import { Wall } from "../gallery/Wall";

export function Gallery() {
  const report = useReport();
  const state = report.gallery;
  useEffect(() => {
    if (state) Object.assign(window, { __tw: { ready: performance.now() } });
  }, [state]);
  if (!state) return null;
  const { gallery, view } = state;
  const open = (row: number) => {
    const trace = gallery.trace[row]!;
    if (trace >= 0) void openTrace(report, trace, START).then(() => (report.screen.value = "trace"));
  };
  return (
    <article class="gallery">
      <header>
        {gallery.lead.map((text) => (
          <p>{text}</p>
        ))}
        <Controls state={state} />
        <Labels state={state} />
        {gallery.medoids.length > 0 && <Clusters state={state} />}
      </header>
      {view.value.kind === "numbers" ? (
        <div class="thumbs cards">
          <Sheets section={{ kind: "sheets", sheets: gallery.sheets }} />
        </div>
      ) : view.value.kind === "table" ? (
        <Table state={state} open={open} />
      ) : (
        <Wall state={state} open={open} />
      )}
      <div class="galleryside">
        <Scatter state={state} />
        <Chosen state={state} open={open} />
        <Thresholds state={state} />
        <p class="dim">
          colour: {gallery.what}, <i class="sw ramp" aria-hidden="true" /> 0 to 1; hatched: too little mass or too few verdicts; dotted: not measured. ✓ ✗ ·: answer correct, wrong, not known.
        </p>
        {gallery.notes.length > 0 && (
          <ul class="notes">
            {gallery.notes.map((note) => (
              <li>{note}</li>
            ))}
          </ul>
        )}
        <Made facts={gallery.facts} />
      </div>
    </article>
  );
}
