import { describe, expect, it } from 'vitest';
import { decode, EMPTY, encode, type ExploreState, parse, readFilters, stringify, withFilter, writeFilters } from './url';

/** A small repeatable generator, so that a failure can be seen again. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

const ALPHABET = ['a', 'b', '.', ',', '|', '(', ')', '!', '*', ':', '%', '/', ' ', '"', '\\', '&', '=', '?', '#', '+', '产', '😀', '-', '_', '2', 'C'];

function state(random: () => number): ExploreState {
  const text = (most: number, least = 0) => Array.from({ length: least + Math.floor(random() * most) }, () => ALPHABET[Math.floor(random() * ALPHABET.length)]).join('');
  const list = <T>(most: number, make: () => T) => Array.from({ length: Math.floor(random() * most) }, make);
  return {
    src: text(8),
    q: text(12),
    from: random() < 0.5 ? 'now-15m' : '2026-11-24T10:30:00.000Z',
    to: random() < 0.5 ? 'now' : 'now/d',
    filters: list(3, () => ({ field: text(6, 1), values: list(3, () => text(6)), negate: random() < 0.5 })),
    cols: list(3, () => text(6, 1)),
    sort: random() < 0.5 ? null : { field: `f${text(5).replace(/^-/, '')}`, descending: random() < 0.5 },
    doc: random() < 0.5 ? null : { index: 'logs-a', id: text(8, 1) },
  };
}

describe('the address', () => {
  it('gives back every state that was written into it', () => {
    const random = generator(7);
    for (let round = 0; round < 3_000; round += 1) {
      const wanted = state(random);
      const read = decode(parse(stringify(encode(wanted))));
      expect(read.state, `round ${round}`).toEqual(wanted);
      expect(read.bad).toEqual([]);
    }
  });

  it('leaves defaults out', () => {
    expect(stringify(encode(EMPTY))).toBe('');
  });

  it('can be read by people', () => {
    const text = stringify(
      encode({
        ...EMPTY,
        src: 'logs-*',
        q: 'log.level:error and host.name:web-1',
        filters: [
          { field: 'host.name', values: ['web-1'], negate: false },
          { field: 'status', values: ['500', '503'], negate: true },
          { field: 'user.name', values: [], negate: false },
        ],
        cols: ['@timestamp', 'message'],
        sort: { field: 'status', descending: true },
      }),
    );
    expect(text).toBe('?src=logs-*&q=log.level:error%20and%20host.name:web-1&f=host.name:web-1,!status:(500|503),user.name:*&cols=@timestamp,message&sort=-status');
  });

  it('drops only what cannot be read, and names it', () => {
    const { state: read, bad } = decode(parse('?src=logs-*&f=nonsense,host.name:a&colour=red&doc=noslash'));
    expect(read.src).toBe('logs-*');
    expect(read.filters).toEqual([{ field: 'host.name', values: ['a'], negate: false }]);
    expect(read.doc).toBeNull();
    expect(bad.sort()).toEqual(['colour', 'doc', 'nonsense']);
  });
});

describe('filters', () => {
  it('survive empty values and values that look like lists', () => {
    const filters = [{ field: 'a', values: ['', 'x|y', '(z)', '*', '%2C'], negate: true }];
    expect(readFilters(writeFilters(filters))).toEqual({ filters, bad: [] });
  });

  it('replace their opposite', () => {
    const once = withFilter([], 'a', ['1'], false);
    expect(withFilter(once, 'a', ['1'], true)).toEqual([{ field: 'a', values: ['1'], negate: true }]);
    expect(withFilter(once, 'a', ['2'], false)).toHaveLength(2);
  });
});
