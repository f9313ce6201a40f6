// Explore's state is its address: readable, defaults left out, what cannot be read is dropped and named.
//
//   /explore?src=logs-*&q=log.level:error&from=now-1h&to=now&f=host.name:web-1,!status:(500|503),user.name:*
//           &cols=@timestamp,message&sort=-@timestamp&doc=<index>/<id>

import type { Filter, Sort } from '../api/types';
import { DEFAULT_FROM, DEFAULT_TO } from '../time/range';

export interface ExploreState {
  src: string;
  q: string;
  from: string;
  to: string;
  filters: Filter[];
  cols: string[];
  sort: Sort | null;
  doc: { index: string; id: string } | null;
}

export type RawSearch = Record<string, string>;

export const EMPTY: ExploreState = { src: '', q: '', from: DEFAULT_FROM, to: DEFAULT_TO, filters: [], cols: [], sort: null, doc: null };

/** Characters with a meaning in our lists are written as %XX of their own, so that any value survives. */
const escapePart = (text: string): string => text.replace(/[%,|()!*:]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
const unescapePart = (text: string): string => text.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));

export function writeFilters(filters: Filter[]): string {
  return filters
    .map((filter) => {
      const values = filter.values.map((value) => escapePart(value) || '%00');
      const value = values.length === 0 ? '*' : values.length === 1 ? values[0] : `(${values.join('|')})`;
      return `${filter.negate ? '!' : ''}${escapePart(filter.field)}:${value}`;
    })
    .join(',');
}

export function readFilters(text: string): { filters: Filter[]; bad: string[] } {
  const filters: Filter[] = [];
  const bad: string[] = [];
  for (const part of text.split(',').filter(Boolean)) {
    const shape = /^(!?)([^:]+):(.+)$/.exec(part);
    if (!shape) {
      bad.push(part);
      continue;
    }
    const [, not, field = '', value = ''] = shape;
    const inner = /^\((.*)\)$/.exec(value)?.[1];
    const values = value === '*' ? [] : (inner ?? value).split(inner === undefined ? '\u0000' : '|').map((one) => unescapePart(one).replace(/^\u0000$/, ''));
    filters.push({ field: unescapePart(field), values, negate: not === '!' });
  }
  return { filters, bad };
}

/** Reads an address. Parts that cannot be read are left out and named. */
export function decode(raw: RawSearch): { state: ExploreState; bad: string[] } {
  const { filters, bad } = readFilters(raw.f ?? '');
  const known = new Set(['src', 'q', 'from', 'to', 'f', 'cols', 'sort', 'doc']);
  bad.push(...Object.keys(raw).filter((key) => !known.has(key)));
  const slash = raw.doc?.indexOf('/') ?? -1;
  if (raw.doc && slash < 1) bad.push('doc');
  const sort = raw.sort?.replace(/^-/, '');
  return {
    state: {
      src: raw.src ?? '',
      q: raw.q ?? '',
      from: raw.from || DEFAULT_FROM,
      to: raw.to || DEFAULT_TO,
      filters,
      cols: (raw.cols ?? '').split(',').filter(Boolean).map(unescapePart),
      sort: sort ? { field: sort, descending: raw.sort?.startsWith('-') ?? false } : null,
      doc: raw.doc && slash > 0 ? { index: raw.doc.slice(0, slash), id: raw.doc.slice(slash + 1) } : null,
    },
    bad,
  };
}

/** Writes an address; what is as by default is left out. */
export function encode(state: ExploreState): RawSearch {
  const raw: RawSearch = {};
  if (state.src) raw.src = state.src;
  if (state.q) raw.q = state.q;
  if (state.from !== DEFAULT_FROM) raw.from = state.from;
  if (state.to !== DEFAULT_TO) raw.to = state.to;
  if (state.filters.length > 0) raw.f = writeFilters(state.filters);
  if (state.cols.length > 0) raw.cols = state.cols.map(escapePart).join(',');
  if (state.sort && !(state.sort.field === '@timestamp' && state.sort.descending)) raw.sort = (state.sort.descending ? '-' : '') + state.sort.field;
  if (state.doc) raw.doc = `${state.doc.index}/${state.doc.id}`;
  return raw;
}

/** The part of an address after `?`, with the characters left readable that need no escape there. */
export function stringify(raw: Record<string, unknown>): string {
  const pairs = Object.entries(raw).filter(([, value]) => value !== undefined && value !== '');
  if (pairs.length === 0) return '';
  const readable = (text: string) => encodeURIComponent(text).replace(/%(3A|2C|40|2F|7C|28|29|21|2A|24|3B)/gi, (hex) => decodeURIComponent(hex));
  return `?${pairs.map(([key, value]) => `${readable(key)}=${readable(String(value))}`).join('&')}`;
}

export function parse(text: string): RawSearch {
  return Object.fromEntries(new URLSearchParams(text));
}

/** Adds a filter, or turns one around that says the opposite, instead of doubling it. */
export function withFilter(filters: Filter[], field: string, values: string[], negate: boolean): Filter[] {
  const same = (filter: Filter) => filter.field === field && filter.values.join('\u0000') === values.join('\u0000');
  return [...filters.filter((filter) => !same(filter)), { field, values, negate }];
}
