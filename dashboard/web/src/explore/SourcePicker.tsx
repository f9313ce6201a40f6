// Which indices are looked at: found by the server, or any pattern that is typed.

import { Popover } from '@mantine/core';
import { useState } from 'react';
import type { SourceInfo, SourcesAnswer } from '../api/types';
import { CaretIcon } from '../components/icons';
import { compact } from '../format/number';
import { useLanguage, useMessages } from '../i18n';

interface Props {
  source: string;
  known: SourcesAnswer | undefined;
  onPick: (source: string) => void;
}

export function SourcePicker({ source, known, onPick }: Props) {
  const m = useMessages();
  const [opened, setOpened] = useState(false);
  const [find, setFind] = useState('');
  const fits = (one: SourceInfo) => one.name.toLowerCase().includes(find.trim().toLowerCase());
  const groups = known?.groups.filter(fits) ?? [];
  const members = known?.members.filter(fits) ?? [];
  const pick = (name: string) => {
    setOpened(false);
    setFind('');
    onPick(name);
  };
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-start" trapFocus>
      <Popover.Target>
        <button type="button" className="field-box source-box" aria-label={`${m.explore.source}: ${source}`} aria-haspopup="dialog" onClick={() => setOpened(!opened)}>
          <span className="mono cut">{source || '—'}</span>
          <CaretIcon />
        </button>
      </Popover.Target>
      <Popover.Dropdown p={8}>
        <input
          className="find"
          style={{ width: '100%' }}
          value={find}
          placeholder={m.explore.sourceFilter}
          aria-label={m.explore.sourceFilter}
          onChange={(event) => setFind(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && find.trim()) pick(find.trim());
          }}
        />
        <div className="source-list">
          {find.trim() && (
            <button type="button" onClick={() => pick(find.trim())}>
              {m.explore.sourceUse(find.trim())}
            </button>
          )}
          <Section title={m.explore.sourceGroups} sources={groups} current={source} onPick={pick} />
          <Section title={m.explore.sourceMembers} sources={members} current={source} onPick={pick} />
        </div>
      </Popover.Dropdown>
    </Popover>
  );
}

function Section({ title, sources, current, onPick }: { title: string; sources: SourceInfo[]; current: string; onPick: (name: string) => void }) {
  const language = useLanguage();
  if (sources.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      {sources.map((one) => (
        <button key={one.name} type="button" aria-current={one.name === current} onClick={() => onPick(one.name)}>
          <span className="grow cut">{one.name}</span>
          <span className="muted">{compact(one.docs, language)}</span>
        </button>
      ))}
    </>
  );
}
