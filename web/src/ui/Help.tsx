import { useEffect, useRef } from "preact/hooks";
import { KEYS } from "../keys";
import { GLYPHS } from "./parts";
import { useReport } from "./context";

export function Help() {
  const { help, header } = useReport();
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (help.value && !box.current?.open) box.current?.showModal();
    if (!help.value && box.current?.open) box.current.close();
  }, [help.value]);
  return (
    <dialog ref={box} class="help" onClose={() => (help.value = false)} aria-label="keys and help">
      <h2>Keys</h2>
      <dl>
        {KEYS.map(([key, what]) => (
          <div>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <h2>Reading it</h2>
      <p>
        The page opens on the change that is clearest: whose interval is farthest from 0. The colour of a unit is the number after it: the probability that a rollout which keeps the trace up to and including it comes out correct.
        Rollouts began only at cuts with a tick. A line without ticks follows from other cuts. Dashes join measured cuts; nothing was measured between them.
        Intervals hold for one cut at a time.
      </p>
      <p class="glyphs">
        <span class="glyph">{GLYPHS["change"]}</span> the value changes and the two intervals do not overlap · <span class="glyph">{GLYPHS["flip"]}</span> the forced
        answer turns · <span class="glyph">{GLYPHS["answer"]}</span> end of the trace · <span class="glyph">{GLYPHS["note"]}</span> note · thin ticks: ends of
        paragraphs and sentences
        {header.formal && (
          <>
            {" "}
            · <span class="glyph">{GLYPHS["first error"]}</span> the first place where the trace breaks a rule · <span class="glyph">{GLYPHS["violation"]}</span> a later one
          </>
        )}
      </p>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}
