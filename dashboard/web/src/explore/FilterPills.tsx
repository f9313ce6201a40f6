// The filters beside the query: a click turns one around, the cross removes it.

import type { Filter } from '../api/types';
import { useMessages } from '../i18n';

export function FilterPills({ filters, onChange }: { filters: Filter[]; onChange: (filters: Filter[]) => void }) {
  const m = useMessages();
  if (filters.length === 0) return null;
  const replaced = (at: number, filter: Filter | null) => filters.flatMap((one, index) => (index === at ? (filter ? [filter] : []) : [one]));
  return (
    <div className="pills" role="group" aria-label={m.explore.filters}>
      {filters.map((filter, at) => {
        const text = `${filter.field}: ${filter.values.length === 0 ? m.explore.filterExists : filter.values.join(' | ')}`;
        return (
          <span key={`${filter.field} ${filter.values.join(' ')}`} className={`pill${filter.negate ? ' negated' : ''}`}>
            <button type="button" title={m.explore.filterInvert} onClick={() => onChange(replaced(at, { ...filter, negate: !filter.negate }))}>
              {filter.negate && <span className="not">{m.explore.filterNot} </span>}
              {text}
            </button>
            <button type="button" aria-label={`${m.explore.filterRemove}: ${text}`} title={m.explore.filterRemove} onClick={() => onChange(replaced(at, null))}>
              ✕
            </button>
          </span>
        );
      })}
      {filters.length > 1 && (
        <button type="button" className="link-button" onClick={() => onChange([])}>
          {m.explore.filtersClear}
        </button>
      )}
    </div>
  );
}
