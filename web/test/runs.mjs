// Fresh files for the tests, made by the real command line.
import { execFileSync, spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

export const ROOT = path.resolve(import.meta.dirname, "../..");
/** The command line to test. */
export const ASSAY = process.env.ASSAY ?? path.join(ROOT, "target/debug/assay");
/** The module to test. */
export const MODULE = process.env.ASSAY_WASM ?? path.join(ROOT, "web/dist/assay.wasm");
/** Where screenshots go. */
export const ARTIFACTS = process.env.ASSAY_ARTIFACTS ?? path.join(ROOT, "web/test/artifacts");
/** Where playwright-core, axe-core and jsqr are. */
const require = createRequire(path.join(process.env.ASSAY_NODE_MODULES ?? import.meta.dirname, "/"));
export const { chromium } = require("playwright-core");
export const AXE = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
export const JSQR = fs.readFileSync(require.resolve("jsqr/dist/jsQR.js"), "utf8");

export const CHROMIUM = {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
};

/** Runs `assay` and returns code and output. */
export function assay(...args) {
  const { status, stdout, stderr } = spawnSync(ASSAY, args, { encoding: "utf8", maxBuffer: 64 << 20 });
  return { code: status, stdout, stderr };
}

/** A folder with two runs, made once: `ASSAY_RUNS` keeps them between runs of the tests. */
export function runs() {
  const folder = process.env.ASSAY_RUNS ?? fs.mkdtempSync(path.join(os.tmpdir(), "assay-web-"));
  fs.mkdirSync(folder, { recursive: true });
  const made = [60, 70].map((accounts) => {
    const dir = path.join(folder, `run-${accounts}`);
    const said = `${dir}.txt`;
    if (!fs.existsSync(said)) {
      fs.rmSync(dir, { recursive: true, force: true });
      const out = execFileSync(ASSAY, ["demo", "--accounts", String(accounts), "--dir", dir, "--memory", "410M", "--quiet"],
        { encoding: "utf8", maxBuffer: 64 << 20 });
      fs.writeFileSync(said, out);
    }
    const uid = / --uid (\S+) /.exec(fs.readFileSync(said, "utf8"))[1];
    return { dir, uid };
  });
  return { folder, run: made[0], foreign: made[1] };
}
