// The receipt page in a real browser, and the same cases on the command line.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { applied, fromRun, manifest } from "./mutate.mjs";
import { ARTIFACTS, AXE, CHROMIUM, MODULE, ROOT, assay, chromium, runs } from "./runs.mjs";

const made = runs();
const base = fromRun(made.run.dir, made.run.uid);
const foreign = fromRun(made.foreign.dir, made.foreign.uid);
const work = fs.mkdtempSync(path.join(made.folder, "work-"));
const pinned = path.join(work, "pinned.html");
const plain = path.join(work, "plain.html");
let browser;

before(async () => {
  const dir = made.run.dir;
  const page = (out, ...more) => assert.equal(assay("site", "page", "--verifier", MODULE, "--out", out, ...more).code, 0);
  page(plain);
  page(pinned, "--report", path.join(dir, "report/report.json"), "--proof", path.join(dir, "proof.assay"),
    "--totals", path.join(dir, "totals.json"));
  browser = await chromium.launch(CHROMIUM);
  fs.mkdirSync(ARTIFACTS, { recursive: true });
});
after(async () => {
  await browser?.close();
  fs.rmSync(work, { recursive: true, force: true });
});

/** A page of its own context; fails on any script error and records every request. */
async function open(file, { fragment = "", from = browser, init = null, ...options } = {}) {
  const context = await from.newContext({ locale: "en-US", viewport: { width: 1100, height: 900 }, ...options });
  if (init) await context.addInitScript(...init);
  const page = await context.newPage();
  page.faults = [];
  page.requests = [];
  page.on("pageerror", (error) => page.faults.push(error.message));
  page.on("console", (message) => message.type() === "error" && page.faults.push(message.text()));
  page.on("dialog", (dialog) => { page.faults.push(`dialog ${dialog.message()}`); dialog.dismiss(); });
  await page.goto(pathToFileURL(file).href + fragment);
  await page.waitForSelector("body[data-ready]", { timeout: 60_000 });
  assert.equal(await page.getAttribute("body", "data-ready"), "yes", await page.textContent("#loading"));
  page.on("request", (request) => page.requests.push(request.url()));
  page.failures = [];
  page.on("requestfailed", (request) => page.failures.push([request.url(), request.failure().errorText]));
  return page;
}

const upload = (bytes, name) => (bytes === null ? [] : [{ name, mimeType: "application/octet-stream", buffer: bytes }]);

/** Presses the button and reads what came out. */
async function check(page) {
  await page.evaluate(() => { delete document.body.dataset.verdict; });
  await page.click("#go");
  await page.waitForSelector("body[data-verdict]", { timeout: 60_000 });
  return shown(page);
}

const shown = (page) => page.evaluate(() => ({
  verdict: document.body.dataset.verdict,
  code: document.body.dataset.code,
  title: document.querySelector("#verdict-title").textContent,
  text: document.querySelector("#verdict-text").textContent,
  results: Object.fromEntries(Array.from(document.querySelectorAll("#results li"), (row) => [row.dataset.check, row.dataset.code])),
  titles: Array.from(document.querySelectorAll("#results .title"), (row) => row.textContent),
  statuses: Array.from(document.querySelectorAll("#results .status"), (row) => row.textContent),
  balances: document.querySelector("#balances").hidden ? null
    : Array.from(document.querySelectorAll("#balances-rows tr"), (row) => Array.from(row.children, (cell) => cell.textContent)),
  proven: !document.querySelector("#confirm").hidden,
  share: document.querySelector("#share").hidden ? null : document.querySelector("#share-text").value,
}));

async function good(page) {
  await page.setInputFiles("#file-receipt", path.join(made.run.dir, "receipt.json"));
  await page.fill("#uid", base.request.uid);
  return check(page);
}

