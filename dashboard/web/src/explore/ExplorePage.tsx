// Explore: the address is the state; this page joins its parts and gives each what it needs.

import { useMediaQuery } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { type ApiFailure, get } from '../api/client';
import type { Field, FieldsAnswer, Scope, SourcesAnswer } from '../api/types';
import { SideIcon } from '../components/icons';
import { Empty, Waiting } from '../components/parts';
import { span } from '../format/time';
import { whole } from '../format/number';
import { useLanguage, useMessages } from '../i18n';
import { setPref, usePrefs } from '../state/prefs';
import { isRelative, moment, moved, resolve, WIDER, written, zoomedOut } from '../time/range';
import { FieldList } from './FieldList';
import { FilterPills } from './FilterPills';
import { Flyout } from './Flyout';
import { GridView } from './GridView';
import { Histogram } from './Histogram';
import { Legend } from './Legend';
import type { LogGrid } from './LogGrid';
import { NoHits } from './NoHits';
import { QueryBar } from './QueryBar';
import { ROWS_MAX } from './RowStore';
import { SourcePicker } from './SourcePicker';
import { rangeName, TimePicker } from './TimePicker';
import { decode, encode, type ExploreState, withFilter } from './url';
import { useExplore, type Wanted } from './useExplore';
import { useExploreKeys } from './useExploreKeys';

const NO_FIELDS: Field[] = [];
/** As in `explore.css`: a window this narrow has room for the fields or the documents, not for both. */
const NARROW = '(max-width: 600px)';

