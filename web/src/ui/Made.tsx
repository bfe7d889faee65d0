// Where the numbers of a section come from.
import type { Fact } from "../model";

export function Made({ facts }: { facts: readonly Fact[] }) {
  return (
    <details open>
      <summary>where it comes from</summary>
      <Facts facts={facts} />
    </details>
  );
}

export function Facts({ facts }: { facts: readonly Fact[] }) {
  return (
    <dl class="run">
      {facts.map((f) => (
        <div>
          <dt>{f.label}</dt>
          <dd>
            {f.value}
            {f.detail && <small> {f.detail}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
