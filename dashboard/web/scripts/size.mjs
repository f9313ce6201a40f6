// Fails when the first load of the built app is too heavy: its scripts and styles, gzipped as a server sends them.
//   npm run size [folder]

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const LIMIT_KIB = 300;
const TOTAL_LIMIT_KIB = 900;
const dist = process.argv[2] ?? new URL('../dist', import.meta.url).pathname;
const kib = (bytes) => bytes / 1024;
const gz = (path) => gzipSync(readFileSync(path), { level: 9 }).length;

const page = readFileSync(join(dist, 'index.html'), 'utf8');
const first = [...page.matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css))"/g)].map((match) => match[1]);
// Chunks that the first ones import at once are part of the first load, lazy ones are not.
const seen = new Set();
const visit = (path) => {
  if (seen.has(path)) return;
  seen.add(path);
  if (!path.endsWith('.js')) return;
  const text = readFileSync(join(dist, path), 'utf8');
  for (const match of text.matchAll(/(?:^|[;}])import(?:[^"'();]*from)?\s*["']\.\/([^"']+)["']/g)) visit(`/assets/${match[1]}`);
};
first.forEach(visit);

let sum = 0;
for (const path of seen) {
  const size = gz(join(dist, path));
  sum += size;
  console.log(`${kib(size).toFixed(1).padStart(7)} KiB  ${path}`);
}
const total = readdirSync(join(dist, 'assets'))
  .filter((name) => /\.(js|css)$/.test(name))
  .reduce((all, name) => all + gz(join(dist, 'assets', name)), 0);
console.log(`${kib(sum).toFixed(1).padStart(7)} KiB  first load, limit ${LIMIT_KIB}`);
console.log(`${kib(total).toFixed(1).padStart(7)} KiB  everything, limit ${TOTAL_LIMIT_KIB}`);
if (seen.size === 0 || kib(sum) > LIMIT_KIB || kib(total) > TOTAL_LIMIT_KIB) {
  console.error('the app is too heavy: load what is not needed at once with import()');
  process.exit(1);
}
