// Looks at a running dashboard as a person would, in headless Chromium:
//
//   npm run browser -- http://127.0.0.1:5601 [--find TEXT] [--source logs-*] [--filled ingest,logs] [--only NAME] [--shots FOLDER]
//
// The dashboard must have a source with documents of the last hours. With --find, a document with that text must come
// on the page within a minute; with --filled, these cards of Home must show data and not their empty state. Each check prints one line; any that fails makes the exit status 1.

import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { open } from './page.mjs';

const args = process.argv.slice(2);
const option = (name) => {
  const at = args.indexOf(`--${name}`);
  return at < 0 ? '' : (args[at + 1] ?? '');
};
const base = (args[0]?.startsWith('http') ? args[0] : 'http://127.0.0.1:5601').replace(/\/$/, '');
const text = option('find');
const source = option('source');
const shots = option('shots');
const filled = option('filled').split(',').filter(Boolean);
const explore = `/explore?from=now-24h${source ? `&src=${source}` : ''}`;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

function must(truth, message) {
  if (!truth) throw new Error(message);
}

const param = (page, name) => new URL(page.url()).searchParams.get(name);
const idle = (page) => page.waitForFunction(() => !document.querySelector('.progress.on'));
const rows = (page) => page.locator('.grid-row:visible');
async function openExplore(page, path = explore) {
  await page.goto(base + path);
  await page.waitForSelector('.grid-row');
  await idle(page);
}

/** A column whose value can be asked for, and its value in the first row. */
async function valueInRows(page) {
  for (const name of ['event.dataset', 'host.name', 'log.level']) {
    const heads = await page.locator('[role=columnheader] .sort').allTextContents();
    const at = heads.findIndex((head) => head.startsWith(name));
    if (at < 0) continue;
    const value = await rows(page).first().locator('.grid-cell').nth(at).textContent();
    if (value) return { name, value, at };
  }
  throw new Error('no column with an exact value is shown');
}

