// Time ranges: what may be written, what it means now, and how it moves.
//
//   now-15m   now-1d/d   2026-11-24 10:30   2026-11-24T10:30:00Z   1764000000   1764000000000

import type { Zone } from '../state/prefs';

export interface Range {
  from: number;
  to: number;
}

export const DEFAULT_FROM = 'now-15m';
export const DEFAULT_TO = 'now';

const UNIT_MS: Record<string, number> = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7, w: 6.048e8 };
const MATH = /^now((?:[+-]\d+[smhdwMy])*)(?:\/([smhdwMy]))?$/;

/** The moment that `text` means; null if it means none. `roundUp` gives the end of `/d`, not its start. */
export function moment(text: string, now: number, zone: Zone, roundUp = false): number | null {
  const trimmed = text.trim();
  const math = MATH.exec(trimmed);
  if (math) {
    let at = now;
    for (const [, sign, amount, unit] of (math[1] ?? '').matchAll(/([+-])(\d+)([smhdwMy])/g)) {
      at = shift(at, (sign === '-' ? -1 : 1) * Number(amount), unit ?? 's', zone);
    }
    return math[2] ? round(at, math[2], zone, roundUp) : at;
  }
  if (/^\d{13}$/.test(trimmed)) return Number(trimmed);
  if (/^\d{10}$/.test(trimmed)) return Number(trimmed) * 1000;
  return absolute(trimmed, zone);
}

function absolute(text: string, zone: Zone): number | null {
  const parts = /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/i.exec(text);
  if (!parts) {
    // Anything else that a log may hold: "24/Nov/2026:10:30:00 +0000", "Tue, 24 Nov 2026 10:30:00 GMT".
    const apache = text.replace(/^(\d{1,2})\/(\w{3})\/(\d{4}):/, '$1 $2 $3 ');
    const parsed = /[a-z]{3}/i.test(apache) && /\d{4}/.test(apache) ? Date.parse(apache) : Number.NaN;
    return Number.isNaN(parsed) ? null : parsed;
  }
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((part) => Number(part ?? 0));
  const millis = Math.floor(Number(`0.${parts[7] ?? 0}`) * 1000 + 1e-6);
  const utc = Date.UTC(year ?? 0, (month ?? 1) - 1, day, hour, minute, second, millis);
  const check = new Date(utc);
  if (check.getUTCMonth() + 1 !== month || check.getUTCDate() !== day || check.getUTCHours() !== hour) return null;
  const offset = parts[8];
  if (offset) return utc - offsetMs(offset);
  return zone === 'utc' ? utc : new Date(year ?? 0, (month ?? 1) - 1, day, hour, minute, second, millis).getTime();
}

function offsetMs(text: string): number {
  const parts = /^([+-])(\d{2}):?(\d{2})$/.exec(text);
  if (!parts) return 0;
  return (parts[1] === '-' ? -1 : 1) * (Number(parts[2]) * 60 + Number(parts[3])) * 60_000;
}

function shift(at: number, amount: number, unit: string, zone: Zone): number {
  const fixed = UNIT_MS[unit];
  if (fixed !== undefined && unit !== 'd' && unit !== 'w') return at + amount * fixed;
  // Days, months and years follow the calendar: a day may have 23 hours.
  const date = new Date(at);
  const months = unit === 'M' ? amount : unit === 'y' ? amount * 12 : 0;
  const days = unit === 'd' ? amount : unit === 'w' ? amount * 7 : 0;
  if (zone === 'utc') {
    date.setUTCMonth(date.getUTCMonth() + months);
    date.setUTCDate(date.getUTCDate() + days);
  } else {
    date.setMonth(date.getMonth() + months);
    date.setDate(date.getDate() + days);
  }
  return date.getTime();
}

function round(at: number, unit: string, zone: Zone, up: boolean): number {
  const start = floor(at, unit, zone);
  return up ? shift(start, 1, unit, zone) - 1 : start;
}

function floor(at: number, unit: string, zone: Zone): number {
  const date = new Date(at);
  const utc = zone === 'utc';
  const year = utc ? date.getUTCFullYear() : date.getFullYear();
  const month = utc ? date.getUTCMonth() : date.getMonth();
  const day = utc ? date.getUTCDate() : date.getDate();
  const hour = utc ? date.getUTCHours() : date.getHours();
  const weekday = ((utc ? date.getUTCDay() : date.getDay()) + 6) % 7;
  const make = (...parts: [number, number, number, number]) => (utc ? Date.UTC(...parts) : new Date(...parts).getTime());
  switch (unit) {
    case 'y':
      return make(year, 0, 1, 0);
    case 'M':
      return make(year, month, 1, 0);
    case 'w':
      return make(year, month, day - weekday, 0);
    case 'd':
      return make(year, month, day, 0);
    case 'h':
      return make(year, month, day, hour);
    default: {
      const step = UNIT_MS[unit] ?? 1;
      return Math.floor(at / step) * step;
    }
  }
}

/** What a range means now; null if it cannot be read or ends before it starts. */
export function resolve(from: string, to: string, now: number, zone: Zone): Range | null {
  const start = moment(from, now, zone);
  const end = moment(to, now, zone, true);
  if (start === null || end === null || start > end) return null;
  return { from: start, to: end };
}

/** Whether the range moves with the clock. */
export const isRelative = (from: string, to: string): boolean => from.startsWith('now') || to.startsWith('now');

/** A relative range of the form "last n units", if it is one. */
export function lastOf(from: string, to: string): { amount: number; unit: string } | null {
  const parts = /^now-(\d+)([smhdwMy])$/.exec(from);
  return to === 'now' && parts ? { amount: Number(parts[1]), unit: parts[2] ?? 'm' } : null;
}

/** The range before or after, of the same length. */
export function moved(range: Range, steps: number): Range {
  const span = range.to - range.from;
  return { from: range.from + steps * span, to: range.to + steps * span };
}

/** The range around, three times as long. */
export function zoomedOut(range: Range): Range {
  const span = Math.max(range.to - range.from, 1);
  return { from: range.from - span, to: range.to + span };
}

/** A point of a range as it stands in an address: UTC, so that it means the same everywhere. */
export const written = (millis: number): string => new Date(millis).toISOString();

export const QUICK: { from: string; to: string; label: 'today' | 'yesterday' | null }[] = [
  ...['5m', '15m', '30m', '1h', '3h', '6h', '12h', '24h', '7d', '30d', '90d', '1y'].map((span) => ({ from: `now-${span}`, to: 'now', label: null })),
  { from: 'now/d', to: 'now/d', label: 'today' as const },
  { from: 'now-1d/d', to: 'now-1d/d', label: 'yesterday' as const },
];

/** Ranges to try when the last 15 minutes are empty, shortest first. */
export const WIDER = ['now-1h', 'now-24h', 'now-7d'];
