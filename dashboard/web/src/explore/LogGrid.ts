// The table of documents: a pool of DOM rows that are moved and rewritten while scrolling.
//
// No React inside: only as many rows exist as fit on the screen, and scrolling writes text nodes. The text stays real:
// it can be selected, copied and read aloud. Rows have one fixed height; the page is a `grid` for screen readers.

import { glyph, levelOf } from '../components/levels';
import type { Column, RowStore } from './RowStore';

export const ROW_HEIGHT = 24;
const OVERSCAN = 10;
/** How far before the end the next page is asked for, in rows. */
const AHEAD = 120;

export interface GridTexts {
  label: string;
  summary: string;
  sortUp: string;
  sortDown: string;
  remove: (name: string) => string;
  filterFor: (value: string) => string;
  filterOut: (value: string) => string;
  more: string;
  end: string;
}

export interface GridEvents {
  onOpen: (row: number) => void;
  onMore: () => void;
  onSort: (field: string, descending: boolean) => void;
  onRemove: (column: string) => void;
  onFilter: (field: string, value: string, negate: boolean) => void;
}

export interface GridLook {
  texts: GridTexts;
  formatDate: (value: string | number) => string;
  canSort: (field: string) => boolean;
  sort: { field: string; descending: boolean } | null;
}

interface PoolRow {
  element: HTMLElement;
  cells: HTMLElement[];
  row: number;
}

const WIDTHS: Record<string, number> = { '@timestamp': 184, 'log.level': 92, 'event.dataset': 132, 'host.name': 100, _summary: 640 };
/** The last column takes what is left, but not less. */
const LAST_WIDTH = 280;

export class LogGrid {
  private readonly scroller = document.createElement('div');
  private readonly head = document.createElement('div');
  private readonly body = document.createElement('div');
  private readonly foot = document.createElement('div');
  private readonly tools = document.createElement('div');
  private pool: PoolRow[] = [];
  private store: RowStore | null = null;
  private widths = new Map<string, number>();
  private active = -1;
  private frame = 0;
  private asked = -1;
  private hovered: { row: number; column: Column } | null = null;
  private readonly resizes: ResizeObserver;
  private look: GridLook;
  private readonly id = `grid-${Math.random().toString(36).slice(2, 8)}`;

  constructor(
    private readonly host: HTMLElement,
    private readonly events: GridEvents,
    look: GridLook,
  ) {
    this.look = look;
    this.scroller.className = 'grid';
    this.scroller.setAttribute('role', 'grid');
    this.scroller.tabIndex = 0;
    this.head.className = 'grid-head';
    this.head.setAttribute('role', 'row');
    this.head.setAttribute('aria-rowindex', '1');
    this.body.className = 'grid-body';
    this.body.setAttribute('role', 'rowgroup');
    this.foot.className = 'grid-foot';
    this.tools.className = 'cell-tools';
    this.tools.hidden = true;
    const headGroup = document.createElement('div');
    headGroup.setAttribute('role', 'rowgroup');
    headGroup.style.cssText = 'position:sticky;top:0;z-index:3;min-width:var(--least)';
    headGroup.append(this.head);
    this.scroller.append(headGroup, this.body);
    host.append(this.scroller);
    this.makeTools();
    this.scroller.addEventListener('scroll', this.schedule, { passive: true });
    this.scroller.addEventListener('keydown', this.onKey);
    this.body.addEventListener('click', this.onClick);
    this.body.addEventListener('mouseover', this.onHover);
    this.scroller.addEventListener('mouseleave', () => this.hideTools());
    this.resizes = new ResizeObserver(this.schedule);
    this.resizes.observe(host);
    this.setLook(look);
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.resizes.disconnect();
    this.host.replaceChildren();
  }

  /** Shows other rows from the top. */
  setRows(store: RowStore | null): void {
    const same = store !== null && this.store !== null && store.columns.map((c) => c.name).join() === this.store.columns.map((c) => c.name).join();
    this.store = store;
    this.asked = -1;
    this.active = -1;
    if (!same) {
      this.dropPool();
      this.drawHead();
    }
    this.scroller.scrollTop = 0;
    this.grown();
  }

  /** The store has more rows than before. */
  grown(): void {
    const rows = this.store?.length ?? 0;
    this.body.style.height = `${rows * ROW_HEIGHT}px`;
    this.scroller.setAttribute('aria-rowcount', this.store?.next ? '-1' : String(rows + 1));
    this.scroller.setAttribute('aria-colcount', String(this.store?.columns.length ?? 0));
    this.foot.textContent = this.store === null || rows === 0 ? '' : this.store.next ? this.look.texts.more : this.look.texts.end;
    if (this.store && rows > 0) this.scroller.append(this.foot);
    else this.foot.remove();
    for (const row of this.pool) row.row = -1;
    this.schedule();
  }

  setLook(look: GridLook): void {
    this.look = look;
    this.scroller.setAttribute('aria-label', look.texts.label);
    this.drawHead();
    this.grown();
  }

