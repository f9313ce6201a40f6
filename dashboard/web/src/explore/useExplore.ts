// Runs searches: one at a time, each answer shown as its frames arrive, the last good one kept until then.

import { useCallback, useEffect, useRef, useState } from 'react';
import { ApiFailure, search } from '../api/client';
import type { Diagnostic, ErrorBody, HistogramFrame, PlanFrame, RowsFrame, Scope, Sort } from '../api/types';
import type { Range } from '../time/range';
import { RowStore } from './RowStore';

export interface Results {
  /** What was asked; the page compares it with what it wants. */
  key: string;
  range: Range | null;
  plan: PlanFrame | null;
  rows: RowStore | null;
  nearest: RowsFrame['nearest'] | null;
  histogram: HistogramFrame | null;
  loading: boolean;
  /** When the running search began, for the seconds that are shown. */
  since: number;
  took: number | null;
  failure: ErrorBody | null;
  fault: Diagnostic | null;
  loadingMore: boolean;
  /** Whether someone stopped the search. */
  stopped: boolean;
  /** Grows when rows were added to the same store. */
  pages: number;
}

const NOTHING: Results = {
  key: '', range: null, plan: null, rows: null, nearest: null, histogram: null, loading: false, since: 0, took: null, failure: null, fault: null, loadingMore: false, stopped: false, pages: 0,
};

export interface Wanted {
  key: string;
  scope: Scope;
  columns: string[];
  sort: Sort | null;
}

export function useExplore(wanted: Wanted | null): { results: Results; more: () => void; stop: () => void } {
  const [results, setResults] = useState<Results>(NOTHING);
  const running = useRef<AbortController | null>(null);
  const latest = useRef<{ wanted: Wanted | null; results: Results }>({ wanted, results });
  latest.current = { wanted, results };

  const key = wanted?.key ?? '';
  useEffect(() => {
    const now = latest.current.wanted;
    if (!now) return;
    const abort = new AbortController();
    running.current = abort;
    void run(now, abort.signal, setResults);
    return () => abort.abort();
  }, [key]);

  const more = useCallback(() => {
    const { wanted: now, results: at } = latest.current;
    const signal = running.current?.signal;
    if (!now || !signal || at.loading || at.loadingMore || !at.rows?.next || at.rows.full) return;
    void runMore(now, at.rows, signal, setResults);
  }, []);

  const stop = useCallback(() => {
    running.current?.abort();
    setResults((before) => ({ ...before, loading: false, loadingMore: false, stopped: true }));
  }, []);

  return { results, more, stop };
}

type Update = (change: (before: Results) => Results) => void;

async function run(wanted: Wanted, signal: AbortSignal, update: Update): Promise<void> {
  const since = Date.now();
  update((before) => ({ ...before, loading: true, since, failure: null, fault: null, stopped: false }));
  const request = { scope: wanted.scope, columns: wanted.columns, sort: wanted.sort, after: null, histogram: true };
  const range = { from: wanted.scope.from, to: wanted.scope.to };
  let failure: ErrorBody | null = null;
  try {
    for await (const frame of search(request, signal)) {
      if (signal.aborted) return;
      if (frame.frame === 'plan') {
        update((before) => ({ ...before, key: wanted.key, plan: frame }));
      } else if (frame.frame === 'rows') {
        const rows = new RowStore(frame);
        update((before) => ({ ...before, range, rows, nearest: frame.nearest ?? null, pages: 0 }));
      } else if (frame.frame === 'histogram') {
        update((before) => ({ ...before, range, histogram: frame }));
      } else if (frame.frame === 'error') {
        failure = frame.error;
      }
    }
    update((before) => ({ ...before, loading: false, took: Date.now() - since, failure }));
  } catch (error) {
    if (signal.aborted) return;
    update((before) => ({ ...before, key: wanted.key, loading: false, ...failed(error) }));
  }
}

async function runMore(wanted: Wanted, rows: RowStore, signal: AbortSignal, update: Update): Promise<void> {
  update((before) => ({ ...before, loadingMore: true }));
  const columns = rows.columns.map((column) => column.name);
  const request = { scope: wanted.scope, columns, sort: wanted.sort, after: rows.next, histogram: false };
  try {
    for await (const frame of search(request, signal)) {
      if (signal.aborted) return;
      if (frame.frame === 'rows') {
        rows.append(frame);
        update((before) => (before.rows === rows ? { ...before, pages: before.pages + 1 } : before));
      } else if (frame.frame === 'error') {
        update((before) => ({ ...before, failure: frame.error }));
      }
    }
    update((before) => ({ ...before, loadingMore: false }));
  } catch (error) {
    if (!signal.aborted) update((before) => ({ ...before, loadingMore: false, ...failed(error) }));
  }
}

function failed(error: unknown): { failure: ErrorBody | null; fault: Diagnostic | null } {
  const body = error instanceof ApiFailure ? error.body : { kind: 'odd', reason: String(error) };
  return body.diagnostic ? { failure: null, fault: body.diagnostic } : { failure: body, fault: null };
}
