// The parts of the bars with their counts; a click keeps only that part.

import { useComputedColorScheme } from '@mantine/core';
import type { HistogramFrame } from '../api/types';
import { glyph, levelOf, seriesColour, stackOrder } from '../components/levels';
import { compact } from '../format/number';
import { useLanguage, useMessages } from '../i18n';

export function Legend({ data, onPick }: { data: HistogramFrame; onPick: (value: string) => void }) {
  const m = useMessages();
  const language = useLanguage();
  const dark = useComputedColorScheme() === 'dark';
  if (!data.by) return null;
  const sums = new Map(data.series.map((series) => [series.name, series.counts.reduce((sum, count) => sum + count, 0)]));
  return (
    <div className="legend" role="group" aria-label={data.by}>
      {stackOrder([...sums.keys()]).map((name) => {
        const level = levelOf(name);
        const text = name || m.explore.noLevel;
        return (
          <button key={name} type="button" disabled={name === ''} title={name ? m.explore.filterFor(name) : text} onClick={() => onPick(name)}>
            <span className="swatch" style={{ background: seriesColour(name, dark) }} />
            {level && <b>{glyph(level)}</b>} {text} <span className="muted">{compact(sums.get(name) ?? 0, language)}</span>
          </button>
        );
      })}
    </div>
  );
}