const checks = {
  async 'home shows what arrives and refreshes by itself'(page) {
    await page.goto(`${base}/`);
    await page.waitForSelector('.card-ingest tbody tr');
    const updated = () => page.locator('.home-head .muted').last().textContent();
    const before = await updated();
    await page.waitForFunction((old) => [...document.querySelectorAll('.home-head .muted')].pop()?.textContent !== old, before);
    for (const name of ['ingest', 'logs', 'monitors', 'hosts', 'flows', 'dns']) {
      const card = page.locator(`.card-${name}`);
      const data = card.locator('tbody tr, .host, .log-line');
      if (filled.includes(name)) await data.first().waitFor();
      must((await data.count()) + (await card.locator('.empty').count()) > 0, `card ${name} has neither data nor its empty state`);
    }
  },

  async 'home leads to explore'(page) {
    await page.goto(`${base}/`);
    const link = page.locator('.card-ingest tbody a').first();
    const name = await link.textContent();
    await link.click();
    await page.waitForURL(/\/explore\?src=/);
    must(param(page, 'src') === name, `src is ${param(page, 'src')}, not ${name}`);
    await page.waitForSelector('.grid-row, .empty strong');
  },

  async 'explore opens with rows, a total and a histogram'(page) {
    await openExplore(page);
    const hits = await page.getByTestId('hits').textContent();
    must(/[1-9]/.test(hits ?? ''), `the total is "${hits}"`);
    must((await rows(page).count()) > 0, 'no rows');
    must(await page.locator('.histogram canvas').isVisible(), 'no histogram');
    const painted = await page.evaluate(() => {
      const canvas = document.querySelector('.histogram canvas');
      const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
      return data.some((value) => value !== 0);
    });
    must(painted, 'the histogram is blank');
  },

  async 'a query narrows the rows and stands in the address'(page) {
    await openExplore(page);
    const { name, value, at } = await valueInRows(page);
    await page.keyboard.press('/');
    await page.keyboard.type(`${name}:"${value}"`);
    await page.keyboard.press('Enter');
    await page.waitForURL(/[?&]q=/);
    await idle(page);
    must(param(page, 'q') === `${name}:"${value}"`, `q is ${param(page, 'q')}`);
    const values = await rows(page).locator(`.grid-cell:nth-child(${at + 1})`).allTextContents();
    must(values.length > 0 && values.every((one) => one === value), `rows show ${[...new Set(values)].join(', ')}`);
    await page.goBack();
    await page.waitForURL((url) => !url.searchParams.has('q'));
  },

  async 'fields are completed while typing'(page) {
    await openExplore(page);
    await page.locator('#query').click();
    await page.keyboard.type('@times');
    await page.waitForSelector('.suggest li');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    must((await page.locator('#query').inputValue()) === '@timestamp:', 'the field was not completed');
  },

  async 'a broken query says where and how to put it right'(page) {
    await page.goto(`${base}${explore}&q=(${encodeURIComponent('@timestamp:*')}`);
    await page.waitForSelector('.query-fault');
    must((await page.locator('.squiggle').count()) > 0, 'nothing is marked');
    await page.locator('.query-fault button').click();
    await page.waitForFunction(() => !document.querySelector('.query-fault'));
    must(param(page, 'q') === '(@timestamp:*)', `q is ${param(page, 'q')}`);
    await page.waitForSelector('.grid-row');
  },

  async 'a document opens, its neighbours follow, and Esc closes it'(page) {
    await openExplore(page);
    await rows(page).nth(1).locator('.grid-cell').last().click();
    await page.waitForSelector('.doc-table tr');
    const first = param(page, 'doc');
    must(first?.includes('/'), `doc is ${first}`);
    await page.keyboard.press('j');
    await page.waitForFunction((old) => new URL(location.href).searchParams.get('doc') !== old, first);
    await page.waitForSelector('.doc-table tr');
    await page.getByRole('tab', { name: 'JSON' }).click();
    const json = await page.locator('.flyout pre').textContent();
    must(typeof JSON.parse(json ?? '') === 'object', 'the JSON cannot be read');
    await page.reload();
    await page.waitForSelector('.doc-table tr');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.flyout', { state: 'detached' });
    must(param(page, 'doc') === null, 'doc stays in the address');
  },

  async 'top values of a field filter with a click'(page) {
    await openExplore(page);
    const { name } = await valueInRows(page);
    await page.locator('.fields .find').fill(name);
    await page.locator('.field-row .name', { hasText: name }).first().click();
    const value = page.locator('.value-row .link-button').first();
    const wanted = (await value.textContent()) ?? '';
    await value.click();
    await page.waitForSelector('.pill');
    must(param(page, 'f') === `${name}:${wanted}`, `f is ${param(page, 'f')}`);
    await idle(page);
    await page.locator('.pill button').first().click();
    await page.waitForSelector('.pill.negated');
    must(param(page, 'f')?.startsWith('!'), 'the filter was not turned around');
    await page.locator('.pill button').last().click();
    await page.waitForSelector('.pill', { state: 'detached' });
  },

  async 'columns are added and sorted by'(page) {
    await openExplore(page);
    await page.locator('.fields .find').fill('agent.type');
    const add = page.locator('.field-row .icon-button').first();
    if ((await add.count()) > 0) {
      await add.click();
      await page.waitForURL(/cols=/);
    }
    await page.locator('[role=columnheader] .sort', { hasText: '@timestamp' }).click();
    await page.waitForURL(/sort=@timestamp/);
    await idle(page);
    const times = await rows(page).locator('.grid-cell:first-child').allTextContents();
    must(times.join() === [...times].sort().join(), 'the rows are not oldest first');
  },

  async 'the time range is chosen by list and by dragging over the histogram'(page) {
    await openExplore(page);
    await page.keyboard.press('t');
    await page.locator('.quick button').nth(9).click();
    await page.waitForURL(/from=now-30d/);
    await page.goBack();
    await page.waitForSelector('.histogram canvas');
    await idle(page);
    const box = await page.locator('.histogram .u-over').boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + 30);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.98, box.y + 32, { steps: 6 });
    await page.mouse.up();
    await page.waitForURL(/from=\d{4}-/);
    const span = Date.parse(param(page, 'to')) - Date.parse(param(page, 'from'));
    must(Math.abs(span / 86_400_000 - 0.48) < 0.02, `the range is ${span} ms long`);
  },

  async 'scrolling goes on past the first page'(page) {
    await openExplore(page);
    const total = Number((await page.getByTestId('hits').textContent())?.replace(/\D/g, ''));
    if (total < 1_000) return 'fewer than 1000 documents: not looked at';
    for (let round = 0; round < 40; round += 1) {
      await page.locator('.grid').evaluate((grid) => grid.scrollBy(0, 20_000));
      await idle(page);
      const last = await rows(page).evaluateAll((all) => Math.max(...all.map((row) => Number(row.getAttribute('aria-rowindex')))));
      if (last > 900) {
        const elements = await page.locator('.grid-row').count();
        must(elements < 120, `${elements} row elements for ${last} rows`);
        return `row ${last} is shown with ${elements} row elements`;
      }
    }
    throw new Error('the rows ended before the documents did');
  },

  async 'colours change at once'(page) {
    await page.goto(`${base}/`);
    await page.evaluate(() => {
      window.sameDocument = true;
    });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.locator('.rail button').first().click();
    await page.locator('[data-theme=dark]').click();
    await page.waitForSelector('html[data-mantine-color-scheme=dark]');
    const dark = await ground();
    await page.locator('.rail button').first().click();
    await page.locator('[data-theme=light]').click();
    await page.waitForSelector('html[data-mantine-color-scheme=light]');
    must(dark !== (await ground()), 'the ground has the same colour');
    must(await page.evaluate(() => window.sameDocument), 'the page was loaded anew');
  },

  async 'language changes at once and stays'(page) {
    await page.goto(`${base}/`);
    await page.evaluate(() => {
      window.sameDocument = true;
    });
    await page.locator('.rail button').nth(1).click();
    await page.locator('[role=menuitem][lang=zh-CN]').click();
    await page.locator('.rail a[aria-label="首页"]').waitFor();
    must(await page.evaluate(() => window.sameDocument), 'the page was loaded anew');
    await page.reload();
    await page.locator('.rail a[aria-label="首页"]').waitFor();
    must((await page.locator('html').getAttribute('lang')) === 'zh-CN', 'lang is not zh-CN');
  },
};

