// The icons, 18 × 18, drawn with the colour of the text.

import type { ReactNode } from 'react';

const icon = (children: ReactNode, size = 18) => (
  <svg width={size} height={size} viewBox="0 0 18 18" fill="none" stroke="currentColor" strokeWidth="1.500" strokeLinecap="round" strokeLinejoin="round" aria-hidden="true">
    {children}
  </svg>
);

export const HomeIcon = () => icon(<path d="M2.500 8 9 2.500 15.500 8M4.500 7v8h9V7M7.500 15v-4h3v4" />, 20);
export const ExploreIcon = () => icon(<><circle cx="8" cy="8" r="5" /><path d="m12 12 4 4M6 7h4M6 9.500h2.500" /></>, 20);
export const SunIcon = () => icon(<><circle cx="9" cy="9" r="3" /><path d="M9 1.500v2M9 14.500v2M1.500 9h2M14.500 9h2M3.700 3.700l1.400 1.400M12.900 12.900l1.400 1.400M3.700 14.300l1.400-1.400M12.900 5.100l1.400-1.400" /></>, 20);
export const MoonIcon = () => icon(<path d="M14.500 11A6 6 0 0 1 7 3.500a6 6 0 1 0 7.500 7.500Z" />, 20);
export const LanguageIcon = () => icon(<path d="M2 4h7M5.500 2.500V4M8 4c-.7 3-2.700 5.200-5.500 6.500M4 6.500c1 1.800 2.300 3 4 3.800M8.500 15.500 12 7.500l3.500 8M9.700 13h4.600" />, 20);
export const KeysIcon = () => icon(<><rect x="1.500" y="4.500" width="15" height="9" rx="1.500" /><path d="M4.500 7.500h.01M7.500 7.500h.01M10.500 7.500h.01M13.500 7.500h.01M5.500 10.500h7" /></>, 20);
export const RefreshIcon = () => icon(<path d="M14.500 7A6 6 0 0 0 3.600 6M3.500 11a6 6 0 0 0 10.900 1M14.500 3v4h-4M3.500 15v-4h4" />, 16);
export const ClockIcon = () => icon(<><circle cx="9" cy="9" r="6.500" /><path d="M9 5v4l2.500 2" /></>, 16);
export const CloseIcon = () => icon(<path d="m5 5 8 8M13 5l-8 8" />, 16);
export const LeftIcon = () => icon(<path d="M11 4 6 9l5 5" />, 16);
export const RightIcon = () => icon(<path d="m7 4 5 5-5 5" />, 16);
export const UpIcon = () => icon(<path d="m4 11 5-5 5 5" />, 16);
export const DownIcon = () => icon(<path d="m4 7 5 5 5-5" />, 16);
export const OutIcon = () => icon(<><circle cx="8" cy="8" r="5" /><path d="m12 12 4 4M6 8h4" /></>, 16);
export const PlusIcon = () => icon(<path d="M9 4v10M4 9h10" />, 14);
export const MinusIcon = () => icon(<path d="M4 9h10" />, 14);
export const ColumnIcon = () => icon(<path d="M3 3.500h12v11H3zM7 3.500v11M11 3.500v11" />, 14);
export const CopyIcon = () => icon(<path d="M6.500 6.500h8v8h-8zM11.500 6.500v-3h-8v8h3" />, 14);
export const CaretIcon = () => icon(<path d="m5 7 4 4 4-4" />, 12);
export const RunIcon = () => icon(<path d="M4 9h9M9 5l4 4-4 4" />, 16);
export const SideIcon = () => icon(<path d="M2.500 3.500h13v11h-13zM7 3.500v11" />, 16);
