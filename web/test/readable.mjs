// What must hold of every page in every language: nothing sideways, nothing cut off, figures and hashes in their order.
import assert from "node:assert/strict";

import { AXE } from "./runs.mjs";

/** Violations that axe finds. The pages' policies allow no script from outside, so it comes in through the debugger. */
export async function axe(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: AXE });
  const { result } = await session.send("Runtime.evaluate", {
    expression: "axe.run().then((r) => JSON.stringify(r.violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 120))])))",
    awaitPromise: true,
  });
  return JSON.parse(result.value);
}

export const openAll = (page) =>
  page.evaluate(() => { for (const part of document.querySelectorAll("details")) part.open = true; });

/** Whether the page scrolls sideways, and which charts have texts outside of them or over each other. */
export async function assertFits(page, name) {
  const found = await page.evaluate(() => {
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    const charts = [];
    for (const chart of document.querySelectorAll("svg")) {
      const frame = chart.getBoundingClientRect();
      const texts = Array.from(chart.querySelectorAll("text"), (text) => [text.textContent, text.getBoundingClientRect()]);
      texts.forEach(([text, box], at) => {
        if (box.left < frame.left - 1 || box.right > frame.right + 1) charts.push(`${text} is outside`);
        for (const [other, there] of texts.slice(at + 1)) {
          const apart = box.right <= there.left || there.right <= box.left || box.bottom <= there.top + 2 || there.bottom <= box.top + 2;
          if (!apart) charts.push(`${text} is over ${other}`);
        }
      });
    }
    return { wide, charts };
  });
  assert.deepEqual(found, { wide: 0, charts: [] }, name);
}

/**
 * Every figure, time and hash is written from left to right and on its own, whatever is around it. Returns how many there are.
 */
export async function assertIsolated(page, name) {
  const { wrong, count } = await page.evaluate(() => {
    const wrong = [];
    const all = document.querySelectorAll("code, time, .number > bdi, .facts dd > *");
    let count = 0;
    for (const element of all) {
      const text = element.textContent;
      // Only what has no word of a language: digits, hex, separators.
      if (!/^[0-9a-f.,:TZ%\u202f\u00a0 –-]{2,}$/.test(text) || element.getClientRects().length === 0) continue;
      count += 1;
      if (!["isolate", "isolate-override", "plaintext"].includes(getComputedStyle(element).unicodeBidi)) wrong.push(`${text} is not isolated`);
      const nodes = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
      const boxes = [];
      for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
        for (let at = 0; at < node.length; at += 1) {
          const range = document.createRange();
          range.setStart(node, at);
          range.setEnd(node, at + 1);
          boxes.push(range.getBoundingClientRect());
        }
      }
      const turned = boxes.some((box, at) => at > 0 && Math.abs(box.top - boxes[at - 1].top) < 2 && box.left < boxes[at - 1].left - 0.5);
      if (turned) wrong.push(`${text} is not written from left to right`);
    }
    return { wrong, count };
  });
  assert.deepEqual(wrong, [], name);
  return count;
}

/** In which order the columns of a table stand, for one that is seen. */
export const firstColumnIsRight = (page, selector) => page.evaluate((selector) => {
  const row = document.querySelector(`${selector} tr`);
  const boxes = Array.from(row.children, (cell) => cell.getBoundingClientRect());
  return boxes.every((box, at) => at === 0 || box.left < boxes[at - 1].left);
}, selector);

const LETTERS = "אבגדהוזחטיכלמנסעפצקרשתםןףך";

/**
 * A text of a made-up language that is written from right to left and takes a third more room. Placeholders stay.
 */
export function mirrored(text) {
  const letters = text.replace(/\{\w+\}|[a-z]/gi, (found) =>
    (found.length > 1 ? found : LETTERS[(found.toLowerCase().charCodeAt(0) - 97) % LETTERS.length]));
  const more = Math.floor(text.length / 3);
  return more < 3 ? letters : `${letters} ${"תוספת ".repeat(Math.ceil(more / 6)).slice(0, more).trim()}`;
}

/** A catalogue of that language. */
export const mirroredCatalogue = (texts) => ({
  ...Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, mirrored(text)])),
  "language.direction": "rtl",
});

/** A decimal number with these separators, made by nothing that the pages use. */
export function grouped(decimal, thousands, point) {
  const [whole, fraction] = decimal.split(".");
  const parts = [];
  for (let end = whole.length; end > 0; end -= 3) parts.unshift(whole.slice(Math.max(0, end - 3), end));
  return parts.join(thousands) + (fraction === undefined ? "" : point + fraction);
}

/** Base units as a decimal number of whole units without zeros at the end. */
export function inWholeUnits(units, decimals) {
  const digits = units.padStart(decimals + 1, "0");
  const whole = digits.slice(0, digits.length - decimals);
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, "");
  return fraction ? `${whole}.${fraction}` : whole;
}
