// The query bar: colours, completion of fields and values, and faults shown where they are.

import { useQuery } from '@tanstack/react-query';
import { useEffect, useId, useMemo, useRef, useState } from 'react';
import { post } from '../api/client';
import type { Diagnostic, Field, FieldValues, Scope } from '../api/types';
import { CloseIcon, RunIcon } from '../components/icons';
import { whole } from '../format/number';
import { type Messages, useLanguage, useMessages } from '../i18n';
import { type Completion, coloured, completionAt, writtenValue } from '../query/tokens';
import { TypeIcon } from './TypeIcon';

interface Props {
  query: string;
  fields: Field[];
  scope: Scope | null;
  fault: Diagnostic | null;
  onRun: (query: string) => void;
}

interface Suggestion {
  text: string;
  insert: string;
  type?: string;
  count?: number;
}

const SUGGESTIONS_MAX = 50;

export function QueryBar({ query, fields, scope, fault, onRun }: Props) {
  const m = useMessages();
  const language = useLanguage();
  const [text, setText] = useState(query);
  const [caret, setCaret] = useState<number | null>(null);
  const [chosen, setChosen] = useState(-1);
  const box = useRef<HTMLTextAreaElement>(null);
  const list = useId();

  useEffect(() => setText(query), [query]);

  const completion = useMemo(() => (caret === null ? null : completionAt(text, caret)), [text, caret]);
  const suggestions = useSuggestions(completion, fields, scope, text);
  const open = caret !== null && suggestions.length > 0;
  const shownFault = fault && text === query ? fault : null;

  const take = (suggestion: Suggestion) => {
    if (!completion) return;
    const next = text.slice(0, completion.start) + suggestion.insert + text.slice(completion.end);
    const at = completion.start + suggestion.insert.length;
    setText(next);
    setChosen(-1);
    setCaret(completion.kind === 'field' ? at : null);
    requestAnimationFrame(() => {
      box.current?.focus();
      box.current?.setSelectionRange(at, at);
    });
  };

  const run = (value: string) => {
    setCaret(null);
    setChosen(-1);
    onRun(value.trim());
  };

  const onKeyDown = (event: React.KeyboardEvent<HTMLTextAreaElement>) => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'ArrowDown' && open) {
      event.preventDefault();
      setChosen((at) => (at + 1) % suggestions.length);
    } else if (event.key === 'ArrowUp' && open) {
      event.preventDefault();
      setChosen((at) => (at <= 0 ? suggestions.length : at) - 1);
    } else if ((event.key === 'Enter' || event.key === 'Tab') && open && chosen >= 0) {
      event.preventDefault();
      const suggestion = suggestions[chosen];
      if (suggestion) take(suggestion);
    } else if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      run(text);
    } else if (event.key === 'Escape') {
      event.preventDefault();
      if (open) setCaret(null);
      else box.current?.blur();
    }
  };

  return (
    <div className="query">
      <div className={`query-box${shownFault ? ' faulty' : ''}`}>
        <Paint text={text} fault={shownFault} />
        <textarea
          ref={box}
          id="query"
          rows={1}
          spellCheck={false}
          autoComplete="off"
          value={text}
          placeholder={m.explore.queryHint}
          aria-label={m.explore.query}
          role="combobox"
          aria-expanded={open}
          aria-controls={list}
          aria-autocomplete="list"
          aria-invalid={shownFault !== null}
          aria-activedescendant={open && chosen >= 0 ? `${list}-${chosen}` : undefined}
          onChange={(event) => {
            setText(event.target.value);
            setCaret(event.target.selectionStart);
            setChosen(-1);
          }}
          onClick={(event) => setCaret(event.currentTarget.selectionStart)}
          onBlur={() => setTimeout(() => setCaret(null), 120)}
          onKeyDown={onKeyDown}
        />
        <div className="query-buttons">
          {text !== '' && (
            <button type="button" className="icon-button" aria-label={m.explore.queryClear} title={m.explore.queryClear} onClick={() => run('')}>
              <CloseIcon />
            </button>
          )}
          <button type="button" className="icon-button" aria-label={m.explore.queryRun} title={m.explore.queryRun} onClick={() => run(text)}>
            <RunIcon />
          </button>
        </div>
      </div>
      {shownFault && (
        <div className="query-fault" role="alert">
          <span>{sentence(shownFault, m)}</span>
          {shownFault.fix && (
            <button
              type="button"
              className="link-button"
              onClick={() => {
                const { start, end, text: put } = shownFault.fix ?? { start: 0, end: 0, text: '' };
                run(query.slice(0, start) + put + query.slice(end));
              }}
            >
              {m.explore.fix}
            </button>
          )}
        </div>
      )}
      <ul id={list} className="suggest" role="listbox" aria-label={completion?.kind === 'value' ? m.explore.suggestValues : m.explore.suggestFields} hidden={!open}>
        {open &&
          suggestions.map((suggestion, at) => (
            // Keys go to the text area, which names the chosen option.
            <li
              key={suggestion.text}
              id={`${list}-${at}`}
              role="option"
              aria-selected={at === chosen}
              onMouseDown={(event) => {
                event.preventDefault();
                take(suggestion);
              }}
            >
              {suggestion.type && <TypeIcon type={suggestion.type} />}
              <span className="grow cut">{suggestion.text}</span>
              {suggestion.count !== undefined && <span className="muted">{whole(suggestion.count, language)}</span>}
            </li>
          ))}
      </ul>
    </div>
  );
}