export function ExplorePage() {
  const m = useMessages();
  const language = useLanguage();
  const { zone, fieldsOpen } = usePrefs();
  const raw = useSearch({ from: '/explore' });
  const navigate = useNavigate();
  const { state, bad } = useMemo(() => decode(raw), [raw]);
  const [tick, setTick] = useState(0);
  const [every, setEvery] = useState(0);
  const [timeOpened, setTimeOpened] = useState(false);
  // In a narrow window the fields are opened for a moment, and the choice for wide ones is left alone.
  const narrow = useMediaQuery(NARROW, undefined, { getInitialValueInEffect: false }) ?? false;
  const [fieldsOver, setFieldsOver] = useState(false);
  const fieldsShown = narrow ? fieldsOver : fieldsOpen === 'yes';
  const toggleFields = () => (narrow ? setFieldsOver(!fieldsOver) : setPref('fieldsOpen', fieldsShown ? 'no' : 'yes'));
  const [widened, setWidened] = useState('');
  const grid = useRef<LogGrid | null>(null);

  const change = useCallback(
    (patch: Partial<ExploreState>, replace = false) => {
      void navigate({ to: '/explore', search: encode({ ...state, ...patch }), replace });
    },
    [navigate, state],
  );
  const refresh = useCallback(() => setTick((at) => at + 1), []);

  const sources = useQuery<SourcesAnswer, ApiFailure>({ queryKey: ['sources'], queryFn: ({ signal }) => get('/sources', {}, signal), refetchInterval: 30_000 });
  const source = state.src || firstSource(sources.data);
  const fields = useQuery<FieldsAnswer, ApiFailure>({
    queryKey: ['fields', source],
    queryFn: ({ signal }) => get('/fields', { source }, signal),
    enabled: source !== '',
    staleTime: 15_000,
  });
  const known = fields.data?.fields ?? NO_FIELDS;

  const wanted = useMemo<Wanted | null>(() => {
    const range = resolve(state.from, state.to, Date.now(), zone);
    if (source === '' || !range) return null;
    const scope: Scope = { source, query: state.q, filters: state.filters, ...range };
    const { sort, cols: columns } = state;
    const key = JSON.stringify([source, state.q, state.filters, state.from, state.to, columns, sort, tick]);
    return { key, scope, columns, sort };
    // biome-ignore lint: `tick` asks again with the clock of that moment
  }, [source, state.q, state.filters, state.from, state.to, state.cols, state.sort, zone, tick]);
  const { results, more, stop } = useExplore(wanted);
  const { rows, plan, histogram, range } = results;

  useAutoRefresh(every > 0 && isRelative(state.from, state.to) ? every : 0, results.loading, refresh);
  useEffect(() => {
    window.addEventListener('weir-node-back', refresh);
    return () => window.removeEventListener('weir-node-back', refresh);
  }, [refresh]);

  // Nothing in the default range: the shortest longer one that holds something, and the page says so.
  const before = results.nearest?.before ?? null;
  useEffect(() => {
    if (results.loading || raw.from !== undefined || rows?.length !== 0 || before === null) return;
    const wider = WIDER.find((from) => (moment(from, Date.now(), zone) ?? 0) <= before);
    if (!wider) return;
    setWidened(wider);
    change({ from: wider }, true);
  }, [results.loading, raw.from, rows, before, zone, change]);

  const columns = state.cols.length > 0 ? state.cols : (plan?.columns ?? []);
  const toggleColumn = (name: string) => {
    if (columns.includes(name)) return change({ cols: columns.filter((one) => one !== name) });
    const at = columns.indexOf('_summary');
    change({ cols: at < 0 ? [...columns, name] : columns.toSpliced(at, 0, name) });
  };
  const filter = (field: string, values: string[], negate: boolean) => change({ filters: withFilter(state.filters, field, values, negate), doc: null });
  const active = state.doc && rows ? rows.rowOf(state.doc.index, state.doc.id) : -1;
  const open = useCallback(
    (row: number) => {
      const id = rows?.ids[row];
      const index = rows?.indices[row];
      if (id !== undefined && index !== undefined) change({ doc: { index, id } }, state.doc !== null);
    },
    [rows, change, state.doc],
  );
  const move = (step: number) => {
    const at = (state.doc ? active : (grid.current?.activeRow ?? -1)) + step;
    if (!rows || at < 0 || at >= rows.length) return;
    if (state.doc) open(at);
    else grid.current?.setActive(at);
    if (at > rows.length - 50) more();
  };

  useExploreKeys({
    move,
    open: () => open(grid.current?.activeRow ?? -1),
    close: () => (state.doc ? change({ doc: null }) : results.loading && stop()),
    time: () => setTimeOpened(true),
    refresh,
    shift: (steps) => {
      if (!range) return;
      const next = moved(range, steps);
      change({ from: written(next.from), to: written(next.to) });
    },
    zoomOut: () => {
      if (!range) return;
      const next = zoomedOut(range);
      change({ from: written(next.from), to: written(next.to) });
    },
  });

  const sortable = useMemo(() => new Set(known.filter((field) => field.exact !== null).map((field) => field.name)), [known]);
  const canSort = useCallback((name: string) => sortable.has(name), [sortable]);
  const stale = results.loading && rows !== null;
  const badRange = resolve(state.from, state.to, Date.now(), zone) === null;

  return (
    <div className="explore">
      <h1 className="skip">{m.explore.title}</h1>
      <div className="topbar">
        <SourcePicker source={source} known={sources.data} onPick={(src) => change({ src, cols: [], sort: null, doc: null })} />
        <QueryBar
          query={state.q}
          fields={known}
          scope={wanted?.scope ?? null}
          fault={results.fault}
          onRun={(q) => (q === state.q ? refresh() : change({ q, doc: null }))}
        />
        <TimePicker
          from={state.from}
          to={state.to}
          range={wanted ? { from: wanted.scope.from, to: wanted.scope.to } : null}
          opened={timeOpened}
          onOpened={setTimeOpened}
          onChange={(from, to) => change({ from, to, doc: null })}
          onRefresh={refresh}
          every={every}
          onEvery={setEvery}
        />
      </div>
      <FilterPills filters={state.filters} onChange={(filters) => change({ filters, doc: null })} />
      {bad.length > 0 && <div className="notice" role="status">{m.explore.ignored(bad.join(', '))}</div>}
      {widened !== '' && widened === state.from && (
        <div className="notice" role="status">
          {m.explore.widened(rangeName(state.from, state.to, m, () => state.from))}
        </div>
      )}
      {badRange && <div className="notice" role="alert">{m.explore.badRange}: {state.from} – {state.to}</div>}
      {results.failure && results.failure.kind !== 'node_away' && results.failure.kind !== 'server_away' && (
        <div className="notice" role="alert">
          {m.explore.refused}: {results.failure.reason}
        </div>
      )}
      {rows?.cut && <div className="notice" role="status">{m.explore.cut}</div>}
      {rows?.full && <div className="notice" role="status">{m.explore.rowsMax(whole(ROWS_MAX, language))}</div>}
      <div className="explore-body">
        {fieldsShown && (
          <FieldList
            fields={known}
            cut={fields.data?.cut ?? false}
            columns={columns}
            scope={wanted?.scope ?? null}
            onColumn={toggleColumn}
            onFilter={filter}
            onClose={narrow ? toggleFields : null}
          />
        )}
        <div className="results">
          <div className={`progress${results.loading || results.loadingMore ? ' on' : ''}`} />
          <div className="chart-head">
            <button
              type="button"
              className="icon-button fields-toggle"
              aria-pressed={fieldsShown}
              aria-label={fieldsShown ? m.explore.fieldsHide : m.explore.fieldsShow}
              title={fieldsShown ? m.explore.fieldsHide : m.explore.fieldsShow}
              onClick={toggleFields}
            >
              <SideIcon />
            </button>
            <span className="hits" role="status" data-testid="hits">
              {histogram ? m.explore.hits(whole(histogram.total, language)) : ''}
            </span>
            {results.took !== null && !results.loading && <span className="muted">{m.explore.took(whole(results.took, language))}</span>}
            {results.loading && <Elapsed since={results.since} onStop={stop} />}
            {histogram && histogram.total > 0 && <Legend data={histogram} onPick={(value) => histogram.by && filter(histogram.by, [value], false)} />}
            <span className="grow" />
            {histogram?.step && histogram.total > 0 && <span className="muted per-step">{m.explore.perStep(span(histogram.step, language))}</span>}
          </div>
          {histogram && range && histogram.step !== null && histogram.total > 0 && (
            <Histogram data={histogram} range={range} zone={zone} stale={stale} onZoom={(next) => change({ from: written(next.from), to: written(next.to), doc: null })} />
          )}
          {sources.data && source === '' && <Empty title={m.explore.noSource} hint={m.explore.noSourceHint} />}
          {rows === null && results.loading && <Waiting />}
          {rows === null && !results.loading && results.stopped && (
            <Empty title={m.explore.stopped}>
              <button type="button" className="text-button" onClick={refresh}>
                {m.common.retry}
              </button>
            </Empty>
          )}
          {rows !== null && rows.length === 0 && range && <NoHits state={state} range={range} nearest={results.nearest ?? null} zone={zone} onChange={change} />}
          {rows !== null && rows.length > 0 && (
            <GridView
              rows={rows}
              pages={results.pages}
              active={active}
              sort={plan?.sort ?? null}
              canSort={canSort}
              zone={zone}
              stale={stale}
              gridRef={grid}
              onOpen={open}
              onMore={more}
              onSort={(field, descending) => change({ sort: { field, descending }, doc: null })}
              onRemove={toggleColumn}
              onFilter={(field, value, negate) => filter(field, [value], negate)}
            />
          )}
        </div>
        {state.doc && (
          <Flyout
            index={state.doc.index}
            id={state.doc.id}
            onClose={() => change({ doc: null })}
            onMove={active >= 0 ? move : null}
            onFilter={filter}
            onColumn={toggleColumn}
          />
        )}
      </div>
    </div>
  );
}

/** Logs if there are any, else what has most. */
function firstSource(sources: SourcesAnswer | undefined): string {
  const group = sources?.groups.find((one) => one.docs > 0);
  return group?.name ?? sources?.members[0]?.name ?? '';
}

function useAutoRefresh(seconds: number, busy: boolean, refresh: () => void): void {
  const working = useRef(busy);
  working.current = busy;
  useEffect(() => {
    if (seconds === 0) return;
    const timer = setInterval(() => {
      // A hidden page and a search that still runs are left alone.
      if (!document.hidden && !working.current) refresh();
    }, seconds * 1_000);
    return () => clearInterval(timer);
  }, [seconds, refresh]);
}

/** Shown only when a search takes long enough to be noticed. */
function Elapsed({ since, onStop }: { since: number; onStop: () => void }) {
  const m = useMessages();
  const [now, setNow] = useState(since);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 250);
    return () => clearInterval(timer);
  }, []);
  if (now - since < 1_000) return null;
  return (
    <span className="row">
      <span className="muted">{m.explore.slow(((now - since) / 1_000).toFixed(1))}</span>
      <button type="button" className="text-button" onClick={onStop}>
        {m.explore.stop}
      </button>
    </span>
  );
}

