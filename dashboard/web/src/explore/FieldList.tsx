// The fields of the source: found by name, opened for their top values, shown as columns. Drawn only where seen.

import { Popover } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useRef, useState } from 'react';
import { type ApiFailure, post } from '../api/client';
import type { Field, FieldValues, Scope } from '../api/types';
import { CloseIcon, ColumnIcon, MinusIcon, PlusIcon } from '../components/icons';
import { Bar, Waiting } from '../components/parts';
import { number, percent, whole } from '../format/number';
import { useLanguage, useMessages } from '../i18n';
import { TypeIcon } from './TypeIcon';

const ROW = 24;

interface Props {
  fields: Field[];
  cut: boolean;
  columns: string[];
  scope: Scope | null;
  onColumn: (name: string) => void;
  onFilter: (field: string, values: string[], negate: boolean) => void;
  /** Where the list lies over the documents, it has a button of its own to close it. */
  onClose: (() => void) | null;
}

export function FieldList({ fields, cut, columns, scope, onColumn, onFilter, onClose }: Props) {
  const m = useMessages();
  const [find, setFind] = useState('');
  const [opened, setOpened] = useState<string | null>(null);
  const [top, setTop] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const { shown, rest } = useMemo(() => {
    const wanted = find.trim().toLowerCase();
    const fits = fields.filter((field) => field.name.toLowerCase().includes(wanted));
    return { shown: fits.filter((field) => columns.includes(field.name)), rest: fits.filter((field) => !columns.includes(field.name)) };
  }, [fields, find, columns]);

  // Thousands of fields are normal: only those in view are drawn.
  const height = scroller.current?.clientHeight ?? 800;
  const above = shown.length * ROW + (shown.length > 0 ? 56 : 28);
  const first = Math.max(0, Math.floor((top - above) / ROW) - 5);
  const visible = rest.slice(first, first + Math.ceil(height / ROW) + 12);
  const row = (field: Field) => (
    <FieldRow
      key={field.name}
      field={field}
      isColumn={columns.includes(field.name)}
      opened={opened === field.name}
      isBelow={onClose !== null}
      onOpened={(open) => setOpened(open ? field.name : null)}
      scope={scope}
      onColumn={onColumn}
      onFilter={(values, negate) => {
        setOpened(null);
        onFilter(field.name, values, negate);
      }}
    />
  );
  return (
    <aside className="fields" aria-label={m.explore.fields}>
      <div className="fields-head">
        <input className="find" type="search" value={find} placeholder={m.explore.fieldsFind} aria-label={m.explore.fieldsFind} onChange={(event) => setFind(event.target.value)} />
        {onClose && (
          <button type="button" className="icon-button" aria-label={m.explore.fieldsHide} title={m.explore.fieldsHide} onClick={onClose}>
            <CloseIcon />
          </button>
        )}
      </div>
      {/* Reached by keys too: the list scrolls. */}
      <div className="fields-scroll" ref={scroller} tabIndex={0} role="group" aria-label={m.explore.fieldsAll} onScroll={(event) => setTop(event.currentTarget.scrollTop)}>
        {shown.length > 0 && <h2>{m.explore.fieldsShown}</h2>}
        {shown.map(row)}
        <h2>{m.explore.fieldsAll}</h2>
        <div style={{ height: first * ROW }} />
        {visible.map(row)}
        <div style={{ height: Math.max(0, rest.length - first - visible.length) * ROW }} />
        {fields.length > 0 && shown.length + rest.length === 0 && <p className="muted" style={{ padding: '0 10px' }}>{m.explore.fieldsNone}</p>}
        {cut && <p className="muted" style={{ padding: '0 10px' }}>{m.explore.fieldsCut}</p>}
      </div>
    </aside>
  );
}

interface RowProps {
  field: Field;
  isColumn: boolean;
  opened: boolean;
  /** The values open below, where there is no room beside. */
  isBelow: boolean;
  onOpened: (opened: boolean) => void;
  scope: Scope | null;
  onColumn: (name: string) => void;
  onFilter: (values: string[], negate: boolean) => void;
}

function FieldRow({ field, isColumn, opened, isBelow, onOpened, scope, onColumn, onFilter }: RowProps) {
  const m = useMessages();
  const label = isColumn ? m.explore.columnRemove(field.name) : m.explore.columnAdd(field.name);
  return (
    <div className="field-row">
      <Popover opened={opened} onChange={onOpened} position={isBelow ? 'bottom-start' : 'right-start'} trapFocus>
        <Popover.Target>
          <button type="button" className="name" title={field.name} aria-haspopup="dialog" onClick={() => onOpened(!opened)}>
            <TypeIcon type={field.type} />
            <span className="cut">{field.name}</span>
          </button>
        </Popover.Target>
        <Popover.Dropdown p={10}>{opened && scope && <Values field={field} scope={scope} onFilter={onFilter} />}</Popover.Dropdown>
      </Popover>
      <button type="button" className={`icon-button${isColumn ? ' on' : ''}`} aria-label={label} title={label} onClick={() => onColumn(field.name)}>
        {isColumn ? <MinusIcon /> : <ColumnIcon />}
      </button>
    </div>
  );
}

function Values({ field, scope, onFilter }: { field: Field; scope: Scope; onFilter: (values: string[], negate: boolean) => void }) {
  const m = useMessages();
  const language = useLanguage();
  const values = useQuery<FieldValues, ApiFailure>({
    queryKey: ['values', scope, field.name],
    queryFn: ({ signal }) => post('/fields/values', { scope, field: field.name }, signal),
  });
  const data = values.data;
  return (
    <div className="values">
      <h3>{field.name}</h3>
      {values.error && <p className="fault">{values.error.message}</p>}
      {!data && !values.error && <Waiting />}
      {data && (
        <>
          <div className="muted">{m.explore.present(whole(data.present, language), percent(data.total === 0 ? 0 : data.present / data.total, language, 1))}</div>
          {data.min !== null && data.max !== null && data.avg !== null && (
            <div className="muted">{m.explore.range(number(data.min, language), number(data.max, language), number(data.avg, language))}</div>
          )}
          {data.present === 0 && <p className="muted">{m.explore.topNone}</p>}
          {!data.countable && <p className="muted">{m.explore.topText}</p>}
          {data.values.map(({ value, count }) => (
            <div className="value-row" key={value}>
              <button type="button" className="link-button cut mono" title={m.explore.filterFor(value)} onClick={() => onFilter([value], false)}>
                {value === '' ? '""' : value}
              </button>
              <span className="muted" style={{ fontSize: 12 }}>
                {whole(count, language)} · {percent(data.total === 0 ? 0 : count / data.total, language, 1)}
              </span>
              <button type="button" className="icon-button" aria-label={m.explore.filterFor(value)} title={m.explore.filterFor(value)} onClick={() => onFilter([value], false)}>
                <PlusIcon />
              </button>
              <button type="button" className="icon-button" aria-label={m.explore.filterOut(value)} title={m.explore.filterOut(value)} onClick={() => onFilter([value], true)}>
                <MinusIcon />
              </button>
              <Bar plain share={data.total === 0 ? 0 : count / data.total} />
            </div>
          ))}
          {data.present > 0 && (
            <button type="button" className="link-button" style={{ marginTop: 8 }} onClick={() => onFilter([], false)}>
              {m.explore.filterPresent}
            </button>
          )}
        </>
      )}
    </div>
  );
}