  /** Marks a row and brings it into view. */
  setActive(row: number): void {
    this.active = row;
    if (row >= 0) this.reveal(row);
    for (const one of this.pool) one.row = -1;
    this.schedule();
  }

  focus(): void {
    this.scroller.focus({ preventScroll: true });
  }

  get activeRow(): number {
    return this.active;
  }

  /** For tests: how many row elements exist, whatever the number of rows. */
  get poolSize(): number {
    return this.pool.length;
  }

  private reveal(row: number): void {
    const top = row * ROW_HEIGHT;
    const view = this.scroller.clientHeight - this.head.offsetHeight;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW_HEIGHT > this.scroller.scrollTop + view) this.scroller.scrollTop = top + ROW_HEIGHT - view;
  }

  private readonly schedule = (): void => {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  };

  private draw(): void {
    const store = this.store;
    if (!store) {
      for (const row of this.pool) row.element.style.display = 'none';
      return;
    }
    const height = this.scroller.clientHeight || 400;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW_HEIGHT) - OVERSCAN);
    const wanted = Math.ceil(height / ROW_HEIGHT) + 2 * OVERSCAN;
    this.growPool(wanted);
    const last = Math.min(store.length, first + this.pool.length);
    const used = new Set<PoolRow>();
    for (let row = first; row < last; row += 1) {
      // The same row keeps the same element, so that a selection of text survives scrolling.
      const slot = this.pool[row % this.pool.length];
      if (!slot) continue;
      used.add(slot);
      if (slot.row !== row) this.write(slot, row, store);
    }
    for (const slot of this.pool) {
      if (!used.has(slot)) {
        slot.element.style.display = 'none';
        slot.row = -1;
      }
    }
    if (last > store.length - AHEAD && store.next && !store.full && this.asked !== store.length) {
      this.asked = store.length;
      this.events.onMore();
    }
  }

  private growPool(wanted: number): void {
    if (this.pool.length >= wanted) return;
    // Another modulus gives each row another element: all are written again.
    for (const slot of this.pool) slot.row = -1;
    while (this.pool.length < wanted) {
      const element = document.createElement('div');
      element.setAttribute('role', 'row');
      const cells = (this.store?.columns ?? []).map((column, at) => {
        const cell = document.createElement('div');
        cell.className = isNumber(column) ? 'grid-cell right' : 'grid-cell';
        cell.setAttribute('role', 'gridcell');
        cell.setAttribute('aria-colindex', String(at + 1));
        cell.append(document.createElement('span'));
        element.append(cell);
        return cell;
      });
      this.body.append(element);
      this.pool.push({ element, cells, row: -1 });
    }
  }

  private dropPool(): void {
    for (const { element } of this.pool) element.remove();
    this.pool = [];
    this.hideTools();
  }

  private write(slot: PoolRow, row: number, store: RowStore): void {
    slot.row = row;
    const { element } = slot;
    const level = levelOf(store.levels[row]);
    element.className = `grid-row${level ? ` level-row-${level}` : ''}${row === this.active ? ' active' : ''}`;
    element.style.display = '';
    element.style.transform = `translateY(${row * ROW_HEIGHT}px)`;
    element.id = `${this.id}-${row}`;
    element.setAttribute('aria-rowindex', String(row + 2));
    element.setAttribute('aria-selected', String(row === this.active));
    if (row === this.active) this.scroller.setAttribute('aria-activedescendant', element.id);
    for (const [at, column] of store.columns.entries()) {
      const span = slot.cells[at]?.firstElementChild as HTMLElement | undefined;
      if (span) this.writeCell(span, column, row);
    }
  }

  private writeCell(span: HTMLElement, column: Column, row: number): void {
    const value = column.values[row];
    const text = this.textOf(column, row);
    if (span.textContent !== text) span.textContent = text;
    const level = column.name === 'log.level' ? levelOf(String(value ?? '')) : null;
    const look = level ? `level level-${level}` : '';
    if (span.className !== look) {
      span.className = look;
      if (level) span.dataset.glyph = glyph(level);
      else delete span.dataset.glyph;
    }
  }

  private textOf(column: Column, row: number): string {
    const value = column.values[row];
    if (value === null || value === undefined) return '';
    if (column.type.startsWith('date')) return this.look.formatDate(value as string | number);
    // One line a row: what a line break separates stays readable.
    return String(value).replace(/\s*\n\s*/g, ' ↵ ');
  }

  private drawHead(): void {
    const columns = this.store?.columns ?? [];
    this.placeColumns();
    this.head.replaceChildren(...columns.map((column, at) => this.headCell(column, at)));
  }

  private placeColumns(): void {
    const columns = this.store?.columns ?? [];
    let least = 3;
    const template = columns.map((column, at) => {
      const chosen = this.widths.get(column.name);
      const last = at === columns.length - 1 && chosen === undefined;
      const width = chosen ?? (last ? LAST_WIDTH : (WIDTHS[column.name] ?? 160));
      least += width;
      return last ? `minmax(${width}px, 1fr)` : `${width}px`;
    });
    this.scroller.style.setProperty('--columns', template.join(' ') || '1fr');
    this.scroller.style.setProperty('--least', `${least}px`);
  }

  private headCell(column: Column, at: number): HTMLElement {
    const { texts, sort } = this.look;
    const cell = document.createElement('div');
    cell.setAttribute('role', 'columnheader');
    cell.setAttribute('aria-colindex', String(at + 1));
    const sorted = sort?.field === column.name;
    cell.setAttribute('aria-sort', sorted ? (sort?.descending ? 'descending' : 'ascending') : 'none');
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'sort';
    button.disabled = column.name === '_summary' || !this.look.canSort(column.name);
    const name = column.name === '_summary' ? texts.summary : column.name;
    button.textContent = sorted ? `${name} ${sort?.descending ? '↓' : '↑'}` : name;
    button.title = sorted ? (sort?.descending ? texts.sortDown : texts.sortUp) : name;
    button.addEventListener('click', () => this.events.onSort(column.name, sorted ? !sort?.descending : true));
    cell.append(button);
    if ((this.store?.columns.length ?? 0) > 1) {
      const remove = document.createElement('button');
      remove.type = 'button';
      remove.className = 'icon-button remove';
      remove.textContent = '✕';
      remove.setAttribute('aria-label', texts.remove(name));
      remove.title = texts.remove(name);
      remove.addEventListener('click', () => this.events.onRemove(column.name));
      cell.append(remove);
    }
    const handle = document.createElement('span');
    handle.className = 'resize';
    handle.addEventListener('pointerdown', (event) => this.startResize(event, cell, column.name));
    cell.append(handle);
    return cell;
  }

  private startResize(event: PointerEvent, cell: HTMLElement, name: string): void {
    event.preventDefault();
    const handle = event.target as HTMLElement;
    const start = event.clientX - cell.offsetWidth;
    handle.setPointerCapture(event.pointerId);
    const move = (moved: PointerEvent) => {
      this.widths.set(name, Math.max(48, moved.clientX - start));
      this.placeColumns();
    };
    handle.addEventListener('pointermove', move);
    handle.addEventListener('pointerup', () => handle.removeEventListener('pointermove', move), { once: true });
  }

  private makeTools(): void {
    for (const negate of [false, true]) {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'icon-button';
      button.tabIndex = -1;
      button.textContent = negate ? '−' : '+';
      button.addEventListener('click', (event) => {
        event.stopPropagation();
        const at = this.hovered;
        if (at) this.events.onFilter(at.column.name, String(at.column.values[at.row]), negate);
      });
      this.tools.append(button);
    }
  }

  private hideTools(): void {
    this.tools.hidden = true;
    this.hovered = null;
  }

  private readonly onHover = (event: MouseEvent): void => {
    if (event.target instanceof Node && this.tools.contains(event.target)) return;
    const cell = (event.target as HTMLElement).closest<HTMLElement>('.grid-cell');
    const slot = this.pool.find(({ element }) => cell !== null && element.contains(cell));
    const at = slot && cell ? slot.cells.indexOf(cell) : -1;
    const column = this.store?.columns[at];
    const value = slot && column ? column.values[slot.row] : null;
    if (!cell || !slot || !column || value === null || value === undefined || column.name === '_summary' || column.type.startsWith('date') || column.type === 'text') {
      this.hideTools();
      return;
    }
    this.hovered = { row: slot.row, column };
    const [plus, minus] = this.tools.children;
    const text = String(value);
    for (const [button, name] of [[plus, this.look.texts.filterFor(text)], [minus, this.look.texts.filterOut(text)]] as const) {
      button?.setAttribute('aria-label', name);
      button?.setAttribute('title', name);
    }
    cell.style.position = 'relative';
    this.tools.style.right = '2px';
    this.tools.style.top = '0';
    this.tools.hidden = false;
    cell.append(this.tools);
  };

  private readonly onClick = (event: MouseEvent): void => {
    // Selecting text with the mouse is not opening.
    if (!(window.getSelection()?.isCollapsed ?? true)) return;
    const slot = this.pool.find(({ element }) => element.contains(event.target as Node));
    if (slot && slot.row >= 0) this.events.onOpen(slot.row);
  };

  private readonly onKey = (event: KeyboardEvent): void => {
    if (event.target !== this.scroller || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = this.store?.length ?? 0;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW_HEIGHT) - 2);
    const moves: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    const step = moves[event.key];
    if (step !== undefined && rows > 0) {
      event.preventDefault();
      this.setActive(Math.min(rows - 1, Math.max(0, this.active + step)));
    } else if (event.key === 'Home' && rows > 0) {
      event.preventDefault();
      this.setActive(0);
    } else if (event.key === 'End' && rows > 0) {
      event.preventDefault();
      this.setActive(rows - 1);
    }
  };
}

const isNumber = (column: Column): boolean => /^(long|integer|short|byte|double|float|half_float|scaled_float|unsigned_long)$/.test(column.type);
