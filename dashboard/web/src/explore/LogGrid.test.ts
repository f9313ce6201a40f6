import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { RowsFrame } from '../api/types';
import { type GridEvents, type GridLook, LogGrid, ROW_HEIGHT } from './LogGrid';
import { RowStore } from './RowStore';

const look: GridLook = {
  texts: {
    label: 'Documents', summary: 'Document', sortUp: 'up', sortDown: 'down', remove: (name) => `remove ${name}`,
    filterFor: (value) => `only ${value}`, filterOut: (value) => `without ${value}`, more: 'more', end: 'end',
  },
  formatDate: (value) => `at ${value}`,
  canSort: (field) => field !== 'message',
  sort: { field: '@timestamp', descending: true },
};

function page(from: number, count: number, next: string | null): RowsFrame {
  const numbers = Array.from({ length: count }, (_, at) => from + at);
  return {
    frame: 'rows',
    cols: [
      { name: '@timestamp', type: 'date', values: numbers.map((n) => n) },
      { name: 'log.level', type: 'keyword', values: numbers.map((n) => (n % 2 ? 'error' : null)) },
      { name: 'message', type: 'text', values: numbers.map((n) => `line ${n}\nsecond`) },
    ],
    ids: numbers.map(String),
    indices: numbers.map(() => 'logs'),
    levels: numbers.map((n) => (n % 2 ? 'error' : null)),
    next,
    cut: false,
  };
}

const events = () => ({ onOpen: vi.fn(), onMore: vi.fn(), onSort: vi.fn(), onRemove: vi.fn(), onFilter: vi.fn() }) satisfies GridEvents;

describe('the grid', () => {
  let frames: FrameRequestCallback[] = [];
  const draw = () => {
    for (const frame of frames.splice(0)) frame(0);
  };

  beforeEach(() => {
    frames = [];
    vi.stubGlobal('requestAnimationFrame', (frame: FrameRequestCallback) => frames.push(frame));
    vi.stubGlobal('cancelAnimationFrame', () => {});
    vi.stubGlobal('ResizeObserver', class { observe() {} disconnect() {} });
    document.body.replaceChildren();
  });

  function make(store: RowStore, on = events()) {
    const host = document.createElement('div');
    document.body.append(host);
    const grid = new LogGrid(host, on, look);
    grid.setRows(store);
    draw();
    const scroller = host.querySelector<HTMLElement>('[role=grid]');
    if (!scroller) throw new Error('no grid');
    const shown = () => [...host.querySelectorAll<HTMLElement>('.grid-row')].filter((row) => row.style.display !== 'none');
    return { grid, on, host, scroller, shown };
  }

  it('makes rows for the screen, not for the data', () => {
    const { grid, host } = make(new RowStore(page(0, 50_000, null)));
    expect(grid.poolSize).toBeLessThan(60);
    expect(host.querySelector<HTMLElement>('.grid-body')?.style.height).toBe(`${50_000 * ROW_HEIGHT}px`);
  });

  it('shows the rows of where it was scrolled to, each in its place', () => {
    const { scroller, shown } = make(new RowStore(page(0, 50_000, null)));
    scroller.scrollTop = 20_000 * ROW_HEIGHT;
    scroller.dispatchEvent(new Event('scroll'));
    draw();
    const row = shown().find((one) => one.getAttribute('aria-rowindex') === '20002');
    expect(row?.textContent).toContain('line 20000 ↵ second');
    expect(row?.style.transform).toBe(`translateY(${20_000 * ROW_HEIGHT}px)`);
    for (const one of shown()) expect(one.textContent).toContain(`line ${Number(one.getAttribute('aria-rowindex')) - 2} `);
  });

  it('asks for the next page once, near the end of what there is', () => {
    const store = new RowStore(page(0, 1_000, '[1]'));
    const { grid, on, scroller } = make(store);
    expect(on.onMore).not.toHaveBeenCalled();
    scroller.scrollTop = 950 * ROW_HEIGHT;
    for (let round = 0; round < 3; round += 1) {
      scroller.dispatchEvent(new Event('scroll'));
      draw();
    }
    expect(on.onMore).toHaveBeenCalledTimes(1);
    store.append(page(1_000, 10, null));
    grid.grown();
    draw();
    expect(on.onMore).toHaveBeenCalledTimes(1);
    expect(scroller.getAttribute('aria-rowcount')).toBe('1011');
  });

  it('says what it is to screen readers', () => {
    const { scroller, shown, host } = make(new RowStore(page(0, 10, null)));
    expect(scroller.getAttribute('aria-label')).toBe('Documents');
    expect(scroller.getAttribute('aria-rowcount')).toBe('11');
    expect(host.querySelector('[role=columnheader]')?.getAttribute('aria-sort')).toBe('descending');
    const level = shown()[1]?.querySelector<HTMLElement>('.level');
    expect(level?.dataset.glyph).toBe('E');
    expect(shown()[0]?.querySelector('.level')).toBeNull();
  });

  it('opens a row on a click, and moves with the arrow keys', () => {
    const { on, scroller, shown, grid } = make(new RowStore(page(0, 10, null)));
    shown()[3]?.click();
    expect(on.onOpen).toHaveBeenCalledWith(3);
    scroller.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowDown', bubbles: true }));
    draw();
    expect(grid.activeRow).toBe(0);
    expect(document.getElementById(scroller.getAttribute('aria-activedescendant') ?? '')?.getAttribute('aria-selected')).toBe('true');
  });

  it('sorts only by what can be sorted by', () => {
    const { on, host } = make(new RowStore(page(0, 10, null)));
    const [time, , message] = host.querySelectorAll<HTMLButtonElement>('.sort');
    expect(message?.disabled).toBe(true);
    time?.click();
    expect(on.onSort).toHaveBeenCalledWith('@timestamp', false);
  });
});
