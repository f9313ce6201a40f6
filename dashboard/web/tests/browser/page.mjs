// A page of headless Chromium with the preferences of a test, and whatever it complained about.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const found = spawnSync(fileURLToPath(new URL('../../../../scripts/chromium.sh', import.meta.url)), { encoding: 'utf8' });
const CHROMIUM = found.status === 0 ? found.stdout.trim() : '';

export async function open({ width = 1440, height = 900, theme = 'light', lang = 'en' } = {}) {
  if (!CHROMIUM) throw new Error('no Chromium found: install the package `chromium`, or name one in CHROMIUM');
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, locale: lang, reducedMotion: 'reduce' });
  await context.addInitScript(
    ([wantedTheme, wantedLang]) => {
      // Only where the test did not choose another since.
      if (localStorage.getItem('weir.theme') === null) localStorage.setItem('weir.theme', wantedTheme);
      if (localStorage.getItem('weir.lang') === null) localStorage.setItem('weir.lang', wantedLang);
    },
    [theme, lang],
  );
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  return { page, complaints, close: () => browser.close() };
}
