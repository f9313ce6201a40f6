// Documents over time, stacked by level, worst at the bottom. Dragging over it looks closer.

import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import type { HistogramFrame } from '../api/types';
import { seriesColour, stackOrder } from '../components/levels';
import { whole } from '../format/number';
import { full, tickLabel } from '../format/time';
import { useLanguage, useMessages } from '../i18n';
import type { Zone } from '../state/prefs';
import type { Range } from '../time/range';

interface Props {
  data: HistogramFrame;
  range: Range;
  zone: Zone;
  stale: boolean;
  onZoom: (range: Range) => void;
}

interface Stack {
  names: string[];
  counts: number[][];
  /** Times, then the sums from the ground up, tallest first, as they are painted over one another. */
  plot: uPlot.AlignedData;
}

function stack(data: HistogramFrame): Stack {
  const names = stackOrder(data.series.map((series) => series.name));
  const counts = names.map((name) => data.series.find((series) => series.name === name)?.counts ?? []);
  const sums: number[][] = [];
  let below: number[] = data.keys.map(() => 0);
  for (const one of counts) {
    below = below.map((sum, at) => sum + (one[at] ?? 0));
    sums.push(below);
  }
  return { names, counts, plot: [data.keys.map((key) => key / 1000), ...sums.reverse()] };
}

export function Histogram({ data, range, zone, stale, onZoom }: Props) {
  const m = useMessages();
  const language = useLanguage();
  const dark = useComputedColorScheme() === 'dark';
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const [hovered, setHovered] = useState<number | null>(null);
  const stacked = useMemo(() => stack(data), [data]);
  const latest = useRef({ range, onZoom, step: data.step ?? 1 });
  latest.current = { range, onZoom, step: data.step ?? 1 };

  // A new chart only when its series, colours or language change; new figures reuse it.
  const shape = `${stacked.names.join('\u0000')} ${dark} ${zone} ${language}`;
  useEffect(() => {
    const at = host.current;
    if (!at) return;
    const muted = dark ? '#98a5b3' : '#5b6877';
    const line = dark ? '#2a323b' : '#e1e6ec';
    const fills = [...stacked.names].reverse().map((name) => seriesColour(name, dark));
    const plot = new uPlot(
      {
        width: at.clientWidth || 600,
        height: 108,
        padding: [4, 4, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
        scales: {
          x: { time: true, range: () => [latest.current.range.from / 1000, latest.current.range.to / 1000] },
          y: { range: (_, __, most) => [0, Math.max(1, most)] },
        },
        axes: [
          { stroke: muted, grid: { show: false }, ticks: { stroke: line, size: 4 }, size: 22, font: '11px system-ui', space: 90, values: (_, ticks) => ticks.map((tick) => tickLabel(tick * 1000, ticks.length > 1 ? ((ticks[1] ?? 0) - (ticks[0] ?? 0)) * 1000 : 0, zone)) },
          { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { show: false }, size: 44, font: '11px system-ui', space: 28, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? Intl.NumberFormat(language, { notation: 'compact' }).format(tick) : '')) },
        ],
        series: [{}, ...fills.map((fill) => ({ fill, width: 0, points: { show: false }, paths: uPlot.paths.bars?.({ size: [0.86, 60], align: 1, gap: 0 }) }))],
        ...(zone === 'utc' ? { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC') } : {}),
        hooks: {
          setCursor: [(self) => setHovered(self.cursor.left !== undefined && self.cursor.left >= 0 ? bucketAt(self, latest.current.step) : null)],
          setSelect: [
            (self) => {
              if (self.select.width < 4) return;
              const from = self.posToVal(self.select.left, 'x') * 1000;
              const to = self.posToVal(self.select.left + self.select.width, 'x') * 1000;
              self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
              latest.current.onZoom({ from: Math.round(from), to: Math.round(to) });
            },
          ],
        },
      },
      stacked.plot,
      at,
    );
    chart.current = plot;
    const resizes = new ResizeObserver(() => plot.setSize({ width: at.clientWidth, height: 108 }));
    resizes.observe(at);
    return () => {
      resizes.disconnect();
      plot.destroy();
      chart.current = null;
    };
    // biome-ignore lint: the chart's shape is what makes a new one
  }, [shape]);

  useEffect(() => {
    chart.current?.setData(stacked.plot);
  }, [stacked, range.from, range.to]);

  const label = m.explore.histogramSum(whole(data.total, language), full(range.from, zone).slice(0, 19), full(range.to, zone).slice(0, 19));
  return (
    <div className={`histogram${stale ? ' stale' : ''}`} role="img" aria-label={label} title={hovered === null ? m.explore.histogramHint : undefined}>
      <div ref={host} />
      {hovered !== null && <Tip at={hovered} data={data} stacked={stacked} zone={zone} dark={dark} chart={chart.current} />}
    </div>
  );
}

function bucketAt(plot: uPlot, step: number): number | null {
  const time = plot.posToVal(plot.cursor.left ?? -1, 'x') * 1000;
  const keys = plot.data[0];
  for (let at = keys.length - 1; at >= 0; at -= 1) {
    const key = (keys[at] ?? 0) * 1000;
    if (key <= time) return time < key + step ? at : null;
  }
  return null;
}

function Tip({ at, data, stacked, zone, dark, chart }: { at: number; data: HistogramFrame; stacked: Stack; zone: Zone; dark: boolean; chart: uPlot | null }) {
  const m = useMessages();
  const language = useLanguage();
  const key = data.keys[at];
  if (key === undefined || !chart) return null;
  const x = chart.valToPos(key / 1000, 'x') + 44;
  const flip = x > chart.width - 220;
  const parts = stacked.names.map((name, index) => ({ name, count: stacked.counts[index]?.[at] ?? 0 })).filter((part) => part.count > 0);
  return (
    <div className="tip" style={flip ? { right: chart.width - x + 12 } : { left: x + 18 }}>
      <div className="mono">{full(key, zone).slice(0, 19)}</div>
      {parts.reverse().map((part) => (
        <div key={part.name} className="row" style={{ gap: 6 }}>
          <span style={{ width: 8, height: 8, borderRadius: 2, background: seriesColour(part.name, dark) }} />
          <span style={{ flex: 1 }}>{part.name || (data.by ? m.explore.noLevel : m.home.received)}</span>
          <span>{whole(part.count, language)}</span>
        </div>
      ))}
      {parts.length === 0 && <div className="muted">0</div>}
    </div>
  );
}
