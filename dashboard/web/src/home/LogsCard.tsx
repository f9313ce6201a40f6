// The latest lines of all logs.

import { Link } from '@tanstack/react-router';
import type { HomeAnswer } from '../api/types';
import { levelOf } from '../components/levels';
import { Empty, LevelTag } from '../components/parts';
import { clock } from '../format/time';
import { useMessages } from '../i18n';
import { usePrefs } from '../state/prefs';
import { Card } from './Card';
import { isRefused } from './HomePage';

export function LogsCard({ part }: { part: HomeAnswer['logs'] }) {
  const m = useMessages();
  const { zone } = usePrefs();
  if (isRefused(part)) return <Card name="logs" title={m.home.logs}><Empty fault title={m.home.refused} hint={part.error.reason} /></Card>;
  const aside = part.lines.length > 0 && (
    <Link to="/explore" search={{ src: 'logs-*' }}>
      {m.home.openLogs}
    </Link>
  );
  return (
    <Card name="logs" title={m.home.logs} aside={aside}>
      {part.lines.length === 0 && <Empty title={m.home.logsEmpty} hint={m.home.logsEmptyHint} />}
      {part.lines.map((line) => (
        <Link
          key={`${line.index}/${line.id}`}
          to="/explore"
          search={{ src: 'logs-*', doc: `${line.index}/${line.id}` }}
          className={`log-line gutter-${levelOf(line.level) ?? 'none'}`}
        >
          <span className="muted">{line.time === null ? '' : clock(line.time, zone)}</span>
          <span>{line.level && <LevelTag level={line.level} />}</span>
          <span className="muted cut">{line.dataset}</span>
          <span className="muted cut host-name">{line.host}</span>
          <span className="cut">{line.message}</span>
        </Link>
      ))}
    </Card>
  );
}