test("a good receipt, offline, from a file", async () => {
  const page = await open(pinned, { offline: true });
  const said = await good(page);
  assert.equal(said.verdict, "verified");
  assert.equal(said.title, "Verified");
  for (const title of ["Inclusion constraint verified", "Total sum and non-negative constraint verified"]) {
    const at = said.titles.indexOf(title);
    assert.ok(at >= 0, title);
    assert.equal(said.statuses[at], "passed");
  }
  const receipt = JSON.parse(base.files.receipt);
  assert.deepEqual(said.balances.map(([asset]) => asset), receipt.entries.map((entry) => entry.asset));
  assert.ok(said.proven);
  // What is expected is on the page, and is the report's, not the receipt's.
  const expected = await page.textContent("#expect-summary");
  for (const value of [base.request.entity, base.request.epoch, base.request.root, base.request.asset_table]) {
    assert.ok(expected.includes(value), value);
  }
  assert.deepEqual(page.requests.filter((url) => !url.startsWith("blob:")), [], "the page asked for something");
  assert.deepEqual(page.faults, []);
  // Balances are the customer's to confirm, or not.
  await page.click("#confirm-yes");
  await page.waitForSelector('[data-code="balances-confirmed"]');
  await page.click("#confirm-no");
  await page.waitForSelector('body[data-verdict="rejected"]');
  assert.equal((await shown(page)).code, "balances-denied");
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("nothing can leave the page", async () => {
  const page = await open(pinned);
  await good(page);
  const blocked = await page.evaluate(async () => {
    const tried = {};
    tried.fetch = await fetch("https://site.example/").then(() => "sent", () => "blocked");
    tried.image = await new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve("sent");
      image.onerror = () => resolve("blocked");
      image.src = "https://site.example/x.png";
    });
    tried.script = await new Promise((resolve) => {
      const script = document.createElement("script");
      script.textContent = "document.body.dataset.evil = 'yes'";
      document.body.append(script);
      resolve(document.body.dataset.evil ?? "blocked");
    });
    return tried;
  });
  assert.deepEqual(blocked, { fetch: "blocked", image: "blocked", script: "blocked" });
  // The browser tells of the image, which its policy stopped.
  assert.deepEqual(page.requests.filter((url) => !url.startsWith("blob:")), ["https://site.example/x.png"]);
  assert.deepEqual(page.failures, [["https://site.example/x.png", "csp"]]);
  await page.context().close();
});

test("a link holds the receipt and is gone from the address at once", async () => {
  const link = assay("receipt", "--work", path.join(made.run.dir, "work"), "--totals", path.join(made.run.dir, "totals.json"),
    "--uid", base.request.uid, "--link", "https://site.example/check.html").stdout.trim();
  assert.ok(link.length < 2900, "a QR code can hold it");
  const fragment = link.slice(link.indexOf("#"));
  const page = await open(pinned, { fragment });
  assert.ok(!page.url().includes("receipt="));
  await page.fill("#uid", base.request.uid);
  assert.equal((await check(page)).verdict, "verified");
  // A second link in the same tab, and pasting.
  await page.evaluate((hash) => { location.hash = hash; }, fragment.slice(0, 200));
  await page.waitForFunction(() => !location.hash);
  assert.equal((await check(page)).code, "link-malformed");
  await page.click("summary[data-t='receipt.paste']");
  await page.fill("#paste", link);
  assert.equal((await check(page)).verdict, "verified");
  await page.fill("#paste", base.files.receipt.toString());
  assert.equal((await check(page)).verdict, "verified");
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("a file dropped on the page", async () => {
  const page = await open(pinned);
  const data = await page.evaluateHandle((text) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([text], "dropped.json"));
    return transfer;
  }, base.files.receipt.toString());
  await page.dispatchEvent("#drop", "drop", { dataTransfer: data });
  await page.waitForFunction(() => document.querySelector("#receipt-state").textContent.includes("dropped.json"));
  await page.fill("#uid", base.request.uid);
  assert.equal((await check(page)).verdict, "verified");
  await page.context().close();
});

