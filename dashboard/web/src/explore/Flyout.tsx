// One document beside the table: its fields, or its JSON with every digit.

import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { type ApiFailure, get } from '../api/client';
import type { DocumentAnswer, DocumentField } from '../api/types';
import { CloseIcon, ColumnIcon, CopyIcon, DownIcon, MinusIcon, PlusIcon, UpIcon } from '../components/icons';
import { Empty, LevelTag, Waiting } from '../components/parts';
import { cell } from '../format/time';
import { useMessages } from '../i18n';
import { usePrefs } from '../state/prefs';
import { TypeIcon } from './TypeIcon';

interface Props {
  index: string;
  id: string;
  onClose: () => void;
  onMove: ((step: number) => void) | null;
  onFilter: (field: string, values: string[], negate: boolean) => void;
  onColumn: (name: string) => void;
}

export function Flyout({ index, id, onClose, onMove, onFilter, onColumn }: Props) {
  const m = useMessages();
  const [tab, setTab] = useState<'table' | 'json'>('table');
  const [find, setFind] = useState('');
  const document = useQuery<DocumentAnswer, ApiFailure>({
    queryKey: ['document', index, id],
    queryFn: ({ signal }) => get('/document', { index, id }, signal),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const wanted = find.trim().toLowerCase();
  const rows = document.data?.fields.filter((field) => field.name.toLowerCase().includes(wanted) || String(field.value).toLowerCase().includes(wanted)) ?? [];
  return (
    <section className="flyout" aria-label={m.document.title}>
      <header>
        <h2>{m.document.title}</h2>
        <div className="tabs" role="tablist" aria-label={m.document.title}>
          {(['table', 'json'] as const).map((one) => (
            <button key={one} type="button" role="tab" aria-selected={tab === one} onClick={() => setTab(one)}>
              {m.document[one]}
            </button>
          ))}
        </div>
        <span className="grow" />
        <button type="button" className="icon-button" disabled={!onMove} aria-label={m.document.previous} title={`${m.document.previous}  k`} onClick={() => onMove?.(-1)}>
          <UpIcon />
        </button>
        <button type="button" className="icon-button" disabled={!onMove} aria-label={m.document.next} title={`${m.document.next}  j`} onClick={() => onMove?.(1)}>
          <DownIcon />
        </button>
        <CopyButton label={m.common.copy} text={document.data?.json ?? ''} />
        <button type="button" className="icon-button" aria-label={m.common.close} title={`${m.common.close}  Esc`} onClick={onClose}>
          <CloseIcon />
        </button>
      </header>
      <div className="flyout-id mono muted">
        {index} / {id}
      </div>
      {tab === 'table' && (
        <div className="fields-head">
          <input className="find" type="search" value={find} placeholder={m.document.find} aria-label={m.document.find} onChange={(event) => setFind(event.target.value)} />
        </div>
      )}
      <div className="flyout-scroll" tabIndex={0} role="tabpanel" aria-label={m.document[tab]}>
        {!document.data && !document.error && <Waiting />}
        {document.error && <Empty fault title={document.error.body.kind === 'not_found' ? m.document.gone : m.common.failed} hint={document.error.message} />}
        {document.data && tab === 'json' && <pre>{document.data.json}</pre>}
        {document.data && tab === 'table' && (
          <table className="doc-table">
            <tbody>
              {rows.map((field) => (
                <Row key={field.name} field={field} onFilter={onFilter} onColumn={onColumn} />
              ))}
            </tbody>
          </table>
        )}
      </div>
    </section>
  );
}

/** How much of one value is drawn at once; the JSON has it all. */
const SHOWN_MAX = 20_000;

function Row({ field, onFilter, onColumn }: { field: DocumentField; onFilter: Props['onFilter']; onColumn: Props['onColumn'] }) {
  const m = useMessages();
  const { zone } = usePrefs();
  const raw = String(field.value ?? '');
  const text = field.type.startsWith('date') ? cell(raw, zone) : raw;
  const values = field.list ?? [raw];
  return (
    <tr>
      <th scope="row">
        <TypeIcon type={field.type} />
        {field.name}
      </th>
      <td>
        {field.name === 'log.level' ? <LevelTag level={raw} /> : text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text}
        <span className="doc-tools">
          {field.countable && (
            <>
              <button type="button" className="icon-button" aria-label={m.document.filterFor(field.name)} title={m.document.filterFor(field.name)} onClick={() => onFilter(field.name, values, false)}>
                <PlusIcon />
              </button>
              <button type="button" className="icon-button" aria-label={m.document.filterOut(field.name)} title={m.document.filterOut(field.name)} onClick={() => onFilter(field.name, values, true)}>
                <MinusIcon />
              </button>
            </>
          )}
          <button type="button" className="icon-button" aria-label={m.document.column(field.name)} title={m.document.column(field.name)} onClick={() => onColumn(field.name)}>
            <ColumnIcon />
          </button>
          <CopyButton label={m.document.copyValue(field.name)} text={raw} />
        </span>
      </td>
    </tr>
  );
}

function CopyButton({ label, text }: { label: string; text: string }) {
  const m = useMessages();
  const [done, setDone] = useState(false);
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={done ? m.common.copied : label}
      title={done ? m.common.copied : label}
      onClick={() => {
        void navigator.clipboard?.writeText(text).then(() => {
          setDone(true);
          setTimeout(() => setDone(false), 1_200);
        });
      }}
    >
      {done ? '✓' : <CopyIcon />}
    </button>
  );
}
