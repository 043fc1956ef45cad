// Applies the cases of testdata/conformance/manifest.json to the files of a run.
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";

const NAMES = { receipt: "receipt.json", proof: "proof.assay", totals: "totals.json", report: "report/report.json" };

/** What a case starts from. `uid` is what the run says. */
export function fromRun(folder, uid) {
  const files = Object.fromEntries(
    Object.entries(NAMES).map(([name, file]) => [name, fs.readFileSync(path.join(folder, file))]));
  const totals = JSON.parse(files.totals);
  const { entity, epoch, time, root, asset_table } = totals;
  return { request: { uid, entity, epoch, time, root, asset_table, second_root: null }, files };
}

const other = (root) => (root.startsWith("0") ? "1" : "0") + root.slice(1);

function step(document, pointer) {
  const parts = pointer.split("/").slice(1);
  const last = parts.pop();
  const place = parts.reduce((value, part) => value[part], document);
  return [place, last];
}

function changed(bytes, operation, name, base, foreign, word) {
  const json = (change) => {
    const document = JSON.parse(bytes);
    change(document);
    return Buffer.from(JSON.stringify(document));
  };
  switch (operation.op) {
    case "none": return null;
    case "set": return json((document) => {
      const [place, key] = step(document, operation.pointer);
      place[key] = word(operation.value);
    });
    case "remove": return json((document) => {
      const [place, key] = step(document, operation.pointer);
      if (Array.isArray(place)) place.splice(Number(key), 1); else delete place[key];
    });
    case "copy": return json((document) => {
      const [from, fromKey] = step(document, operation.from);
      const [place, key] = step(document, operation.pointer);
      place.splice(Number(key), 0, structuredClone(from[fromKey]));
    });
    case "flip-bit": return json((document) => {
      const [place, key] = step(document, operation.pointer);
      place[key] = place[key] % 2 === 0 ? place[key] + 1 : place[key] - 1;
    });
    case "truncate": return bytes.subarray(0, operation.length);
    case "append": return Buffer.concat([bytes, Buffer.alloc(operation.count, operation.byte)]);
    case "xor": {
      const copy = Buffer.from(bytes);
      copy[operation.at < 0 ? copy.length + operation.at : operation.at] ^= operation.with;
      return copy;
    }
    case "bytes": return Buffer.from(operation.text);
    case "bytes-of": return base.files[operation.file];
    case "foreign": return foreign.files[name];
    case "link": {
      const packed = zlib.deflateRawSync(bytes).toString("base64url");
      return Buffer.from(`https://site.example/check.html#receipt=1${packed}`);
    }
    default: throw new Error(`unknown operation ${operation.op}`);
  }
}

/** The request and files of a case. */
export function applied(testCase, base, foreign) {
  const words = {
    $root: base.request.root, $other: other(base.request.root), $uid: base.request.uid,
    $UID: base.request.uid.toUpperCase(),
  };
  const word = (value) => typeof value === "string"
    ? value.replace(/\$(root|other|uid|UID)/g, (found) => words[found]) : value;
  const request = { ...base.request };
  for (const [name, value] of Object.entries(testCase.set ?? {})) request[name] = word(value);
  const files = { ...base.files };
  for (const [name, operations] of Object.entries(testCase.files ?? {})) {
    for (const operation of operations) {
      files[name] = changed(files[name], operation, name, base, foreign, word);
    }
  }
  return { request, files };
}

export function manifest(folder) {
  const read = JSON.parse(fs.readFileSync(path.join(folder, "manifest.json")));
  if (read.format !== "assay-conformance" || read.version !== 1) throw new Error("another manifest");
  return read.cases;
}
