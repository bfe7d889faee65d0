// Data that lies in files beside the page, because the page would be too large: scripts that hand over their text, since a page that was
// opened from a disk may load nothing else. The header says which file holds what.
import type { Source } from "./load";

interface Beside { readonly beside?: { readonly files: readonly string[]; readonly of: Readonly<Record<string, number>> } }

// The parts that the page itself holds, and those of the files beside it.
export function besideOr(source: (name: string) => string | null | undefined): Source {
  const loaded = new Map<number, Promise<Readonly<Record<string, string>>>>();
  const { beside } = JSON.parse(source("header") ?? "{}") as Beside;
  return (name) => {
    const file = beside && Object.hasOwn(beside.of, name) ? beside.of[name] : undefined;
    if (file === undefined) return source(name);
    let found = loaded.get(file);
    if (!found) loaded.set(file, (found = load(beside!.files[file]!)));
    return found.then((parts) => parts[name]);
  };
}

function load(file: string): Promise<Readonly<Record<string, string>>> {
  return new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = file;
    // A file hands its parts over by this event, and then its script has run.
    const take = (e: Event) => done((e as CustomEvent<Readonly<Record<string, string>>>).detail);
    document.addEventListener(`tokenworth:${file}`, take, { once: true });
    script.onerror = () => failed(new Error(`the file ${decodeURI(file)} is not beside the page; keep page and folder together`));
    document.head.append(script);
  });
}
