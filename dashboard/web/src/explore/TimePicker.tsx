// The time range: quick, relative, absolute; its zone; earlier, later, wider; and refreshing by itself.

import { Popover, SegmentedControl } from '@mantine/core';
import { useEffect, useState } from 'react';
import { CaretIcon, ClockIcon, LeftIcon, OutIcon, RefreshIcon, RightIcon } from '../components/icons';
import { short, zoneName } from '../format/time';
import { type Messages, useLanguage, useMessages } from '../i18n';
import { setPref, usePrefs, type Zone } from '../state/prefs';
import { isRelative, lastOf, moment, moved, QUICK, type Range, resolve, written, zoomedOut } from '../time/range';

export type Units = 's' | 'm' | 'h' | 'd' | 'w' | 'M' | 'y';

interface Props {
  from: string;
  to: string;
  range: Range | null;
  opened: boolean;
  onOpened: (opened: boolean) => void;
  onChange: (from: string, to: string) => void;
  onRefresh: () => void;
  every: number;
  onEvery: (seconds: number) => void;
}

/** The range in words: "Last 15 minutes", "Today", or its two ends. */
export function rangeName(from: string, to: string, m: Messages, ends: () => string): string {
  const last = lastOf(from, to);
  if (last) return m.time.last(last.amount, m.time.units[last.unit as Units](last.amount));
  const quick = QUICK.find((one) => one.from === from && one.to === to);
  return quick?.label ? m.time[quick.label] : ends();
}

export function TimePicker(props: Props) {
  const { from, to, range, opened, onOpened, onChange, onRefresh, every, onEvery } = props;
  const m = useMessages();
  const language = useLanguage();
  const { zone } = usePrefs();
  const [tab, setTab] = useState<'quick' | 'relative' | 'absolute'>('quick');
  const name = rangeName(from, to, m, () => (range ? `${short(range.from, language, zone)} – ${short(range.to, language, zone)}` : `${from} – ${to}`));
  const set = (next: Range) => onChange(written(next.from), written(next.to));
  const apply = (nextFrom: string, nextTo: string) => {
    onOpened(false);
    onChange(nextFrom, nextTo);
  };
  return (
    <div className="row time-row">
      <button type="button" className="icon-button" aria-label={m.time.earlier} title={`${m.time.earlier}  [`} disabled={!range} onClick={() => range && set(moved(range, -1))}>
        <LeftIcon />
      </button>
      <Popover opened={opened} onChange={onOpened} position="bottom-end" trapFocus>
        <Popover.Target>
          <button type="button" className="field-box time-box" aria-label={`${m.time.label}: ${name}`} title={name} aria-haspopup="dialog" onClick={() => onOpened(!opened)}>
            <ClockIcon />
            <span className="cut">{name}</span>
            <CaretIcon />
          </button>
        </Popover.Target>
        <Popover.Dropdown p={10}>
          <div className="time-panel">
            <SegmentedControl
              fullWidth
              size="xs"
              mb={8}
              value={tab}
              aria-label={m.time.label}
              onChange={(value) => setTab(value as typeof tab)}
              data={[
                { value: 'quick', label: m.time.quick },
                { value: 'relative', label: m.time.relative },
                { value: 'absolute', label: m.time.absolute },
              ]}
            />
            {tab === 'quick' && (
              <div className="quick">
                {QUICK.map((one) => (
                  <button key={one.from} type="button" aria-pressed={one.from === from && one.to === to} onClick={() => apply(one.from, one.to)}>
                    {rangeName(one.from, one.to, m, () => '')}
                  </button>
                ))}
              </div>
            )}
            {tab === 'relative' && <Relative from={from} to={to} onApply={apply} />}
            {tab === 'absolute' && <Absolute range={range} from={from} to={to} zone={zone} onApply={apply} />}
            <div className="row" style={{ marginTop: 10, justifyContent: 'space-between' }}>
              <label className="muted" htmlFor="auto-refresh" style={{ fontSize: 12 }}>
                {m.time.auto}
              </label>
              <select id="auto-refresh" value={every} onChange={(event) => onEvery(Number(event.target.value))}>
                <option value={0}>{m.time.off}</option>
                {[5, 10, 30, 60].map((seconds) => (
                  <option key={seconds} value={seconds}>
                    {seconds} s
                  </option>
                ))}
              </select>
            </div>
          </div>
        </Popover.Dropdown>
      </Popover>
      <button type="button" className="icon-button" aria-label={m.time.later} title={`${m.time.later}  ]`} disabled={!range} onClick={() => range && set(moved(range, 1))}>
        <RightIcon />
      </button>
      <button type="button" className="icon-button" aria-label={m.time.zoomOut} title={`${m.time.zoomOut}  -`} disabled={!range} onClick={() => range && set(zoomedOut(range))}>
        <OutIcon />
      </button>
      <SegmentedControl
        size="xs"
        value={zone}
        aria-label={m.time.zone}
        title={zoneName(zone, range?.to)}
        onChange={(value) => setPref('zone', value as Zone)}
        data={[
          { value: 'local', label: m.time.local },
          { value: 'utc', label: m.time.utc },
        ]}
      />
      <button type="button" className="field-box refresh" aria-label={m.common.refresh} title={`${m.common.refresh}  r`} onClick={onRefresh}>
        <RefreshIcon />
        {every > 0 && isRelative(from, to) && <span className="muted">{every} s</span>}
      </button>
    </div>
  );
}

