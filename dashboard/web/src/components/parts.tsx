// Small parts that both pages use.

import type { ReactNode } from 'react';
import { useMessages } from '../i18n';
import { glyph, levelOf } from './levels';

/** A level with its letter, so that colour is never all there is. */
export function LevelTag({ level }: { level: string }) {
  const known = levelOf(level);
  if (!known) return <span className="muted">{level}</span>;
  return (
    <span className={`level level-${known}`} data-glyph={glyph(known)}>
      {level}
    </span>
  );
}

/** Bars of a small chart; what they say stands beside them as text. */
export function SparkBars({ values }: { values: number[] }) {
  const most = Math.max(1, ...values);
  return (
    <svg className="spark" viewBox={`0 0 ${values.length * 4} 20`} preserveAspectRatio="none" aria-hidden="true">
      {values.map((value, at) => {
        const height = value === 0 ? 0 : Math.max(1.5, (value / most) * 20);
        return <rect key={at} x={at * 4 + 0.4} y={20 - height} width={3.2} height={height} />;
      })}
    </svg>
  );
}

/** A line of a small chart; gaps are left open. */
export function SparkLine({ values, most }: { values: (number | null)[]; most?: number }) {
  const top = Math.max(most ?? 0, ...values.map((value) => value ?? 0)) || 1;
  const width = Math.max(1, values.length - 1);
  const points = values.flatMap((value, at) => (value === null ? [] : [[at, 19 - (Math.min(value, top) / top) * 17] as const]));
  const path = points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${x} ${y.toFixed(2)}`).join('');
  const first = points[0];
  const last = points[points.length - 1];
  return (
    <svg className="spark" viewBox={`0 0 ${width} 20`} preserveAspectRatio="none" aria-hidden="true">
      {first && last && <path className="area" d={`${path}L${last[0]} 20L${first[0]} 20Z`} />}
      <path className="line" d={path} />
    </svg>
  );
}

export function Bar({ share, plain }: { share: number; plain?: boolean }) {
  const heat = plain ? '' : share >= 0.9 ? ' hot' : share >= 0.75 ? ' warm' : '';
  return (
    <div className={`bar${heat}`} aria-hidden="true">
      <span style={{ width: `${Math.min(100, Math.max(0, share * 100))}%` }} />
    </div>
  );
}

export function Empty({ title, hint, children, fault }: { title: string; hint?: string; children?: ReactNode; fault?: boolean }) {
  return (
    <div className="empty" role={fault ? 'alert' : undefined}>
      <strong className={fault ? 'fault' : ''}>{title}</strong>
      {hint && <span>{hint}</span>}
      {children && <div className="actions">{children}</div>}
    </div>
  );
}

export function Waiting() {
  const m = useMessages();
  return (
    <div className="empty" role="status">
      {m.common.loading}…
    </div>
  );
}
