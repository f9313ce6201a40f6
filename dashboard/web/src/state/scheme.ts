// Mantine's colour scheme, kept with the other preferences.

import type { MantineColorSchemeManager } from '@mantine/core';
import { getPrefs, setPref } from './prefs';

export const schemeManager: MantineColorSchemeManager = {
  get: () => getPrefs().theme,
  set: (value) => setPref('theme', value),
  subscribe: () => {},
  unsubscribe: () => {},
  clear: () => setPref('theme', 'auto'),
};
