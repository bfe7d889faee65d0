// Builds into a temporary folder and compares with the committed bundle, byte by byte.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));
const out = mkdtempSync(join(tmpdir(), "viewer-"));
try {
  execFileSync(process.execPath, [join(web, "node_modules/vite/bin/vite.js"), "build", "--logLevel", "error"], {
    cwd: web,
    env: { ...process.env, TOKENWORTH_OUT: out },
    stdio: "inherit",
  });
  for (const name of ["viewer.js", "viewer.css"]) {
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
