import { afterEach, describe, expect, it } from 'vitest';
import shared from '../../../server/testdata/kql-cases.json';
import { language, messages, setLanguage } from '.';
import { en } from './en';
import { zhCN } from './zh-CN';

function leaves(value: unknown, path = ''): Map<string, unknown> {
  if (typeof value !== 'object' || value === null) return new Map([[path, value]]);
  return new Map(Object.entries(value).flatMap(([key, inner]) => [...leaves(inner, path ? `${path}.${key}` : key)]));
}

/** What a text says, whatever it takes. */
const said = (value: unknown): string => String(typeof value === 'function' ? value('①', '②', '③') : value);

describe('languages', () => {
  afterEach(() => setLanguage('en'));

  it('have the same texts of the same kind', () => {
    const english = leaves(en);
    const chinese = leaves(zhCN);
    expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort());
    for (const [key, value] of english) expect(typeof chinese.get(key), key).toBe(typeof value);
  });

  it('are translated: no Chinese text is the English one', () => {
    const names = new Set(['app.name', 'home.cpu', 'time.utc', 'document.json']);
    const chinese = leaves(zhCN);
    for (const [key, value] of leaves(en)) if (!names.has(key)) expect(said(chinese.get(key)), key).not.toBe(said(value));
  });

  it('say everything that they are told', () => {
    for (const texts of [leaves(en), leaves(zhCN)]) {
      for (const [key, value] of texts) {
        if (typeof value !== 'function' || value.length === 0 || key.startsWith('time.units')) continue;
        if (typeof value('①', '②', '③') !== 'string') continue;
        expect(said(value), key).toContain('①');
      }
    }
  });

  it('have a sentence for every fault that the server names', () => {
    const codes = new Set(shared.cases.flatMap((one) => ('fault' in one && one.fault ? [one.fault.code] : [])));
    for (const code of codes) expect(Object.keys(en.query), code).toContain(code);
  });

  it('change without a reload', async () => {
    await setLanguage('zh-CN');
    expect(language()).toBe('zh-CN');
    expect(messages().nav.home).toBe('首页');
    expect(document.documentElement.lang).toBe('zh-CN');
  });
});
