// Microsoft's own parser of the files VS Code reads, asked about our edits. Reads one JSON array
// of {before, after, path, entry} and writes one verdict for each: "" or what is wrong.
import { createRequire } from "node:module";
import { isDeepStrictEqual } from "node:util";
import { readFileSync } from "node:fs";

const { parse } = createRequire(`${process.argv[2]}/`)("jsonc-parser");

function read(text) {
  const errors = [];
  const bare = text.startsWith("\ufeff") ? text.slice(1) : text;
  const value = parse(bare, errors, { allowTrailingComma: true, allowEmptyContent: true });
  return { value: value ?? {}, errors };
}

function verdict({ before, after, path, entry }) {
  const old = read(before);
  if (old.errors.length) return "it refuses what we read";
  if (after === undefined) return "";
  const now = read(after);
  if (now.errors.length) return "it refuses what we wrote";
  let inner = old.value;
  for (const key of path) inner = inner[key] ??= {};
  inner.mcptui = entry;
  const same = isDeepStrictEqual(old.value, now.value);
  return same ? "" : "it reads something else in what we wrote";
}

process.stdout.write(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(verdict)));
