// What is up and what is not. State is a word and a sign, not only a colour.

import { Link } from '@tanstack/react-router';
import type { HomeAnswer, MonitorRow } from '../api/types';
import { Empty } from '../components/parts';
import { micros } from '../format/number';
import { ago } from '../format/time';
import { useLanguage, useMessages } from '../i18n';
import { Card } from './Card';
import { isRefused } from './HomePage';

export function MonitorsCard({ part, now }: { part: HomeAnswer['monitors']; now: number }) {
  const m = useMessages();
  if (isRefused(part)) return <Card name="monitors" title={m.home.monitors}><Empty fault title={m.home.refused} hint={part.error.reason} /></Card>;
  const { monitors, present } = part;
  const up = monitors.filter((monitor) => monitor.status === 'up').length;
  return (
    <Card name="monitors" title={m.home.monitors} aside={monitors.length > 0 && <span className="muted">{m.home.monitorsSum(up, monitors.length)}</span>}>
      {monitors.length === 0 && <Empty title={present ? m.home.monitorsQuiet : m.home.monitorsEmpty} hint={m.home.monitorsEmptyHint} />}
      {monitors.length > 0 && (
        <div className="scroll" tabIndex={0} role="group" aria-label={m.home.monitors}>
          <table className="table">
            <colgroup>
              <col style={{ width: 82 }} />
              <col />
              <col style={{ width: 130 }} />
              <col style={{ width: 84 }} />
            </colgroup>
            <tbody>
              {monitors.map((monitor) => (
                <Row key={monitor.id} monitor={monitor} now={now} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Row({ monitor, now }: { monitor: MonitorRow; now: number }) {
  const m = useMessages();
  const language = useLanguage();
  const down = monitor.status === 'down';
  const checks = m.home.checks(monitor.up, monitor.down);
  return (
    <tr title={[monitor.name, monitor.url, monitor.error, ago(monitor.seen ?? null, now, language, m)].filter(Boolean).join('\n')}>
      <td className={down ? 'state-down' : 'state-up'}>{down ? `✕ ${m.home.down}` : `▲ ${m.home.up}`}</td>
      <td>
        <Link to="/explore" search={{ src: 'uptime-*', f: `monitor.id:${monitor.id}` }}>
          {monitor.name}
        </Link>{' '}
        <span className="muted">{down && monitor.error ? monitor.error : (monitor.url ?? '')}</span>
      </td>
      <td>
        <div className="strip" role="img" aria-label={checks} title={checks}>
          {monitor.strip.map((state, at) => (
            <i key={at} className={state ?? ''} />
          ))}
        </div>
      </td>
      <td className="num">{monitor.duration_us != null ? micros(monitor.duration_us, language) : ''}</td>
    </tr>
  );
}
