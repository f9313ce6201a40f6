// Log levels: their order, letters, and the words that other programs use for them.

export const LEVELS = ['fatal', 'error', 'warn', 'notice', 'info', 'debug', 'trace'] as const;
export type Level = (typeof LEVELS)[number];

const SAME: Record<string, Level> = {
  fatal: 'fatal', emerg: 'fatal', emergency: 'fatal', alert: 'fatal', crit: 'fatal', critical: 'fatal', panic: 'fatal',
  error: 'error', err: 'error', severe: 'error', fault: 'error',
  warn: 'warn', warning: 'warn',
  notice: 'notice',
  info: 'info', information: 'info', informational: 'info',
  debug: 'debug', fine: 'debug',
  trace: 'trace', verbose: 'trace', finest: 'trace',
};

export const levelOf = (text: string | null | undefined): Level | null => SAME[text?.trim().toLowerCase() ?? ''] ?? null;
export const glyph = (level: Level): string => (level === 'debug' ? 'D' : level === 'notice' ? 'N' : level.charAt(0).toUpperCase());

/** Fills by level, for light and dark; styles/base.css says the same, a test holds them together. */
export const LEVEL_FILL: Record<Level, [string, string]> = {
  fatal: ['#4a0d55', '#e9a6ff'],
  error: ['#c8261c', '#f0553f'],
  warn: ['#f5b301', '#ffd166'],
  notice: ['#1f8a83', '#39b5a4'],
  info: ['#5b9be0', '#3f86d6'],
  debug: ['#a3aebb', '#68737f'],
  trace: ['#d3d9e0', '#3d4651'],
};

export const LEVEL_TEXT: Record<Level, [string, string]> = {
  fatal: ['#ffffff', '#14181d'],
  error: ['#8c0b1e', '#ff7566'],
  warn: ['#8a5900', '#ffd166'],
  notice: ['#00766c', '#3cc7b0'],
  info: ['#0b63c5', '#6cb2ff'],
  debug: ['#5d6873', '#98a5b3'],
  trace: ['#5f6775', '#8a94a3'],
};

/** Colours of series that are no levels, in an order that colour-blind people tell apart. */
export const SERIES = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#f0e442', '#999999'];
export const REST_FILL: [string, string] = ['#9fb3c8', '#55677a'];
const UP_DOWN: Record<string, [string, string]> = { up: ['#1f8a83', '#39b5a4'], down: ['#c8261c', '#f0553f'] };

/** The colour of a series: of its level, its state, or by its name, so that it keeps it on every page. */
export function seriesColour(name: string, dark: boolean): string {
  const side = dark ? 1 : 0;
  if (name === '') return REST_FILL[side];
  const level = levelOf(name);
  if (level) return LEVEL_FILL[level][side];
  const state = UP_DOWN[name];
  if (state) return state[side];
  let hash = 0;
  for (const c of name) hash = (hash * 31 + (c.codePointAt(0) ?? 0)) >>> 0;
  return SERIES[hash % SERIES.length] ?? REST_FILL[side];
}

/** Series in the order of their bars from the ground up: worst first, those without a level last. */
export function stackOrder(names: string[]): string[] {
  const rank = (name: string) => {
    if (name === 'down') return -1;
    const level = levelOf(name);
    return level ? LEVELS.indexOf(level) : name === '' ? 99 : 50;
  };
  return [...names].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0));
}
