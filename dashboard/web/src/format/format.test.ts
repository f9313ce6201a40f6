import { describe, expect, it } from 'vitest';
import { en } from '../i18n/en';
import { zhCN } from '../i18n/zh-CN';
import { bytes, compact, micros, percent, rate, whole } from './number';
import { ago, cell, full, span, tickLabel } from './time';

describe('numbers', () => {
  it('are written with the unit and digits that they deserve', () => {
    expect(bytes(0, 'en')).toBe('0 B');
    expect(bytes(1023, 'en')).toBe('1,023 B');
    expect(bytes(1536, 'en')).toBe('1.5 KiB');
    expect(bytes(17179869184, 'en')).toBe('16.0 GiB');
    expect(micros(950, 'en')).toBe('950 µs');
    expect(micros(12_345, 'en')).toBe('12.3 ms');
    expect(micros(2_500_000, 'en')).toBe('2.5 s');
    expect(rate(0.333, 'en')).toBe('0.33');
    expect(rate(1234.5, 'en')).toBe('1,235');
    expect(whole(1_234_567, 'en')).toBe('1,234,567');
    expect(percent(0.123, 'en', 1)).toBe('12.3%');
    expect(compact(12_000, 'zh-CN')).toBe('1.2万');
  });
});

describe('times', () => {
  it('keep digits below the millisecond and leave what is no date alone', () => {
    expect(cell('2026-11-24T10:30:00.123456789Z', 'utc')).toBe('2026-11-24 10:30:00.123456789');
    expect(cell('2026-11-24T10:30:00Z', 'utc')).toBe('2026-11-24 10:30:00.000');
    expect(cell(1764000000000, 'utc')).toBe('2025-11-24 16:00:00.000');
    expect(cell('yesterday-ish', 'utc')).toBe('yesterday-ish');
  });

  it('are short on an axis and name the day at midnight', () => {
    const midnight = Date.UTC(2026, 10, 24);
    expect(tickLabel(midnight, 3_600_000, 'utc')).toBe('11-24');
    expect(tickLabel(midnight + 3_600_000, 3_600_000, 'utc')).toBe('01:00');
    expect(tickLabel(midnight, 86_400_000, 'utc')).toBe('11-24');
    expect(tickLabel(midnight + 1_000, 1_000, 'utc')).toBe('00:00:01');
    expect(full(Number.NaN, 'utc')).toBe('');
  });

  it('tell how long ago in both languages', () => {
    expect(ago(null, 0, 'en', en)).toBe('never');
    expect(ago(0, 500, 'en', en)).toBe('now');
    expect(ago(0, 125_000, 'en', en)).toBe('2 min ago');
    expect(ago(0, 125_000, 'zh-CN', zhCN)).toBe('2 分钟前');
    expect(span(90_000_000, 'zh-CN')).toBe('1 天');
  });
});