function Paint({ text, fault }: { text: string; fault: Diagnostic | null }) {
  const parts: React.ReactNode[] = [];
  let at = 0;
  for (const token of coloured(text)) {
    if (token.start > at) parts.push(text.slice(at, token.start));
    const marked = fault && token.start < fault.end && token.end > fault.start;
    parts.push(
      <span key={token.start} className={`tok-${token.kind}${marked ? ' squiggle' : ''}`}>
        {text.slice(token.start, token.end)}
      </span>,
    );
    at = token.end;
  }
  parts.push(`${text.slice(at)}\u200b`);
  return (
    <pre className="query-paint" aria-hidden="true">
      {parts}
    </pre>
  );
}

/** The sentence in the language in force; a fault that this version does not know keeps the server's. */
function sentence(fault: Diagnostic, m: Messages): string {
  const text = (m.query as Record<string, string | ((word: string) => string)>)[fault.code];
  return typeof text === 'function' ? text(fault.word) : (text ?? fault.message);
}

function useSuggestions(completion: Completion | null, fields: Field[], scope: Scope | null, text: string): Suggestion[] {
  const wantsValues = completion?.kind === 'value' && scope !== null && fields.some((field) => field.name === completion.field && field.exact !== null);
  const field = completion?.kind === 'value' ? completion.field : '';
  const prefix = completion?.kind === 'value' ? completion.prefix : '';
  const values = useQuery<FieldValues>({
    queryKey: ['suggest', scope?.source, scope?.from, scope?.to, field, prefix],
    enabled: wantsValues,
    staleTime: 30_000,
    queryFn: ({ signal }) => post('/fields/values', { scope: { ...scope, query: '' }, field, prefix }, signal),
  });
  return useMemo(() => {
    if (!completion) return [];
    if (completion.kind === 'value') {
      const known = values.data?.values ?? [];
      return known
        .filter(({ value }) => value.toLowerCase().startsWith(completion.prefix.toLowerCase()))
        .map(({ value, count }) => ({ text: value, insert: writtenValue(value), count }));
    }
    // An empty bar offers nothing unasked: the first letters do.
    if (completion.prefix === '' && text.trim() !== '' && !/\b(and|or|not)\s+$|\($/i.test(text.slice(0, completion.start))) return [];
    if (completion.prefix === '' && text.trim() === '') return [];
    const wanted = completion.prefix.toLowerCase();
    const starts = fields.filter((one) => one.name.toLowerCase().startsWith(wanted));
    const holds = fields.filter((one) => one.name.toLowerCase().includes(wanted) && !one.name.toLowerCase().startsWith(wanted));
    return [...starts, ...holds].slice(0, SUGGESTIONS_MAX).map((one) => ({ text: one.name, insert: `${one.name}:`, type: one.type }));
  }, [completion, fields, text, values.data]);
}
