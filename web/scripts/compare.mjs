// Builds into a temporary folder and compares with the committed parts, byte by byte.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PARTS, build } from "./build.mjs";

const web = fileURLToPath(new URL("..", import.meta.url));
const out = mkdtempSync(join(tmpdir(), "viewer-"));
try {
  build({ TOKENWORTH_OUT: out });
  for (const name of PARTS.flatMap((part) => [`${part}.js`, `${part}.css`])) {
    const built = readFileSync(join(out, name));
    const kept = readFileSync(join(web, "../src/tokenworth/assets/viewer", name));
    if (!built.equals(kept)) {
      console.error(`${name} differs from its source; run \`npm run build\` and commit the result`);
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(out, { recursive: true, force: true });
}