test("a code in front of the camera", async () => {
  // Where the browser has no detector for codes, the page says so.
  const page = await open(pinned);
  if (!await page.evaluate(() => "BarcodeDetector" in globalThis)) {
    assert.ok(await page.isHidden("#camera"));
    assert.ok(await page.isVisible("#camera-none"));
  }
  await page.context().close();
  // No desktop build for Linux has one, so one that sees the link in the second picture of a made-up camera stands in.
  const seeing = await chromium.launch({
    ...CHROMIUM, args: [...CHROMIUM.args, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
  });
  try {
    const link = assay("receipt", "--work", path.join(made.run.dir, "work"), "--totals", path.join(made.run.dir, "totals.json"),
      "--uid", base.request.uid, "--link", "https://site.example/check.html").stdout.trim();
    const stand = (rawValue) => {
      let pictures = 0;
      globalThis.BarcodeDetector = class {
        static async getSupportedFormats() { return ["qr_code"]; }
        async detect(video) {
          pictures += 1;
          return pictures > 1 && video.videoWidth > 0 ? [{ rawValue }] : [];
        }
      };
    };
    const camera = await open(pinned, { from: seeing, init: [stand, link] });
    assert.ok(await camera.isHidden("#camera-none"));
    await camera.click("#camera");
    await camera.waitForFunction(() => document.querySelector("#receipt-state").textContent.includes("QR"));
    assert.ok(await camera.isHidden("#video"));
    await camera.fill("#uid", base.request.uid);
    assert.equal((await check(camera)).verdict, "verified");
    assert.deepEqual(camera.faults, []);
  } finally {
    await seeing.close();
  }
});

test("what is missing is said, not guessed", async () => {
  const page = await open(plain);
  let said = await check(page);
  assert.equal(said.verdict, "not_checked");
  assert.equal(said.title, "Could not check");
  await page.fill("#entity", base.request.entity);
  said = await check(page);
  assert.equal(said.code, "no-receipt");
  await page.setInputFiles("#file-receipt", path.join(made.run.dir, "receipt.json"));
  said = await check(page);
  assert.equal(said.code, "no-uid");
  await page.fill("#uid", base.request.uid);
  assert.equal((await check(page)).code, "no-figures");
  await page.setInputFiles("#file-totals", path.join(made.run.dir, "totals.json"));
  assert.equal((await check(page)).code, "no-root");
  await page.fill("#second-root", "12");
  await page.click("#go");
  assert.match(await page.textContent("#second-error"), /64/);
  await page.fill("#second-root", base.request.root);
  said = await check(page);
  assert.equal(said.verdict, "verified");
  assert.equal(said.results.root, "root-match");
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

test("the customer's expectation wins over what is built in", async () => {
  const page = await open(pinned);
  await page.click("summary[data-t='expect.change']");
  await page.fill("#entity", "other.example");
  const said = await good(page);
  assert.equal(said.verdict, "rejected");
  assert.equal(said.code, "other-entity");
  assert.match(await page.textContent("#expect-source"), /Changed by you/);
  await page.click("#expect-reset");
  assert.equal((await check(page)).verdict, "verified");
  await page.context().close();
});

test("share-safe receipts hold no balance and no uid", async () => {
  const page = await open(pinned, { acceptDownloads: true });
  const said = await good(page);
  const receipt = JSON.parse(base.files.receipt);
  const download = page.waitForEvent("download");
  await page.click("#share-save");
  const file = path.join(work, "share.json");
  await (await download).saveAs(file);
  const text = fs.readFileSync(file, "utf8");
  const share = JSON.parse(text);
  assert.equal(share.format, "assay-share");
  assert.equal(share.root, base.request.root);
  const command = assay("receipt", "--share", path.join(made.run.dir, "receipt.json"), "--uid", base.request.uid,
    "--entity", base.request.entity, "--totals", path.join(made.run.dir, "totals.json"), "--root", base.request.root,
    "--proof", path.join(made.run.dir, "proof.assay"));
  assert.equal(command.code, 0);
  for (const shared of [text, said.share, command.stdout, command.stderr]) {
    assert.ok(shared.includes(base.request.root));
    assert.ok(!shared.includes(base.request.uid) && !shared.includes(receipt.salt) && !shared.includes(receipt.path[0]));
    for (const entry of receipt.entries) assert.ok(!shared.includes(entry.amount));
  }
  // A receipt that fails has nothing to share.
  await page.fill("#uid", "someone-else@example.org");
  assert.equal((await check(page)).share, null);
  await page.context().close();
});

test("the verifier is quick", async () => {
  const page = await open(pinned);
  const times = async () => {
    const all = [];
    for (let i = 0; i < 5; i += 1) {
      await check(page);
      all.push(Number(/(\d+) ms/.exec(await page.textContent("#experts"))[1]));
    }
    return Math.min(...all);
  };
  await page.setInputFiles("#file-receipt", path.join(made.run.dir, "receipt.json"));
  await page.fill("#uid", base.request.uid);
  const all = await times();
  await page.click("summary[data-t='expect.change']");
  await page.evaluate(() => { document.querySelector("#expect-change").open = true; });
  await page.context().close();
  const bare = await open(plain);
  for (const [field, value] of [["entity", base.request.entity], ["root", base.request.root]]) await bare.fill(`#${field}`, value);
  await bare.setInputFiles("#file-totals", path.join(made.run.dir, "totals.json"));
  await bare.setInputFiles("#file-receipt", path.join(made.run.dir, "receipt.json"));
  await bare.fill("#uid", base.request.uid);
  const one = [];
  for (let i = 0; i < 5; i += 1) {
    await check(bare);
    one.push(Number(/(\d+) ms/.exec(await bare.textContent("#experts"))[1]));
  }
  console.log(`in the browser: proof, receipt and report ${all} ms, receipt alone ${Math.min(...one)} ms (best of 5)`);
  await bare.context().close();
});

test("the same verdict, codes and figures as the command line, case by case", async (context) => {
  const page = await open(plain);
  await page.evaluate(() => { document.querySelector("#expect-change").open = true; });
  for (const testCase of manifest(path.join(ROOT, "testdata/conformance"))) {
    await context.test(testCase.name, async () => {
      const { request, files } = applied(testCase, base, foreign);
      const fields = { entity: request.entity, epoch: request.epoch, time: String(request.time), root: request.root,
        "asset-table": request.asset_table, uid: request.uid, "second-root": request.second_root ?? "" };
      for (const [field, value] of Object.entries(fields)) await page.fill(`#${field}`, value);
      for (const name of ["receipt", "proof", "totals", "report"]) await page.setInputFiles(`#file-${name}`, upload(files[name], name));
      await page.waitForTimeout(20);
      const said = await check(page);

      const args = ["verify-receipt", "--json", "--uid", request.uid, "--entity", request.entity, "--epoch", request.epoch,
        "--time", String(request.time), "--root", request.root, "--asset-table", request.asset_table];
      if (request.second_root) args.push("--second-root", request.second_root);
      for (const [name, bytes] of Object.entries(files)) {
        if (bytes === null) continue;
        const file = path.join(work, name);
        fs.writeFileSync(file, bytes);
        args.push(...(name === "receipt" ? [file] : [`--${name}`, file]));
      }
      const answer = assay(...args);
      const object = JSON.parse(answer.stdout);
      const results = Object.fromEntries(object.results.map((result) => [result.check, result.code]));

      assert.equal(said.verdict, testCase.verdict);
      assert.ok(testCase.code.includes(said.code), `${said.code} is none of ${testCase.code}`);
      assert.deepEqual({ verdict: object.verdict, code: object.code, results },
        { verdict: said.verdict, code: said.code, results: said.results });
      assert.equal(answer.code, { verified: 0, rejected: 1, unreadable: 3, not_checked: 4 }[said.verdict]);
      for (const [name, code] of Object.entries(testCase.results ?? {})) assert.equal(said.results[name], code, name);
      if (said.proven) {
        const plainFigures = said.balances.map(([asset, , amount]) => [asset, amount.replaceAll(",", "")]);
        assert.deepEqual(plainFigures, object.entries.map((entry) => [entry.asset, entry.amount]));
      } else {
        assert.equal(object.entries, undefined);
      }
      assert.equal(said.share !== null, said.verdict === "verified");
      assert.deepEqual(page.faults, []);
    });
  }
  assert.equal(await page.locator("#outcome script, #outcome img").count(), 0);
  await page.context().close();
});

test("readable for all: axe, languages, widths and colours", async () => {
  for (const [width, height] of [[390, 844], [1200, 900]]) {
    for (const colorScheme of ["light", "dark"]) {
      for (const locale of ["en-US", "de-DE"]) {
        const page = await open(pinned, { viewport: { width, height }, colorScheme, locale });
        const said = await good(page);
        assert.equal(said.title, locale === "en-US" ? "Verified" : "Bestätigt");
        const name = `receipt-${width}-${colorScheme}-${locale.slice(0, 2)}`;
        await page.screenshot({ path: path.join(ARTIFACTS, `${name}.png`), fullPage: true });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(wide, 0, "the page scrolls sideways");
        const cut = await page.evaluate(() => {
          const box = document.querySelector("#balances .scroll");
          return box.scrollWidth - box.clientWidth;
        });
        assert.equal(cut, 0, "balances are cut off");
        for (const [state, uid] of [["good", null], ["bad", "x@example.org"]]) {
          if (uid !== null) {
            await page.fill("#uid", uid);
            assert.equal((await check(page)).verdict, "rejected");
            await page.screenshot({ path: path.join(ARTIFACTS, `${name}-${state}.png`), fullPage: true });
          }
          await page.evaluate(() => { for (const part of document.querySelectorAll("details")) part.open = true; });
          const found = await axe(page);
          assert.deepEqual(found, [], `${name} ${state}`);
        }
        await page.context().close();
      }
    }
  }
});

test("by keyboard alone", async () => {
  const page = await open(pinned, { fragment: `#receipt=${encodeURIComponent("")}` });
  await page.setInputFiles("#file-receipt", path.join(made.run.dir, "receipt.json"));
  await page.focus("#uid");
  await page.keyboard.type(base.request.uid);
  await page.keyboard.press("Enter");
  await page.waitForSelector('body[data-verdict="verified"]');
  await page.waitForFunction(() => document.activeElement?.id === "verdict");
  await page.context().close();
});

async function axe(page) {
  // The page's policy allows no script from outside, so the checker comes in through the debugger.
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: AXE });
  const { result } = await session.send("Runtime.evaluate", {
    expression: "axe.run().then((r) => JSON.stringify(r.violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 120))])))",
    awaitPromise: true,
  });
  return JSON.parse(result.value);
}
