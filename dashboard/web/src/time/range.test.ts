import { describe, expect, it } from 'vitest';
import { isRelative, lastOf, moment, moved, resolve, zoomedOut } from './range';

const NOW = Date.UTC(2026, 10, 24, 10, 30, 15, 123);
const at = (text: string, up = false) => {
  const millis = moment(text, NOW, 'utc', up);
  return millis === null ? null : new Date(millis).toISOString();
};

describe('a moment', () => {
  it('is read in every form that is offered', () => {
    for (const [text, expected] of [
      ['now', '2026-11-24T10:30:15.123Z'],
      ['now-15m', '2026-11-24T10:15:15.123Z'],
      ['now-1d/d', '2026-11-23T00:00:00.000Z'],
      ['now/w', '2026-11-23T00:00:00.000Z'],
      ['now-1M', '2026-10-24T10:30:15.123Z'],
      ['now-1h+30m', '2026-11-24T10:00:15.123Z'],
      ['2026-11-24', '2026-11-24T00:00:00.000Z'],
      ['2026-11-24 10:30', '2026-11-24T10:30:00.000Z'],
      ['2026-11-24T10:30:00Z', '2026-11-24T10:30:00.000Z'],
      ['2026-11-24T10:30:00.123456789+08:00', '2026-11-24T02:30:00.123Z'],
      ['1764000000', '2025-11-24T16:00:00.000Z'],
      ['1764000000000', '2025-11-24T16:00:00.000Z'],
      ['24/Nov/2026:10:30:00 +0000', '2026-11-24T10:30:00.000Z'],
      ['Tue, 24 Nov 2026 10:30:00 GMT', '2026-11-24T10:30:00.000Z'],
    ] as const) {
      expect(at(text), text).toBe(expected);
    }
  });

  it('is rounded up at the end of a range', () => {
    expect(at('now/d', true)).toBe('2026-11-24T23:59:59.999Z');
  });

  it('is nothing when it is no time', () => {
    for (const text of ['', 'soon', '2026-13-01', '2026-02-30', 'now-', 'now-5x', '25:00', '12']) expect(at(text), text).toBeNull();
  });
});

describe('a range', () => {
  it('ends after it starts, or is none', () => {
    expect(resolve('now-1h', 'now', NOW, 'utc')).toEqual({ from: NOW - 3_600_000, to: NOW });
    expect(resolve('now', 'now-1h', NOW, 'utc')).toBeNull();
    expect(resolve('x', 'now', NOW, 'utc')).toBeNull();
  });

  it('moves by its own length and widens around itself', () => {
    expect(moved({ from: 100, to: 200 }, -1)).toEqual({ from: 0, to: 100 });
    expect(zoomedOut({ from: 100, to: 200 })).toEqual({ from: 0, to: 300 });
  });

  it('knows whether it follows the clock', () => {
    expect(isRelative('now-15m', 'now')).toBe(true);
    expect(isRelative('2026-11-24T00:00:00Z', '2026-11-25T00:00:00Z')).toBe(false);
    expect(lastOf('now-15m', 'now')).toEqual({ amount: 15, unit: 'm' });
    expect(lastOf('now-1d/d', 'now')).toBeNull();
  });
});
