// Screenshots of every page, in both colours and languages and at four sizes, to be looked at:
//   node tests/browser/shots.mjs http://127.0.0.1:5601 /some/folder

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { open } from './page.mjs';

const base = (process.argv[2] ?? 'http://127.0.0.1:5601').replace(/\/$/, '');
const folder = process.argv[3] ?? 'shots';
const only = process.argv[4] ?? '';
mkdirSync(folder, { recursive: true });

const pages = {
  home: '/',
  explore: '/explore?from=now-1h',
  document: '/explore?from=now-1h',
  metrics: '/explore?src=metrics-*&f=host.name:web-1,!event.dataset:system.load',
  fault: '/explore?q=log.level:(error%20or',
  empty: '/explore?q=message:nothinglikethis',
};

for (const [width, height] of [[1440, 900], [1024, 768], [768, 1024], [390, 844]]) {
  for (const theme of ['light', 'dark']) {
    for (const lang of ['en', 'zh-CN']) {
      const { page, close } = await open({ width, height, theme, lang });
      for (const [name, path] of Object.entries(pages)) {
        const file = `${name}-${theme}-${lang}-${width}.png`;
        if (only && !file.includes(only)) continue;
        await page.goto(base + path);
        if (name === 'home') await page.waitForSelector('.card');
        else await page.waitForSelector('.grid-row, .empty strong, .query-fault');
        if (name === 'document') {
          await page.locator('.grid-row').nth(3).locator('.grid-cell').first().click();
          await page.waitForSelector('.doc-table');
        }
        await page.waitForFunction(() => !document.querySelector('.progress.on'));
        await page.screenshot({ path: join(folder, file) });
      }
      await close();
    }
  }
}
