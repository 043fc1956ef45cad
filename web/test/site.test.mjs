// The transparency site in a real browser, served by the command line.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import fs from "node:fs";
import path from "node:path";

import { assertFits, assertIsolated, axe, firstColumnIsRight, grouped, inWholeUnits, mirrored, openAll } from "./readable.mjs";
import { ARTIFACTS, ASSAY, CHROMIUM, MODULE, chromium, runs } from "./runs.mjs";

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
    const report = JSON.parse(original);
    Object.assign(report, { epoch, time }, epoch === RICH ? rare(report) : {});
    fs.writeFileSync(path.join(folder, "report.json"), JSON.stringify(report));
    return folder;
  });
}

/** A text of the catalogue. */
const textOf = (language, key) => JSON.parse(fs.readFileSync(path.join(import.meta.dirname, `../texts/${language}.json`), "utf8"))[key];

/** The epoch whose report has everything that a report can have. */
const RICH = "2026-q3";

/** Parts that the demo's report lacks. Names in it are as awkward as a report may have them. */
function rare(report) {
  const [first, second] = report.assets.map((line) => line.asset);
  const long = "a-network-with-a-name-that-does-not-fit";
  // Accounts that are left out are told, and so is that nobody proves why.
  const { excluded: _, exclusions, key, ...liabilities } = report.liabilities;
  const code = "exclusions";
  const told = report.not_proven.findIndex((line) => line.code === "root-not-anchored") + 1;
  const { asset, decimals } = report.assets[0];
  const owes = { asset, decimals, kind: "debt", total: "1234567890" };
  return {
    liabilities: { ...liabilities, excluded: { accounts: 1_234, totals: [owes] }, exclusions, key },
    not_proven: report.not_proven.toSpliced(told, 0, { code, text: textOf("en", `site.unproven.${code}`) }),
    coin_ages: [{
      amounts: ["1234567890123456789", "22", "0"], asset: first, ends: [144, 52_560], network: long, outputs: [1_234, 2, 0],
      unknown: "98765432109876543",
    }],
    resampled: [{
      asset: second, beacon: "ab".repeat(32), from: 1_000_000, heights: [1_234_567, 2_345_678], least: "80000000000",
      least_at: 2_345_678, listed: "90000000000", network: long, to: 3_000_000, unseen: 1_003,
    }],
    wrapped: [
      { asset: "WA", covered: false, native: first, pool: "7", supplies: [{ network: long, proven: true, supply: "12345678901" }], supply: "12345678901" },
      { asset: "WB", covered: true, native: second, pool: "9", supplies: [], supply: "9" },
    ],
  };
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

test("every page, in both languages, colours and widths, without a script", async () => {
  const seen = new Set();
  for (const [width, height] of [[390, 844], [1200, 900]]) {
    for (const colorScheme of ["light", "dark"]) {
      const options = { viewport: { width, height }, colorScheme };
      for (const language of ["", "de/"]) {
        for (const name of ["index.html", "how.html", "epoch-2026-q4/index.html", `epoch-${RICH}/index.html`]) {
          const context = await browser.newContext({ ...options, javaScriptEnabled: false });
          const page = await context.newPage();
          const response = await page.goto(address + language + name);
          assert.equal(response.status(), 200);
          assert.match(response.headers()["content-security-policy"], /default-src 'none'/);
          await assertFits(page, language + name);
          const file = `site-${width}-${colorScheme}-${language}${name}`.replaceAll("/", "-").replace(".html", ".png");
          await page.screenshot({ path: path.join(ARTIFACTS, file), fullPage: true });
          for (const link of await page.$$eval("a[href]", (all) => all.map((element) => element.href.split("#")[0]))) seen.add(link);
          await context.close();
          const open = await browser.newContext(options);
          const tested = await open.newPage();
          await tested.goto(address + language + name);
          await openAll(tested);
          await assertFits(tested, language + name);
          await assertIsolated(tested, language + name);
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

/** Cells of the table under a heading, row by row. */
const cells = (page, heading) => page.evaluate((heading) => {
  const section = Array.from(document.querySelectorAll("section"), (section) => section)
    .find((section) => section.querySelector("h2")?.textContent === heading);
  return Array.from(section?.querySelectorAll("tbody tr") ?? [], (row) => Array.from(row.children, (cell) => cell.textContent));
}, heading);

test("what only some reports have, with the figures as each language writes them", async () => {
  const report = JSON.parse(fs.readFileSync(path.join(epochs, RICH, "report.json"), "utf8"));
  const decimals = Object.fromEntries(report.assets.map((line) => [line.asset, line.decimals]));
  const page = await browser.newPage();
  for (const [folder, file, thousands, point] of [["", "en", ",", "."], ["de/", "de", ".", ","]]) {
    const texts = JSON.parse(fs.readFileSync(path.join(import.meta.dirname, `../texts/${file}.json`), "utf8"));
    const text = (key, values = {}) => texts[`site.${key}`].replace(/\{(\w+)\}/g, (_, name) => values[name]);
    const number = (value) => grouped(String(value), thousands, point);
    const units = (value, asset) => grouped(inWholeUnits(value, decimals[asset]), thousands, point);
    await page.goto(`${address}${folder}epoch-${RICH}/index.html`);
    await openAll(page);

    const blocks = report.evidence.map((line) => [line.network, number(line.height), line.hash]);
    assert.ok(blocks.length > 0);
    assert.deepEqual((await cells(page, text("blocks.title"))).map(([network, height, , hash]) => [network, height, hash]), blocks);
    assert.deepEqual(await cells(page, text("wrapped.title")), report.wrapped.map((line) => [line.asset, line.native,
      text(line.covered ? "yes" : "no"), text("yes"), units(line.supply, line.native), units(line.pool, line.native)]));
    const [resampled] = report.resampled;
    assert.deepEqual(await cells(page, text("resampled.title")), [[resampled.network, resampled.asset,
      `${number(resampled.from)}–${number(resampled.to)}`, "2", units(resampled.listed, resampled.asset),
      units(resampled.least, resampled.asset), number(resampled.least_at), number(resampled.unseen)]]);
    const [ages] = report.coin_ages;
    const labels = [...ages.ends.map((end) => text("ages.below", { end: number(end) })), text("ages.from", { end: number(ages.ends.at(-1)) })];
    const known = labels.map((label, at) => [ages.network, ages.asset, label, number(ages.outputs[at]), units(ages.amounts[at], ages.asset)]);
    assert.deepEqual(await cells(page, text("ages.title")), [...known, [ages.network, ages.asset, text("unknown"), "–", units(ages.unknown, ages.asset)]]);
    // Every asset that is owed or held, and what is not proven, by code and in the page's language.
    const ratios = await cells(page, text("ratios.title"));
    assert.deepEqual(ratios.map((row) => [row[0], row[2]]), report.assets.map((line) => [line.asset, units(String(BigInt(line.liabilities.equity) + BigInt(line.liabilities.excluded)), line.asset)]));
    const unproven = await page.locator("li:has(code)").allTextContents();
    for (const line of report.not_proven) {
      assert.ok(unproven.some((item) => item.includes(line.code) && item.includes(text(`unproven.${line.code}`))), line.code);
    }
    const facts = await page.textContent("dl.facts");
    const { accounts, totals: [owes] } = report.liabilities.excluded;
    for (const fact of [number(report.accounts), number(accounts), `debt ${units(owes.total, owes.asset)} ${owes.asset}`]) {
      assert.ok(facts.includes(fact), `${fact}: ${facts}`);
    }
  }
  // A report without them has no such section.
  await page.goto(`${address}epoch-2026-q1/index.html`);
  const headings = await page.locator("h2").allTextContents();
  assert.ok(!headings.some((heading) => /wrapped|resampled/i.test(heading)), String(headings));
  await page.close();
});

test("from right to left", async () => {
  // No language of the site is written that way yet, so English is mirrored on its way to the browser, and its letters replaced.
  for (const [width, height] of [[390, 844], [1200, 900]]) {
    for (const colorScheme of ["light", "dark"]) {
      for (const name of ["index.html", "how.html", "epoch-2026-q4/index.html", `epoch-${RICH}/index.html`]) {
        const context = await browser.newContext({ viewport: { width, height }, colorScheme });
        const page = await context.newPage();
        await page.route("**/*.html", async (route) => {
          const response = await route.fetch();
          const html = await response.text();
          assert.ok(html.includes('<html lang="en" dir="ltr">'));
          await route.fulfill({ response, body: html.replace('<html lang="en" dir="ltr">', '<html lang="he" dir="rtl">') });
        });
        await page.goto(address + name);
        const texts = await page.evaluateHandle(() => {
          const all = [];
          const nodes = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
            const parent = node.parentElement;
            if (node.data.trim() && !parent.closest("code, time, body [lang], svg") && !(parent.localName === "bdi" && parent.closest("td, th, dd"))) all.push(node);
          }
          return all;
        });
        const originals = await texts.evaluate((all) => all.map((node) => node.data));
        assert.ok(originals.length > 20);
        await texts.evaluate((all, changed) => all.forEach((node, at) => { node.data = changed[at]; }), originals.map(mirrored));
        const file = `site-${width}-${colorScheme}-rtl-${name}`.replaceAll("/", "-").replace(".html", ".png");
        await page.screenshot({ path: path.join(ARTIFACTS, file), fullPage: true });
        await openAll(page);
        await assertFits(page, file);
        if (name !== "how.html") {
          assert.ok(await assertIsolated(page, file) > 10);
          assert.ok(await firstColumnIsRight(page, "table"), file);
        }
        assert.deepEqual(await axe(page), [], file);
        await context.close();
      }
    }
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