function Relative({ from, to, onApply }: { from: string; to: string; onApply: (from: string, to: string) => void }) {
  const m = useMessages();
  const last = lastOf(from, to) ?? { amount: 15, unit: 'm' };
  const [amount, setAmount] = useState(last.amount);
  const [unit, setUnit] = useState(last.unit);
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        onApply(`now-${Math.max(1, Math.round(amount))}${unit}`, 'now');
      }}
    >
      <input className="find" type="number" min={1} max={10_000} value={amount} aria-label={m.time.relative} onChange={(event) => setAmount(Number(event.target.value))} />
      <select className="find" value={unit} aria-label={m.time.label} onChange={(event) => setUnit(event.target.value)}>
        {(Object.keys(m.time.units) as Units[]).map((one) => (
          <option key={one} value={one}>
            {m.time.units[one](2)}
          </option>
        ))}
      </select>
      <button type="submit" className="primary">
        {m.time.apply}
      </button>
    </form>
  );
}

function Absolute({ range, from, to, zone, onApply }: { range: Range | null; from: string; to: string; zone: Zone; onApply: (from: string, to: string) => void }) {
  const m = useMessages();
  const [start, setStart] = useState(from);
  const [end, setEnd] = useState(to);
  useEffect(() => {
    if (!range || isRelative(from, to)) return;
    setStart(from);
    setEnd(to);
  }, [from, to, range]);
  const now = Date.now();
  const readable = moment(start, now, zone) !== null && moment(end, now, zone) !== null;
  const forward = resolve(start, end, now, zone) !== null;
  const keep = (text: string) => {
    // What moves with the clock stays as written; a fixed time is kept in UTC, so that it means the same for everyone.
    const at = moment(text, now, zone);
    return text.trim().startsWith('now') || at === null ? text.trim() : written(at);
  };
  return (
    <form
      className="time-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (forward) onApply(keep(start), keep(end));
      }}
    >
      <label>
        {m.time.from}
        <input className="find" value={start} aria-invalid={moment(start, now, zone) === null} onChange={(event) => setStart(event.target.value)} />
      </label>
      <label>
        {m.time.to}
        <input className="find" value={end} aria-invalid={moment(end, now, zone) === null} onChange={(event) => setEnd(event.target.value)} />
      </label>
      <div className="muted" style={{ fontSize: 12 }}>
        {m.time.hint} · {zoneName(zone)}
      </div>
      <div className="row" style={{ justifyContent: 'space-between' }}>
        <span className="fault" role="status">
          {!readable ? m.time.unreadable : !forward ? m.time.backwards : ''}
        </span>
        <button type="submit" className="primary" disabled={!forward}>
          {m.time.apply}
        </button>
      </div>
    </form>
  );
}
