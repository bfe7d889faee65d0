import { defineConfig } from "vite";

// One IIFE and one style sheet; TOKENWORTH_OUT lets the comparison build elsewhere.
export default defineConfig({
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: process.env["TOKENWORTH_OUT"] ?? "../src/tokenworth/assets/viewer",
    emptyOutDir: true,
    target: "es2022",
    minify: true,
    cssCodeSplit: false,
    sourcemap: false,
    reportCompressedSize: true,
    lib: { entry: "src/main.tsx", name: "tokenworthViewer", formats: ["iife"], fileName: () => "viewer.js", cssFileName: "viewer" },
    rolldownOptions: { output: { generatedCode: { symbols: false } } },
  },
});
