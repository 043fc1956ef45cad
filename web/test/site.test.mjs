// The transparency site in a real browser, served by the command line.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import fs from "node:fs";
import path from "node:path";

import { ARTIFACTS, ASSAY, AXE, CHROMIUM, MODULE, chromium, runs } from "./runs.mjs";

const made = runs();
const epochs = fs.mkdtempSync(path.join(made.folder, "epochs-"));
let browser;
let server;
let address;

/** Copies of the demo's report for other times: without proofs, but with a history that has a gap. */
function history() {
  const original = fs.readFileSync(path.join(made.run.dir, "report/report.json"), "utf8");
  const times = { "2025-q3": 1759190400, "2025-q4": 1767139200, "2026-q1": 1774915200, "2026-q3": 1790726400 };
  return Object.entries(times).map(([epoch, time]) => {
    const folder = path.join(epochs, epoch);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, "report.json"), original
      .replace('"epoch":"2026-q4"', `"epoch":"${epoch}"`).replace(/"time":\d+/, `"time":${time}`));
    return folder;
  });
}

before(async () => {
  server = spawn(ASSAY, ["site", "serve", path.join(made.run.dir, "report"), ...history(), "--verifier", MODULE, "--port", "0", "--json"]);
  address = await new Promise((resolve, reject) => {
    server.stdout.once("data", (data) => resolve(JSON.parse(data).address));
    server.stderr.once("data", (data) => reject(new Error(String(data))));
  });
  browser = await chromium.launch(CHROMIUM);
  fs.mkdirSync(ARTIFACTS, { recursive: true });
});
after(async () => {
  await browser?.close();
  server?.kill();
  fs.rmSync(epochs, { recursive: true, force: true });
});

async function axe(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: AXE });
  const { result } = await session.send("Runtime.evaluate", {
    expression: "axe.run().then((r) => JSON.stringify(r.violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 120))])))",
    awaitPromise: true,
  });
  return JSON.parse(result.value);
}

test("every page, in both languages, colours and widths, without a script", async () => {
  const seen = new Set();
  for (const [width, height] of [[390, 844], [1200, 900]]) {
    for (const colorScheme of ["light", "dark"]) {
      const options = { viewport: { width, height }, colorScheme };
      for (const language of ["", "de/"]) {
        for (const name of ["index.html", "how.html", "epoch-2026-q4/index.html", "epoch-2026-q1/index.html"]) {
          const context = await browser.newContext({ ...options, javaScriptEnabled: false });
          const page = await context.newPage();
          const response = await page.goto(address + language + name);
          assert.equal(response.status(), 200);
          assert.match(response.headers()["content-security-policy"], /default-src 'none'/);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
          assert.equal(wide, 0, `${language}${name} scrolls sideways`);
          const file = `site-${width}-${colorScheme}-${language}${name}`.replaceAll("/", "-").replace(".html", ".png");
          await page.screenshot({ path: path.join(ARTIFACTS, file), fullPage: true });
          for (const link of await page.$$eval("a[href]", (all) => all.map((element) => element.href.split("#")[0]))) seen.add(link);
          await context.close();
          const open = await browser.newContext(options);
          const tested = await open.newPage();
          await tested.goto(address + language + name);
          await tested.evaluate(() => { for (const part of document.querySelectorAll("details")) part.open = true; });
          assert.deepEqual(await axe(tested), [], language + name);
          await open.close();
        }
      }
    }
  }
  for (const link of seen) {
    assert.ok(link.startsWith(address), link);
    assert.equal((await fetch(link)).status, 200, link);
  }
});

test("a gap in the history is shown as one", async () => {
  const page = await browser.newPage();
  await page.goto(address);
  assert.equal(await page.locator("rect.gap").count(), 1);
  assert.ok((await page.textContent("table >> nth=1")).includes("no report"));
  await page.close();
});

test("a receipt is verified on the served page, which then can't reach its server", async () => {
  const context = await browser.newContext({ locale: "en-US" });
  const page = await context.newPage();
  const faults = [];
  page.on("pageerror", (error) => faults.push(error.message));
  await page.goto(address);
  await page.click("nav >> text=Check your receipt");
  await page.waitForSelector('body[data-ready="yes"]', { timeout: 60_000 });
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.setInputFiles("#file-receipt", path.join(made.run.dir, "receipt.json"));
  await page.fill("#uid", made.run.uid);
  await page.click("#go");
  await page.waitForSelector('body[data-verdict="verified"]', { timeout: 60_000 });
  assert.deepEqual(asked.filter((url) => !url.startsWith("blob:")), []);
  assert.equal(await page.evaluate(() => fetch("totals.json").then(() => "sent", () => "blocked")), "blocked");
  assert.deepEqual(faults, []);
  await context.close();
});

test("serves this machine alone, and its files alone", async () => {
  assert.match(address, /^http:\/\/127\.0\.0\.1:/);
  assert.equal((await fetch(`${address}..%2f..%2fetc%2fpasswd`)).status, 404);
  assert.equal((await fetch(address, { method: "POST" })).status, 405);
});
