import { defineConfig } from "vite";

// One part of the viewer as one IIFE and one style sheet. `viewer` is the frame of every page; the others are on the pages that need them
// and take what they share with it (src/kit.ts) from its global. TOKENWORTH_OUT lets the comparison build elsewhere.
const PART = process.env["TOKENWORTH_PART"] ?? "viewer";
const SHARED = ["preact", "preact/hooks", "preact/jsx-runtime", "@preact/signals", /\/kit(\.ts)?$/];

export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: process.env["TOKENWORTH_OUT"] ?? "../src/tokenworth/assets/viewer",
    emptyOutDir: PART === "viewer",
    target: "es2022",
    minify: true,
    cssCodeSplit: false,
    sourcemap: false,
    reportCompressedSize: true,
    lib: {
      entry: PART === "viewer" ? "src/main.tsx" : `src/parts/${PART}.ts`,
      name: PART === "viewer" ? "tokenworthViewer" : `tokenworth_${PART}`,
      formats: ["iife"],
      fileName: () => `${PART}.js`,
      cssFileName: PART,
    },
    rolldownOptions: {
      external: PART === "viewer" ? [] : SHARED,
      output: { generatedCode: { symbols: false }, globals: () => "tokenworthViewer" },
    },
  },
});