/** What a narrow window must not do: scroll sideways, push a control out of sight, or leave a name no room. */
async function fits(page, name) {
  const { wide, outside, squeezed } = await page.evaluate(() => {
    const shown = (one) => one.getClientRects().length > 0;
    // The rows have columns of their own and scroll by themselves.
    const controls = [...document.querySelectorAll('button, input, textarea, select, a[href]')].filter((one) => shown(one) && !one.closest('.grid, .skip'));
    const box = (one) => one.getBoundingClientRect();
    const label = (one) => one.getAttribute('aria-label') ?? one.textContent;
    return {
      wide: Math.max(...[document.documentElement, document.body, ...document.querySelectorAll('.page, .home, .explore, .topbar')].map((one) => one.scrollWidth - one.clientWidth)),
      outside: controls.filter((one) => !one.classList.contains('skip') && (box(one).left < 0 || box(one).right > innerWidth + 0.5) && !one.closest('td')).map(label),
      squeezed: [...document.querySelectorAll('.card td:has(a)')].filter((one) => box(one).width < 150).map(label),
    };
  });
  must(wide <= 0, `${name} scrolls ${wide} px sideways`);
  must(outside.length === 0, `${name}: out of sight: ${outside.join(', ')}`);
  must(squeezed.length === 0, `${name}: no room for ${squeezed.join(', ')}`);
}

