// Nothing matches: what was looked for, and ways to find something.

import { Empty } from '../components/parts';
import { full, short } from '../format/time';
import { useLanguage, useMessages } from '../i18n';
import type { Zone } from '../state/prefs';
import type { Range } from '../time/range';
import { written } from '../time/range';
import type { ExploreState } from './url';

interface Props {
  state: ExploreState;
  range: Range;
  nearest: { before: number | null; after: number | null } | null;
  zone: Zone;
  onChange: (change: Partial<ExploreState>) => void;
}

export function NoHits({ state, range, nearest, zone, onChange }: Props) {
  const m = useMessages();
  const language = useLanguage();
  const span = Math.max(range.to - range.from, 60_000);
  const around = (at: number) => onChange({ from: written(at - span / 2), to: written(at + span / 2) });
  const before = nearest?.before ?? null;
  const after = nearest?.after ?? null;
  return (
    <Empty title={m.explore.noHits} hint={m.explore.noHitsRange(full(range.from, zone).slice(0, 19), full(range.to, zone).slice(0, 19))}>
      {before !== null && (
        <button type="button" className="text-button" onClick={() => around(before)}>
          {m.explore.nearestBefore(short(before, language, zone))}
        </button>
      )}
      {after !== null && (
        <button type="button" className="text-button" onClick={() => around(after)}>
          {m.explore.nearestAfter(short(after, language, zone))}
        </button>
      )}
      {state.q !== '' && (
        <button type="button" className="text-button" onClick={() => onChange({ q: '' })}>
          {m.explore.withoutQuery}
        </button>
      )}
      {state.filters.length > 0 && (
        <button type="button" className="text-button" onClick={() => onChange({ filters: [] })}>
          {m.explore.withoutFilters}
        </button>
      )}
      {before === null && after === null && <span>{m.explore.nothingAtAll}</span>}
    </Empty>
  );
}
