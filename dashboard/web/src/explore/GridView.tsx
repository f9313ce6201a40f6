// The grid's place in the page: gives it rows and looks, and tells the page what was done in it.

import { useEffect, useRef } from 'react';
import { cell } from '../format/time';
import { useMessages } from '../i18n';
import type { Zone } from '../state/prefs';
import { type GridEvents, type GridLook, LogGrid } from './LogGrid';
import type { RowStore } from './RowStore';

interface Props extends GridEvents {
  rows: RowStore;
  pages: number;
  active: number;
  sort: GridLook['sort'];
  canSort: (field: string) => boolean;
  zone: Zone;
  stale: boolean;
  gridRef: React.RefObject<LogGrid | null>;
}

export function GridView({ rows, pages, active, sort, canSort, zone, stale, gridRef, ...events }: Props) {
  const m = useMessages();
  const host = useRef<HTMLDivElement>(null);
  const latest = useRef(events);
  latest.current = events;
  const look: GridLook = {
    texts: {
      label: m.explore.grid,
      summary: m.explore.summary,
      sortUp: m.explore.sortUp,
      sortDown: m.explore.sortDown,
      remove: m.explore.columnRemove,
      filterFor: m.explore.filterFor,
      filterOut: m.explore.filterOut,
      more: m.explore.more,
      end: m.explore.end,
    },
    formatDate: (value) => cell(value, zone),
    canSort,
    sort,
  };
  const firstLook = useRef(look);

  useEffect(() => {
    if (!host.current) return;
    const grid = new LogGrid(
      host.current,
      {
        onOpen: (row) => latest.current.onOpen(row),
        onMore: () => latest.current.onMore(),
        onSort: (field, descending) => latest.current.onSort(field, descending),
        onRemove: (column) => latest.current.onRemove(column),
        onFilter: (field, value, negate) => latest.current.onFilter(field, value, negate),
      },
      firstLook.current,
    );
    gridRef.current = grid;
    return () => {
      gridRef.current = null;
      grid.destroy();
    };
  }, [gridRef]);

  useEffect(() => gridRef.current?.setRows(rows), [rows, gridRef]);
  useEffect(() => gridRef.current?.grown(), [pages, gridRef]);
  const sortable = rows.columns.map((column) => canSort(column.name)).join();
  useEffect(() => gridRef.current?.setLook(look), [m, zone, sort?.field, sort?.descending, sortable, gridRef]);
  useEffect(() => gridRef.current?.setActive(active), [active, rows, gridRef]);

  return <div ref={host} className={`grid-host${stale ? ' stale' : ''}`} />;
}
