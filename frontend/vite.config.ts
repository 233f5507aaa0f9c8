/* Builds the islands into dist/, with a manifest that apps/ui/assets.py reads, and each file compressed beside itself
   (whitenoise serves those). */
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const compressed = (): Plugin => ({
  name: "compressed",
  writeBundle(options) {
    const folder = join(options.dir ?? "dist", "assets");
    for (const name of readdirSync(folder).filter((name) => /\.(js|css|svg)$/.test(name))) {
      const content = readFileSync(join(folder, name));
      writeFileSync(join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
      writeFileSync(join(folder, `${name}.br`), brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));
    }
  },
});

export default defineConfig({
  base: "/static/build/",
  build: {
    outDir: "dist",
    manifest: "manifest.json",
    sourcemap: false,
    target: "es2022",
    modulePreload: false,
    // htmx holds an eval for features that its setting allowEval=false turns off, and the policy forbids.
    rolldownOptions: {
      checks: { eval: false },
      input: { main: "src/main.ts", theme: "src/theme.ts", editor: "src/editor.ts" },
    },
  },
  plugins: [compressed()],
});
