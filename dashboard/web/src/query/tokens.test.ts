import { describe, expect, it } from 'vitest';
import shared from '../../../server/testdata/kql-cases.json';
import { coloured, completionAt, tokens, writtenValue } from './tokens';

interface Case {
  query: string;
  tokens?: [string, number, number][];
  dsl?: unknown;
  fault?: { code: string; start: number; end: number };
}

const cases = shared.cases as Case[];

describe('the tokeniser', () => {
  it('agrees with the server on every shared case', () => {
    for (const { query, tokens: expected } of cases) {
      if (!expected) continue;
      expect(tokens(query).map((token) => [token.kind, token.start, token.end]), query).toEqual(expected);
    }
  });

  it('marks what cannot be read, where the server says so', () => {
    for (const { query, fault } of cases) {
      if (fault?.code !== 'unclosed_quote' && fault?.code !== 'nested') continue;
      const marked = tokens(query).find((token) => token.kind === 'fault');
      expect([marked?.start, marked?.end], query).toEqual([fault.start, fault.end]);
    }
  });

  it('takes any text and covers all of it but white space', () => {
    for (const { query } of cases) {
      for (let end = 0; end <= query.length; end += 1) {
        const text = query.slice(0, end);
        let rest = text;
        for (const token of tokens(text).reverse()) {
          expect(token.end).toBeGreaterThan(token.start);
          rest = rest.slice(0, token.start) + rest.slice(token.end);
        }
        expect(rest.trim(), text).toBe('');
      }
    }
  });

  it('tells fields and wildcards apart for colours', () => {
    expect(coloured('host.name:web-* and x\\*').map((token) => token.kind)).toEqual(['field', 'colon', 'wildcard', 'operator', 'word']);
  });
});

describe('completion', () => {
  const at = (marked: string) => {
    const caret = marked.indexOf('|');
    return completionAt(marked.replace('|', ''), caret);
  };

  it('offers fields where a field may stand', () => {
    expect(at('ho|')).toMatchObject({ kind: 'field', prefix: 'ho', start: 0, end: 2 });
    expect(at('a:b and ho|')).toMatchObject({ kind: 'field', prefix: 'ho' });
    expect(at('(ho|')).toMatchObject({ kind: 'field', prefix: 'ho' });
    expect(at('ho|st')).toMatchObject({ kind: 'field', start: 0, end: 4, prefix: 'ho' });
  });

  it('offers values behind a field, also in quotes and in parentheses', () => {
    expect(at('log.level:|')).toMatchObject({ kind: 'value', field: 'log.level', prefix: '' });
    expect(at('log.level:er|')).toMatchObject({ kind: 'value', field: 'log.level', prefix: 'er', start: 10 });
    expect(at('log.level:"er|')).toMatchObject({ kind: 'value', field: 'log.level', prefix: 'er' });
    expect(at('log.level:(error or w|')).toMatchObject({ kind: 'value', field: 'log.level', prefix: 'w' });
  });

  it('works while the rest of the query is broken', () => {
    expect(at('(((a and log.level:er|')).toMatchObject({ kind: 'value', field: 'log.level', prefix: 'er' });
  });
});

describe('a completed value', () => {
  it('is quoted when it would be read as something else', () => {
    for (const [value, written] of [
      ['error', 'error'],
      ['a b', '"a b"'],
      ['and', '"and"'],
      ['a:b', '"a:b"'],
      ['say "hi"', '"say \\"hi\\""'],
      ['C:\\x', '"C:\\\\x"'],
      ['*', '"*"'],
    ] as const) {
      expect(writtenValue(value)).toBe(written);
      const read = tokens(writtenValue(value));
      expect(read).toHaveLength(1);
    }
  });
});
