// Times for people. One formatter per language and zone is made and kept: making them is slow.

import type { Language, Messages } from '../i18n';
import type { Zone } from '../state/prefs';

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(language: Language, zone: Zone, style: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${language} ${zone} ${style}`;
  let known = formatters.get(key);
  if (!known) {
    known = new Intl.DateTimeFormat(language === 'zh-CN' ? 'zh-CN' : 'en-GB', { ...options, ...(zone === 'utc' ? { timeZone: 'UTC' } : {}), hourCycle: 'h23' });
    formatters.set(key, known);
  }
  return known;
}

const pad = (n: number, width = 2) => String(n).padStart(width, '0');

/** `2026-11-24 10:30:00.123`: sorts as text, reads the same in every language. */
export function full(millis: number, zone: Zone): string {
  const date = new Date(millis);
  if (Number.isNaN(date.getTime())) return '';
  const utc = zone === 'utc';
  const [year, month, day] = utc ? [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()] : [date.getFullYear(), date.getMonth(), date.getDate()];
  const [hour, minute, second, milli] = utc
    ? [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds(), date.getUTCMilliseconds()]
    : [date.getHours(), date.getMinutes(), date.getSeconds(), date.getMilliseconds()];
  return `${year}-${pad(month + 1)}-${pad(day)} ${pad(hour)}:${pad(minute)}:${pad(second)}.${pad(milli, 3)}`;
}

/** A date as a document holds it; digits below the millisecond stay. Text that is no date stays as it is. */
export function cell(value: string | number, zone: Zone): string {
  const text = String(value);
  const millis = /^-?\d{1,16}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(millis)) return text;
  const below = /\.\d{3}(\d+)/.exec(text)?.[1]?.replace(/0+$/, '') ?? '';
  return full(millis, zone) + below;
}

export const clock = (millis: number, zone: Zone): string => full(millis, zone).slice(11, 19);

/** A moment without what is plain: no seconds when they are zero. */
export function short(millis: number, language: Language, zone: Zone): string {
  const seconds = millis % 60_000 !== 0;
  return formatter(language, zone, seconds ? 'seconds' : 'minutes', {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    ...(seconds ? { second: '2-digit' } : {}),
  }).format(millis);
}

/** A tick of a time axis: as short as its distance to the next allows; midnight names the day. */
export function tickLabel(millis: number, distance: number, zone: Zone): string {
  const text = full(millis, zone);
  const day = text.slice(5, 10);
  if (distance >= 86_400_000) return distance >= 28 * 86_400_000 ? text.slice(0, 7) : day;
  if (distance >= 60_000) return text.slice(11, 16) === '00:00' ? day : text.slice(11, 16);
  return distance >= 1_000 ? text.slice(11, 19) : text.slice(17);
}

/** `12 s`, `3 min`, `2 h`, `5 d`. */
export function span(millis: number, language: Language): string {
  const zh = language === 'zh-CN';
  const units: [number, string, string][] = [
    [86_400_000, 'd', '天'],
    [3_600_000, 'h', '小时'],
    [60_000, 'min', '分钟'],
    [1_000, 's', '秒'],
  ];
  for (const [size, en, cn] of units) {
    if (millis >= size) return `${Math.floor(millis / size)} ${zh ? cn : en}`;
  }
  return `${Math.max(0, Math.round(millis))} ${zh ? '毫秒' : 'ms'}`;
}

export function ago(millis: number | null, now: number, language: Language, m: Messages): string {
  if (millis === null) return m.common.never;
  const past = now - millis;
  return past < 1_000 ? m.common.now : m.common.ago(span(past, language));
}

/** The zone's name and offset, always shown beside times. */
export function zoneName(zone: Zone, at = Date.now()): string {
  if (zone === 'utc') return 'UTC';
  const minutes = -new Date(at).getTimezoneOffset();
  const sign = minutes < 0 ? '−' : '+';
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return `${name} (UTC${sign}${pad(Math.floor(Math.abs(minutes) / 60))}:${pad(Math.abs(minutes) % 60)})`;
}
