// What this browser prefers: colours, language, time zone, widths. Kept in local storage; works without it.

import { useSyncExternalStore } from 'react';
import type { Language } from '../i18n';

export type Theme = 'auto' | 'light' | 'dark';
export type Zone = 'local' | 'utc';

interface Prefs {
  theme: Theme;
  lang: Language;
  zone: Zone;
  fieldsOpen: 'yes' | 'no';
}

const read = (key: string): string | null => {
  try {
    return localStorage.getItem(`weir.${key}`);
  } catch {
    return null;
  }
};

const oneOf = <T extends string>(value: string | null, known: readonly T[], fallback: T): T =>
  known.includes(value as T) ? (value as T) : fallback;

const preferred: Language = /^zh/i.test(globalThis.navigator?.language ?? '') ? 'zh-CN' : 'en';

let prefs: Prefs = {
  theme: oneOf(read('theme'), ['auto', 'light', 'dark'], 'auto'),
  lang: oneOf(read('lang'), ['en', 'zh-CN'], preferred),
  zone: oneOf(read('zone'), ['local', 'utc'], 'local'),
  fieldsOpen: oneOf(read('fieldsOpen'), ['yes', 'no'], 'yes'),
};

const listeners = new Set<() => void>();

export function setPref<K extends keyof Prefs>(key: K, value: Prefs[K]): void {
  prefs = { ...prefs, [key]: value };
  try {
    localStorage.setItem(`weir.${key}`, value);
  } catch {
    // A browser that stores nothing keeps the choice until the page closes.
  }
  for (const listener of listeners) listener();
}

export const getPrefs = (): Prefs => prefs;

export const usePrefs = (): Prefs =>
  useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, getPrefs);
