// Numbers for people.

import type { Language } from '../i18n';

export const whole = (n: number, language: Language): string => Math.round(n).toLocaleString(language);

/** Few digits: 1,234 → 1.23K in short places. */
export const compact = (n: number, language: Language): string =>
  new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 }).format(n);

/** Bytes in powers of 1024, as memory and disks are counted. */
export function bytes(n: number, language: Language): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let at = 0;
  let rest = n;
  while (rest >= 1024 && at < units.length - 1) {
    rest /= 1024;
    at += 1;
  }
  const digits = at === 0 || rest >= 100 ? 0 : 1;
  return `${rest.toLocaleString(language, { maximumFractionDigits: digits, minimumFractionDigits: digits })} ${units[at]}`;
}

export const percent = (share: number, language: Language, digits = 0): string =>
  share.toLocaleString(language, { style: 'percent', maximumFractionDigits: digits });

/** A rate with as many digits as it deserves. */
export function rate(n: number, language: Language): string {
  const digits = n >= 100 ? 0 : n >= 1 ? 1 : 2;
  return n.toLocaleString(language, { maximumFractionDigits: digits });
}

/** Microseconds as ms or s. */
export function micros(us: number, language: Language): string {
  if (us >= 1e6) return `${(us / 1e6).toLocaleString(language, { maximumFractionDigits: 2 })} s`;
  if (us >= 1e3) return `${(us / 1e3).toLocaleString(language, { maximumFractionDigits: us < 1e5 ? 1 : 0 })} ms`;
  return `${Math.round(us)} µs`;
}

export const number = (n: number, language: Language): string => n.toLocaleString(language, { maximumFractionDigits: 3 });
