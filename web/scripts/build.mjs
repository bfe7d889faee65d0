// Builds every part of the viewer: the frame first, which empties the folder.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const web = fileURLToPath(new URL("..", import.meta.url));

export const PARTS = ["viewer", "gallery", "pieces"];

export function build(more = {}) {
  for (const part of PARTS) {
    execFileSync(process.execPath, [join(web, "node_modules/vite/bin/vite.js"), "build", "--logLevel", "error"], {
      cwd: web,
      env: { ...process.env, TOKENWORTH_PART: part, ...more },
      stdio: "inherit",
    });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) build();
