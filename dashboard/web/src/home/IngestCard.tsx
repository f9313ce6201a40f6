// What each source received.

import { Link } from '@tanstack/react-router';
import type { HomeAnswer } from '../api/types';
import { Empty, SparkBars } from '../components/parts';
import { compact, rate, whole } from '../format/number';
import { ago } from '../format/time';
import { useLanguage, useMessages } from '../i18n';
import { Card } from './Card';
import { isRefused } from './HomePage';

const WINDOW_S = 15 * 60;

export function IngestCard({ part, now }: { part: HomeAnswer['ingest']; now: number }) {
  const m = useMessages();
  const language = useLanguage();
  if (isRefused(part)) return <Card name="ingest" title={m.home.ingest}><Empty fault title={m.home.refused} hint={part.error.reason} /></Card>;
  const aside = part.received > 0 && (
    <span className="muted">
      {m.home.total(whole(part.received, language))} · {m.home.perSecond(rate(part.received / WINDOW_S, language))}
    </span>
  );
  return (
    <Card name="ingest" title={m.home.ingest} aside={aside}>
      {part.sources.length === 0 && <Empty title={m.home.ingestEmpty} hint={m.home.ingestEmptyHint} />}
      {part.sources.length > 0 && (
        <div className="scroll" tabIndex={0} role="group" aria-label={m.home.ingest}>
          <table className="table">
            <colgroup>
              <col />
              <col style={{ width: 150 }} />
              <col style={{ width: 90 }} />
              <col style={{ width: 80 }} />
              <col style={{ width: 96 }} />
            </colgroup>
            <thead>
              <tr>
                <th scope="col">{m.home.source}</th>
                <th scope="col">{m.home.trend}</th>
                <th scope="col" className="num">{m.home.received}</th>
                <th scope="col" className="num">{m.home.rate}</th>
                <th scope="col" className="num">{m.home.seen}</th>
              </tr>
            </thead>
            <tbody>
              {part.sources.map((source) => (
                <tr key={source.name}>
                  <td>
                    <Link to="/explore" search={{ src: source.name }} className="mono" title={m.home.openSource(source.name)}>
                      {source.name}
                    </Link>
                  </td>
                  <td>
                    <SparkBars values={source.chart} />
                  </td>
                  <td className="num" title={m.home.total(whole(source.docs, language))}>
                    {compact(source.received, language)}
                  </td>
                  <td className="num">{m.home.perSecond(rate(source.received / WINDOW_S, language))}</td>
                  <td className={`num ${source.received === 0 ? 'muted' : ''}`}>{ago(source.seen, now, language, m)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {part.left_out > 0 && <p className="muted" style={{ padding: '0 12px' }}>{m.home.leftOut(part.left_out)}</p>}
        </div>
      )}
    </Card>
  );
}
