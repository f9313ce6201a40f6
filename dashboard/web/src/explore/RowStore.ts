// The rows that were loaded, as columns. Grows page by page; the grid reads it while scrolling.

import type { Cell, RowsFrame } from '../api/types';

/** More rows than anyone reads; the page then says to narrow the search. */
export const ROWS_MAX = 100_000;

export interface Column {
  name: string;
  type: string;
  values: Cell[];
}

export class RowStore {
  readonly columns: Column[];
  readonly ids: string[] = [];
  readonly indices: string[] = [];
  readonly levels: (string | null)[] = [];
  next: string | null = null;
  cut = false;

  constructor(first: RowsFrame) {
    this.columns = first.cols.map(({ name, type }) => ({ name, type, values: [] }));
    this.append(first);
  }

  get length(): number {
    return this.ids.length;
  }

  get full(): boolean {
    return this.next !== null && this.length >= ROWS_MAX;
  }

  append(page: RowsFrame): void {
    for (const column of this.columns) {
      const from = page.cols.find(({ name }) => name === column.name);
      for (let row = 0; row < page.ids.length; row += 1) column.values.push(from?.values[row] ?? null);
    }
    this.ids.push(...page.ids);
    this.indices.push(...page.indices);
    this.levels.push(...page.levels);
    this.next = page.next;
    this.cut ||= page.cut;
  }

  rowOf(index: string, id: string): number {
    for (let row = 0; row < this.ids.length; row += 1) {
      if (this.ids[row] === id && this.indices[row] === index) return row;
    }
    return -1;
  }
}
