/* Apart from vite.config.ts: a build installs no test tools. */
import { defineConfig } from "vitest/config";

export default defineConfig({ test: { setupFiles: ["tests/setup.ts"] } });
