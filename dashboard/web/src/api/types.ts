// What the server answers; see docs/reference/dashboard-api.md.

export type Cell = string | number | boolean | null;

export interface Diagnostic {
  start: number;
  end: number;
  code: string;
  word: string;
  message: string;
  fix?: { start: number; end: number; text: string };
}

export interface ErrorBody {
  kind: string;
  reason: string;
  diagnostic?: Diagnostic;
  address?: string;
  cause?: string;
  status?: number;
  type?: string;
}

export interface Filter {
  field: string;
  /** Any of these; none asks whether the field exists. */
  values: string[];
  negate: boolean;
}

export interface Sort {
  field: string;
  descending: boolean;
}

export interface Scope {
  source: string;
  query: string;
  filters: Filter[];
  from: number;
  to: number;
}

export interface SearchRequest {
  scope: Scope;
  columns: string[];
  sort: Sort | null;
  after: string | null;
  histogram: boolean;
}

export interface PlanFrame {
  frame: 'plan';
  columns: string[];
  sort: Sort;
  timed: boolean;
  step: number | null;
  by: string | null;
  indices: number;
}

export interface RowsFrame {
  frame: 'rows';
  cols: { name: string; type: string; values: Cell[] }[];
  ids: string[];
  indices: string[];
  levels: (string | null)[];
  next: string | null;
  cut: boolean;
  nearest?: { before: number | null; after: number | null };
}

export interface HistogramFrame {
  frame: 'histogram';
  keys: number[];
  step: number | null;
  by: string | null;
  series: { name: string; counts: number[] }[];
  total: number;
}

export type Frame = PlanFrame | RowsFrame | HistogramFrame | { frame: 'done' } | { frame: 'error'; error: ErrorBody };

export interface Field {
  name: string;
  type: string;
  exact: string | null;
}

export interface FieldsAnswer {
  fields: Field[];
  cut: boolean;
  indices: number;
}

export interface FieldValues {
  field: string;
  type: string;
  total: number;
  present: number;
  countable: boolean;
  values: { value: string; count: number }[];
  min: number | null;
  max: number | null;
  avg: number | null;
}

export interface SourceInfo {
  name: string;
  kind: 'group' | 'stream' | 'index';
  docs: number;
  members: number;
}

export interface SourcesAnswer {
  groups: SourceInfo[];
  members: SourceInfo[];
}

export interface DocumentField {
  name: string;
  type: string;
  value: Cell;
  list: string[] | null;
  countable: boolean;
}

export interface DocumentAnswer {
  index: string;
  id: string;
  fields: DocumentField[];
  json: string;
}

export interface StatusAnswer {
  version: string;
  node: {
    reachable: boolean;
    address: string;
    name?: string;
    cluster?: string;
    version?: string;
    health?: string;
    error?: ErrorBody;
  };
}

export type Part<T> = T | { error: ErrorBody };

export interface IngestRow {
  name: string;
  kind: string;
  docs: number;
  received: number;
  chart: number[];
  seen: number | null;
}

export interface Line {
  now: number | null;
  chart: (number | null)[];
}

export interface HostRow {
  name: string;
  seen: number | null;
  cores: number | null;
  memory_total: number | null;
  cpu: Line;
  memory: Line;
  load: Line;
  disks: { mount: string; used: number; total: number | null }[];
  interfaces: { name: string; in: number; out: number }[];
}

export interface MonitorRow {
  id: string;
  name: string;
  type?: string | null;
  status?: 'up' | 'down' | null;
  url?: string | null;
  error?: string | null;
  code?: number | null;
  duration_us?: number | null;
  seen?: number | null;
  up: number;
  down: number;
  strip: ('up' | 'down' | null)[];
}

export interface FlowRow {
  from: string;
  to: string;
  port: string;
  transport: string;
  protocol: string | null;
  bytes: number;
  packets: number;
  flows: number;
}

export interface QuestionRow {
  name: string;
  type: string | null;
  code: string | null;
  answer: string | null;
  client: string | null;
  duration_ns: number | null;
  seen: number | null;
}

export interface LogRow {
  index: string;
  id: string;
  time: number | null;
  level: string | null;
  dataset: string | null;
  host: string | null;
  message: string;
}

export interface HomeAnswer {
  now: number;
  from: number;
  step: number;
  ingest: Part<{ sources: IngestRow[]; left_out: number; received: number }>;
  hosts: Part<{ hosts: HostRow[]; present: boolean }>;
  monitors: Part<{ monitors: MonitorRow[]; present: boolean }>;
  network: Part<{ flows: FlowRow[]; questions: QuestionRow[]; present: boolean }>;
  logs: Part<{ lines: LogRow[]; present: boolean }>;
}