async function find(page) {
  const until = Date.now() + 60_000;
  for (;;) {
    await page.goto(`${base}/explore?from=now-24h&src=${source || 'logs-*'}&q=${encodeURIComponent(`"${text}"`)}`);
    await page.waitForSelector('.grid-row, .empty strong, .notice');
    await idle(page);
    if ((await page.locator('.grid-row', { hasText: text }).count()) > 0) return;
    must(Date.now() < until, `no row with "${text}" within a minute`);
  }
}

async function accessible(page, name) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const grave = violations.filter((one) => one.impact === 'serious' || one.impact === 'critical');
  must(grave.length === 0, `${name}: ${grave.map((one) => `${one.id} (${one.nodes.map((node) => node.target.join(' ')).slice(0, 3).join('; ')})`).join(', ')}`);
}

let failed = 0;
let looked = 0;
async function run(name, options, act) {
  if (option('only') && !name.includes(option('only'))) return;
  looked += 1;
  const { page, complaints, close } = await open(options);
  const started = Date.now();
  try {
    const note = await act(page);
    // A query that is broken on purpose is answered 400, which the browser also writes down.
    const grave = complaints.filter((one) => !/status of 400/.test(one));
    must(grave.length === 0, `the browser complained: ${grave.join(' | ')}`);
    console.log(`ok      ${name} (${Date.now() - started} ms)${note ? `: ${note}` : ''}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}: ${String(error.message ?? error).split('\n')[0]}`);
    if (shots) {
      mkdirSync(shots, { recursive: true });
      await page.screenshot({ path: join(shots, `${name.replace(/\W+/g, '-')}.png`) }).catch(() => {});
    }
  } finally {
    await close();
  }
}

if (text) await run(`a document with "${text}" comes on the page`, {}, find);
for (const [name, act] of Object.entries(checks)) await run(name, {}, act);
for (const lang of ['en', 'zh-CN']) {
  await run(`a window of 390 px does not scroll sideways, ${lang}`, { width: 390, height: 844, lang }, async (page) => {
    await page.goto(`${base}/`);
    await page.waitForSelector('.card-ingest tbody tr');
    await fits(page, 'home');
    await accessible(page, 'home');
    await openExplore(page);
    must((await page.locator('.fields').count()) === 0, 'the fields are open');
    await fits(page, 'explore');
    await accessible(page, 'explore');
    await page.locator('.fields-toggle').click();
    await page.waitForSelector('.fields .field-row');
    await fits(page, 'the fields');
    await page.locator('.field-row .name', { hasText: 'event.dataset' }).click();
    await page.waitForSelector('.value-row');
    await fits(page, 'the values of a field');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.values', { state: 'detached' });
    await page.locator('.fields-head button').click();
    await page.waitForSelector('.fields', { state: 'detached' });
    await rows(page).first().locator('.grid-cell').first().click();
    await page.waitForSelector('.doc-table tr');
    await fits(page, 'a document');
    await page.locator('.flyout > header button').last().click();
    await page.waitForSelector('.flyout', { state: 'detached' });
    await page.keyboard.press('t');
    await page.waitForSelector('.time-panel');
    await fits(page, 'the time range');
  });
}
for (const theme of ['light', 'dark']) {
  for (const lang of ['en', 'zh-CN']) {
    await run(`axe finds nothing grave, ${theme}, ${lang}`, { theme, lang }, async (page) => {
      await page.goto(`${base}/`);
      await page.waitForSelector('.card-ingest');
      await accessible(page, 'home');
      await openExplore(page);
      await accessible(page, 'explore');
      await rows(page).first().locator('.grid-cell').last().click();
      await page.waitForSelector('.doc-table tr');
      await accessible(page, 'document');
      await page.keyboard.press('t');
      await page.waitForSelector('.time-panel');
      await accessible(page, 'time range');
    });
  }
}
must(looked > 0, `no check is named ${option('only')}`);
console.log(failed === 0 ? 'all checks passed' : `${failed} checks failed`);
process.exit(failed === 0 ? 0 : 1);
