// @ts-check
// The receipt page. It shows what the verifier says and decides nothing itself.
"use strict";
(() => {
  // A receipt in the link is private: it leaves the address bar and the history before anything else happens.
  /** @returns {string} */
  const takeFragment = () => {
    const fragment = location.hash;
    if (fragment) history.replaceState(null, "", location.pathname + location.search);
    return fragment;
  };
  const fragment = takeFragment();

  const MAX_RECEIPT = 1 << 20;
  const MAX_FILE = 16 << 20;
  /** How long a check may take before the page says that it could not check. */
  const PATIENCE_MS = 60_000;

  /** @param {string} id @returns {any} */
  const at = (id) => document.getElementById(id);
  /** @type {{expected: any, module_sha256: string, site: string | null, texts: Record<string, Record<string, string>>, files: Record<string, string | null>}} */
  const config = JSON.parse(at("config").textContent);

  // ---- Language -------------------------------------------------------------------------------------------------
  let language = "en";
  /** @param {string} key @param {Record<string, string | number>} [values] @returns {string} */
  const text = (key, values = {}) => {
    const found = config.texts[language]?.[key] ?? config.texts.en[key] ?? key;
    return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? isolated(String(values[name])) : whole));
  };
  const isRightToLeft = () => config.texts[language]?.["language.direction"] === "rtl";
  /** A value in a sentence of the other direction keeps its own. @param {string} value */
  const isolated = (value) => (isRightToLeft() ? `\u2068${value}\u2069` : value);
  /** @param {string} wanted */
  const speak = (wanted) => {
    language = wanted in config.texts ? wanted : "en";
    document.documentElement.lang = language;
    document.documentElement.dir = isRightToLeft() ? "rtl" : "ltr";
    at("language").value = language;
    for (const element of document.querySelectorAll("[data-t]")) {
      element.textContent = text(/** @type {HTMLElement} */ (element).dataset.t ?? "");
    }
    showExpected();
    showReceiptState();
    if (last) showVerdict(last.verdict, last.ms);
  };

  /** A decimal number with the reader's separators; digits stay as they are, so that they compare with any document. @param {string} decimal */
  const figure = (decimal) => {
    if (!/^\d+(\.\d+)?$/.test(decimal)) return decimal;
    const [whole, fraction] = decimal.split(".");
    const format = new Intl.NumberFormat(language, { numberingSystem: "latn" });
    const point = format.formatToParts(1.5).find((part) => part.type === "decimal");
    const grouped = format.format(BigInt(whole));
    return fraction === undefined ? grouped : grouped + (point?.value ?? ".") + fraction;
  };
  /** @param {number} seconds */
  const moment = (seconds) => {
    const date = new Date(seconds * 1000);
    return Number.isNaN(date.getTime()) ? `${seconds} s` : date.toISOString().replace(".000Z", "Z");
  };

  // ---- What is expected -----------------------------------------------------------------------------------------
  const FIELDS = ["entity", "epoch", "time", "root", "asset-table"];
  /** @param {string} field @returns {string} */
  const builtIn = (field) => {
    const expected = config.expected;
    if (!expected) return "";
    if (field === "time") return moment(expected.time);
    return String(expected[field.replace("-", "_")] ?? "");
  };
  const resetExpected = () => {
    for (const field of FIELDS) at(field).value = builtIn(field);
  };
  const isChanged = () => FIELDS.some((field) => at(field).value.trim() !== builtIn(field));

  const showExpected = () => {
    at("expect-source").textContent = text(
      isChanged() ? "expect.yours" : config.expected ? "expect.built-in" : "expect.none");
    const rows = FIELDS.map((field) => [text(`expect.${field}`), at(field).value.trim() || text("expect.nothing")]);
    facts(at("expect-summary"), rows);
  };

  /** @param {HTMLElement} list @param {string[][]} rows */
  const facts = (list, rows) => {
    list.replaceChildren(...rows.flatMap(([name, value]) => {
      const term = document.createElement("dt");
      const description = document.createElement("dd");
      term.textContent = name;
      const inner = document.createElement(/^[0-9a-f]{64}$/.test(value) ? "code" : "bdi");
      inner.textContent = value;
      if (inner.localName === "code") inner.dir = "ltr";
      description.append(inner);
      return [term, description];
    }));
  };

  /** Seconds of a time as people write it; nothing if it is none. @param {string} typed */
  const seconds = (typed) => {
    if (/^\d{1,13}$/.test(typed)) return Number(typed);
    const parsed = Date.parse(typed);
    return Number.isNaN(parsed) ? null : Math.floor(parsed / 1000);
  };

  // ---- Files ----------------------------------------------------------------------------------------------------
  /** @type {Record<string, Uint8Array | null>} */
  const files = { proof: null, totals: null, report: null };
  /** @type {Record<string, Uint8Array | null>} */
  let shipped = { ...files };
  /** @type {Uint8Array | null} */
  let receipt = null;
  let receiptName = "";

  const showReceiptState = () => {
    at("receipt-state").textContent = receipt === null ? "" : text("receipt.have", { name: receiptName });
  };

  /** @param {Uint8Array} bytes @param {string} name */
  const takeReceipt = (bytes, name) => {
    receipt = bytes;
    receiptName = name;
    confirmed = null;
    showReceiptState();
    hideOutcome();
  };

  /** The file, or a piece that is just too long to be one. @param {File} file @param {number} most */
  const read = async (file, most) => new Uint8Array(await file.slice(0, most + 1).arrayBuffer());

  /** @param {FileList | null | undefined} list */
  const takeFirst = async (list) => {
    const file = list?.[0];
    if (file) takeReceipt(await read(file, MAX_RECEIPT), file.name);
  };

  /** @param {string} given @param {string} name */
  const takeText = (given, name) => {
    if (given.trim()) takeReceipt(new TextEncoder().encode(given).slice(0, MAX_RECEIPT + 1), name);
  };

  /** @param {string} base64 */
  const fromBase64 = (base64) => Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));

  /** A part of the page: inside it, or beside it on the same server. @param {string} name */
  const load = async (name) => {
    const inside = at(`file-data-${name}`);
    if (inside) return fromBase64(inside.textContent);
    const address = config.files[name];
    if (!address) return null;
    const response = await fetch(address, { credentials: "omit" });
    if (!response.ok) throw new Error(`${address}: ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  };

  // ---- The verifier ---------------------------------------------------------------------------------------------
  /** @type {Worker | null} */
  let worker = null;
  /** @type {{module: Uint8Array, worker: Uint8Array} | null} */
  let program = null;
  let asked = 0;

  /** @param {Record<string, unknown>} message @returns {Promise<any>} */
  const ask = (message) => new Promise((resolve, reject) => {
    const current = /** @type {Worker} */ (worker);
    const id = ++asked;
    const timer = setTimeout(() => end(new Error("no answer")), PATIENCE_MS);
    /** @param {Error | null} error @param {any} [answer] */
    const end = (error, answer) => {
      clearTimeout(timer);
      current.removeEventListener("message", onMessage);
      current.removeEventListener("error", onError);
      if (error) reject(error); else resolve(answer);
    };
    const onMessage = (/** @type {MessageEvent} */ event) => {
      if (event.data.id !== id) return;
      if (event.data.ok) end(null, event.data); else end(new Error(event.data.error));
    };
    const onError = () => end(new Error("the verifier stopped"));
    current.addEventListener("message", onMessage);
    current.addEventListener("error", onError);
    current.postMessage({ ...message, id });
  });

  const startWorker = async () => {
    worker?.terminate();
    const { module, worker: source } = /** @type {NonNullable<typeof program>} */ (program);
    const address = URL.createObjectURL(new Blob([/** @type {any} */ (source)], { type: "text/javascript" }));
    worker = new Worker(address);
    try {
      await ask({ module });
    } finally {
      URL.revokeObjectURL(address);
    }
  };

  /** @param {string} typed @returns {string | null} */
  const orNothing = (typed) => typed.trim() || null;

  /** The request as the module takes it: length of the head, head, files. @param {Uint8Array | null} receipt @param {string} uid @param {string} entity */
  const makeRequest = (receipt, uid, entity) => {
    const epoch = orNothing(at("epoch").value);
    const parts = [receipt, files.proof, files.totals, files.report];
    const head = new TextEncoder().encode(JSON.stringify({
      uid,
      entity,
      epoch: epoch === null ? null : { id: epoch, time: seconds(at("time").value.trim()) ?? -1 },
      root: orNothing(at("root").value),
      second_root: orNothing(at("second-root").value),
      asset_table: orNothing(at("asset-table").value),
      confirmed,
      files: {
        receipt: parts[0]?.length ?? null, proof: parts[1]?.length ?? null,
        totals: parts[2]?.length ?? null, report: parts[3]?.length ?? null,
      },
    }));
    const size = parts.reduce((sum, part) => sum + (part?.length ?? 0), 4 + head.length);
    const request = new Uint8Array(size);
    new DataView(request.buffer).setUint32(0, head.length, true);
    let next = 4;
    for (const part of [head, ...parts]) {
      if (part) request.set(part, next);
      next += part?.length ?? 0;
    }
    return request.buffer;
  };

  /**
   * Plays a check with an empty receipt while the customer is still busy. The verifier then knows the published files, and the
   * browser has compiled what a check runs, so the real one is quick. Its answer means nothing; what is wrong shows in the real one.
   */
  const rehearse = async () => {
    const entity = at("entity").value.trim() || "rehearsal.example";
    const root = at("root").value.trim() || "0".repeat(64);
    const empty = {
      format: "assay-receipt", version: 1, entity, epoch: { id: "rehearsal", time: 0 }, root, position: 0,
      salt: "0".repeat(56), entries: [], path: ["0".repeat(64)],
    };
    await ask({ request: makeRequest(new TextEncoder().encode(JSON.stringify(empty)), "rehearsal", entity) }).catch(() => undefined);
  };

  /** @type {boolean | null} */
  let confirmed = null;
  /** @type {{verdict: any, ms: number} | null} */
  let last = null;

  /** A verdict that says nothing yet: a refused request has only some of these. */
  const NOTHING = { results: [], receipt: null, proof: null, reserves: [], share: null, asset_table: null };
  /** What the page says when the verifier gives no answer. @param {unknown} error */
  const fault = (error) => ({ ...NOTHING, verdict: "not_checked", code: "verifier-fault", field: String(error) });

  const check = async () => {
    try {
      const { json, ms } = await ask({ request: makeRequest(receipt, at("uid").value, at("entity").value) });
      last = { verdict: { ...NOTHING, ...JSON.parse(json) }, ms };
    } catch (error) {
      last = { verdict: fault(error), ms: 0 };
      // The module may be in any state now.
      await startWorker().catch(() => undefined);
    }
    showVerdict(last.verdict, last.ms);
  };

  // ---- What came out --------------------------------------------------------------------------------------------
  const hideOutcome = () => {
    last = null;
    at("outcome").hidden = true;
    delete document.body.dataset.verdict;
  };

  const SIGNS = { passed: "\u2713", failed: "\u2715", not_checked: "?" };

  /** @param {any} result */
  const resultRow = (result) => {
    const row = document.createElement("li");
    row.dataset.check = result.check;
    row.dataset.status = result.status;
    row.dataset.code = result.code;
    const sign = document.createElement("span");
    sign.className = "sign";
    sign.ariaHidden = "true";
    sign.textContent = SIGNS[/** @type {keyof typeof SIGNS} */ (result.status)] ?? "?";
    const name = document.createElement("span");
    name.className = "name";
    const title = document.createElement("span");
    title.className = "title";
    title.textContent = text(`result.${result.check}.${result.status}`);
    const status = document.createElement("span");
    status.className = "status";
    status.textContent = text(`status.${result.class === "unreadable" ? "unreadable" : result.status}`);
    name.append(title, " ", status);
    const why = document.createElement("p");
    why.className = "why";
    why.textContent = text(`code.${result.code}`) + " ";
    const code = document.createElement("code");
    code.textContent = result.code;
    code.dir = "ltr";
    why.append(code);
    row.append(sign, name, why);
    return row;
  };

  /** @param {HTMLElement} body @param {(string | [string, string])[][]} rows */
  const fill = (body, rows) => {
    body.replaceChildren(...rows.map((cells) => {
      const row = document.createElement("tr");
      cells.forEach((cell, index) => {
        const [value, kind] = typeof cell === "string" ? [cell, ""] : cell;
        const element = document.createElement(index === 0 ? "th" : "td");
        if (index === 0) element.setAttribute("scope", "row");
        if (kind) element.className = kind;
        const inner = document.createElement("bdi");
        inner.textContent = value;
        element.append(inner);
        row.append(element);
      });
      return row;
    }));
  };

  /** @param {any} balance */
  const kindName = (balance) => balance.product === null
    ? text(`kind.${balance.role}`)
    : text(`kind.${balance.role}-of`, { product: productName(balance.product) });
  /** @param {string} name */
  const productName = (name) => (`product.${name}` in config.texts.en ? text(`product.${name}`) : name);

  /** @param {any} verdict @param {number} ms */
  const showVerdict = (verdict, ms) => {
    const open = verdict.results.filter((/** @type {any} */ result) => result.status === "not_checked").length;
    document.body.dataset.verdict = verdict.verdict;
    document.body.dataset.code = verdict.code;
    at("outcome").hidden = false;
    at("verdict").dataset.verdict = verdict.verdict;
    at("verdict-title").textContent = text(`verdict.${verdict.verdict}`);
    const more = verdict.verdict === "verified"
      ? text(open === 0 ? "verdict.all" : open === 1 ? "verdict.one-open" : "verdict.some-open", { count: open })
      : text(`code.${verdict.code}`);
    at("verdict-sign").textContent = { verified: SIGNS.passed, rejected: SIGNS.failed }[/** @type {string} */ (verdict.verdict)] ?? "?";
    at("verdict-text").textContent = verdict.field === undefined ? more : `${more} (${verdict.field})`;
    at("results").replaceChildren(...verdict.results.map(resultRow));

    const view = verdict.receipt;
    at("balances").hidden = view === null;
    if (view) {
      at("balances-title").textContent = text(view.included ? "balances.title" : "balances.title-unproven");
      at("balances-what").textContent = text(
        !view.included ? "balances.unproven" : view.balances.length ? "balances.proven" : "balances.empty",
        { entity: view.entity, epoch: view.epoch });
      fill(at("balances-rows"), view.balances.map((/** @type {any} */ balance) =>
        [balance.asset, kindName(balance), [figure(balance.amount), "number"]]));
      at("confirm").hidden = !view.included;
      at("confirm-yes").ariaPressed = String(confirmed === true);
      at("confirm-no").ariaPressed = String(confirmed === false);
    }

    at("share").hidden = verdict.share === null;
    if (verdict.share) at("share-text").value = shareText(verdict.share);
    at("share-state").textContent = "";

    const proof = verdict.proof;
    const rows = [
      [text("experts.code"), verdict.code],
      [text("experts.time"), text("experts.ms", { ms: figure(ms.toFixed(ms < 20 ? 1 : 0)) })],
      [text("experts.module"), moduleDigest],
    ];
    if (view) rows.push([text("experts.receipt-root"), view.root]);
    if (verdict.asset_table) rows.push([text("expect.asset-table"), verdict.asset_table]);
    if (proof) {
      rows.push(
        [text("experts.proof-root"), proof.root],
        [text("experts.circuit"), proof.circuit],
        [text("experts.key"), proof.key ?? ""],
        [text(proof.exact ? "experts.accounts" : "experts.accounts-most"), figure(String(proof.accounts))],
        [text("experts.depth"), String(proof.depth)],
        [text("experts.bits"), text("experts.bits-text")],
      );
    }
    for (const result of verdict.results) {
      if (result.detail) rows.push([result.check, result.detail]);
    }
    facts(at("experts"), rows);
    at("totals").hidden = !proof;
    fill(at("totals-rows"), (proof?.totals ?? []).map((/** @type {any} */ line) =>
      [line.asset, line.kind, [line.total === null ? "" : figure(line.total), "number"]]));
    at("reserves").hidden = verdict.reserves.length === 0;
    fill(at("reserves-rows"), verdict.reserves.map((/** @type {any} */ line) => [
      line.asset, [figure(line.owed), "number"], [figure(line.counted), "number"], [figure(line.verified), "number"],
      text(line.covered_verified ? "experts.by-verified" : line.covered ? "experts.by-claims" : "experts.by-nothing"),
    ]));
  };

  /** @param {any} share */
  const shareText = (share) => text("share.text", share);
  /** @param {string} key */
  const shareSays = (key) => { at("share-state").textContent = text(key); };

  // ---- What the customer does -----------------------------------------------------------------------------------
  const ROOT = /^\s*[0-9a-fA-F]{64}\s*$/;

  /** @param {Event} event */
  const onSubmit = async (event) => {
    event.preventDefault();
    const second = at("second-root").value;
    at("uid-error").textContent = at("uid").value.trim() ? "" : text("uid.missing");
    at("second-error").textContent = !second.trim() || ROOT.test(second) ? "" : text("second.malformed");
    if (second.trim() && !ROOT.test(second)) {
      at("second-root").focus();
      return;
    }
    if (!receipt) takeText(at("paste").value, text("receipt.pasted"));
    await check();
    at("verdict").focus();
    at("verdict").scrollIntoView({ block: "start" });
  };

  /** @param {boolean} answer */
  const onConfirm = async (answer) => {
    confirmed = answer;
    await check();
  };

  const watchFiles = () => {
    for (const name of ["proof", "totals", "report"]) {
      at(`file-${name}`).addEventListener("change", async (/** @type {Event} */ event) => {
        const file = /** @type {HTMLInputElement} */ (event.target).files?.[0];
        files[name] = file ? await read(file, MAX_FILE) : shipped[name];
        at("files-state").textContent = file ? text("files.yours", { name: file.name }) : "";
        hideOutcome();
        rehearse();
      });
    }
  };

  const watchReceipt = () => {
    const drop = at("drop");
    at("file-receipt").addEventListener("change", (/** @type {any} */ event) => takeFirst(event.target.files));
    at("paste").addEventListener("input", () => takeText(at("paste").value, text("receipt.pasted")));
    for (const kind of ["dragenter", "dragover"]) {
      document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
    }
    for (const kind of ["dragleave", "drop"]) {
      document.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.remove("over"); });
    }
    document.addEventListener("drop", (event) => {
      const dropped = event.dataTransfer?.getData("text/plain");
      if (event.dataTransfer?.files.length) takeFirst(event.dataTransfer.files);
      else if (dropped) takeText(dropped, text("receipt.pasted"));
    });
    window.addEventListener("hashchange", () => takeLink(takeFragment()));
  };

  /** @param {string} given */
  const takeLink = (given) => {
    if (given.length > 1) takeText(given, text("receipt.link"));
  };

  const watchCamera = async () => {
    const Detector = /** @type {any} */ (globalThis).BarcodeDetector;
    const formats = await Detector?.getSupportedFormats?.().catch(() => []) ?? [];
    if (!formats.includes("qr_code") || !navigator.mediaDevices) return;
    at("camera").hidden = false;
    at("camera-none").hidden = true;
    at("camera").addEventListener("click", () => scan(new Detector({ formats: ["qr_code"] })));
  };

  /** @param {any} detector */
  const scan = async (detector) => {
    const video = at("video");
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      video.srcObject = stream;
      video.hidden = false;
      await video.play();
      const until = performance.now() + 60_000;
      let codes = [];
      while (codes.length === 0 && performance.now() < until) {
        codes = await detector.detect(video);
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
      for (const track of stream.getTracks()) track.stop();
      if (codes.length) takeText(codes[0].rawValue, text("receipt.scanned"));
    } catch {
      at("receipt-state").textContent = text("receipt.camera-failed");
    }
    video.hidden = true;
  };

  const watchShare = () => {
    at("share-copy").addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(at("share-text").value);
        shareSays("share.copied");
      } catch {
        at("share-text").select();
        shareSays("share.select");
      }
    });
    at("share-save").addEventListener("click", () => {
      const share = last?.verdict.share;
      if (!share) return;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([JSON.stringify(share, null, 2) + "\n"], { type: "application/json" }));
      link.download = `assay-share-${share.epoch}.json`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      shareSays("share.saved");
    });
  };

  /** From here on the page can load and send nothing, whatever its script does. */
  const lockDown = () => {
    const policy = document.createElement("meta");
    policy.httpEquiv = "Content-Security-Policy";
    policy.content = "default-src 'none'; script-src 'wasm-unsafe-eval'; worker-src blob:; img-src data:; connect-src 'none'; form-action 'none'; base-uri 'none'";
    document.head.append(policy);
  };

  let moduleDigest = "";
  /** @param {Uint8Array} bytes */
  const digestOf = async (bytes) => {
    if (!globalThis.crypto?.subtle) return null;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", /** @type {any} */ (bytes)));
    return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  };

  const start = async () => {
    const [module, source, proof, totals, report] = await Promise.all(
      ["module", "worker", "proof", "totals", "report"].map(load));
    if (!module || !source) throw new Error("no verifier");
    shipped = { proof, totals, report };
    Object.assign(files, shipped);
    const digest = await digestOf(module);
    if (digest !== null && digest !== config.module_sha256) throw new Error("the verifier has another SHA-256");
    moduleDigest = config.module_sha256;
    at("module-digest").textContent = digest === null ? text("check.no-digest") : digest;
    lockDown();
    program = { module, worker: source };
    await startWorker();
    at("loading").hidden = true;
    at("go").disabled = false;
    document.body.dataset.ready = "yes";
    rehearse();
  };

  for (const tag of Object.keys(config.texts)) {
    const option = new Option(config.texts[tag]["language.name"], tag);
    option.lang = tag;
    at("language").append(option);
  }
  resetExpected();
  for (const field of FIELDS) {
    at(field).addEventListener("input", () => { showExpected(); hideOutcome(); });
  }
  for (const field of ["uid", "second-root"]) at(field).addEventListener("input", hideOutcome);
  at("expect-reset").addEventListener("click", () => {
    resetExpected();
    Object.assign(files, shipped);
    for (const name of ["proof", "totals", "report"]) at(`file-${name}`).value = "";
    at("files-state").textContent = "";
    showExpected();
    hideOutcome();
  });
  if (!config.expected) at("expect-change").open = true;
  at("form").addEventListener("submit", onSubmit);
  at("confirm-yes").addEventListener("click", () => onConfirm(true));
  at("confirm-no").addEventListener("click", () => onConfirm(false));
  at("language").addEventListener("change", () => speak(at("language").value));
  watchFiles();
  watchReceipt();
  watchShare();
  watchCamera();
  takeLink(fragment);
  speak((navigator.languages ?? [navigator.language]).map((tag) => tag.slice(0, 2)).find((tag) => tag in config.texts) ?? "en");
  start().catch((error) => {
    at("loading").textContent = text("check.load-failed", { why: String(error.message ?? error) });
    document.body.dataset.ready = "failed";
  });
})();
