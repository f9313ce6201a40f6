// The texts of the language in force. Changing it loads that language and draws the page again, without a reload.

import { useSyncExternalStore } from 'react';
import { en, type Messages } from './en';

export type { Messages } from './en';
export type Language = 'en' | 'zh-CN';

export const LANGUAGES: { code: Language; name: string }[] = [
  { code: 'en', name: 'English' },
  { code: 'zh-CN', name: '简体中文' },
];

const loaded = new Map<Language, Messages>([['en', en]]);
const listeners = new Set<() => void>();
let current: Language = 'en';

export async function setLanguage(language: Language): Promise<void> {
  if (!loaded.has(language)) {
    const { zhCN } = await import('./zh-CN');
    loaded.set('zh-CN', zhCN);
  }
  current = language;
  document.documentElement.lang = language;
  for (const listener of listeners) listener();
}

export const language = (): Language => current;
export const messages = (): Messages => loaded.get(current) ?? en;

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** The texts; the component draws again when the language changes. */
export const useMessages = (): Messages => useSyncExternalStore(subscribe, messages);
export const useLanguage = (): Language => useSyncExternalStore(subscribe, language);
