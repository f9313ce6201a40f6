// Who talks most, and which names were asked for.

import { Link } from '@tanstack/react-router';
import type { HomeAnswer } from '../api/types';
import { Empty } from '../components/parts';
import { bytes, micros } from '../format/number';
import { ago } from '../format/time';
import { useLanguage, useMessages } from '../i18n';
import { Card } from './Card';
import { isRefused } from './HomePage';

type Network = HomeAnswer['network'];

export function FlowsCard({ part }: { part: Network }) {
  const m = useMessages();
  const language = useLanguage();
  if (isRefused(part)) return <Card name="flows" title={m.home.flows}><Empty fault title={m.home.refused} hint={part.error.reason} /></Card>;
  const { flows, present } = part;
  const most = Math.max(1, ...flows.map((flow) => flow.bytes));
  return (
    <Card name="flows" title={m.home.flows}>
      {flows.length === 0 && <Empty title={present ? m.home.flowsQuiet : m.home.flowsEmpty} hint={m.home.flowsEmptyHint} />}
      {flows.length > 0 && (
        <div className="scroll" tabIndex={0} role="group" aria-label={m.home.flows}>
          <table className="table">
            <colgroup>
              <col />
              <col style={{ width: 110 }} />
              <col style={{ width: 100 }} />
            </colgroup>
            <tbody>
              {flows.map((flow) => (
                <tr key={`${flow.from} ${flow.to} ${flow.port} ${flow.transport}`}>
                  <td className="mono talk" title={`${flow.from} → ${flow.to}${flow.port ? `:${flow.port}` : ''}`}>
                    <Link to="/explore" search={{ src: 'packets-*', f: `source.ip:${flow.from.replaceAll(':', '%3A')},destination.ip:${flow.to.replaceAll(':', '%3A')}` }}>
                      {flow.from} → {flow.to}
                      {flow.port && `:${flow.port}`}
                    </Link>
                    <span className="share" style={{ width: `${(flow.bytes / most) * 100}%` }} />
                  </td>
                  <td className="muted">
                    {flow.protocol ?? flow.transport}
                    {flow.flows > 1 && ` × ${flow.flows}`}
                  </td>
                  <td className="num">{bytes(flow.bytes, language)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

export function DnsCard({ part, now }: { part: Network; now: number }) {
  const m = useMessages();
  const language = useLanguage();
  if (isRefused(part)) return null;
  const { questions, present } = part;
  return (
    <Card name="dns" title={m.home.dns}>
      {questions.length === 0 && <Empty title={present ? m.home.dnsQuiet : m.home.flowsEmpty} />}
      {questions.length > 0 && (
        <div className="scroll" tabIndex={0} role="group" aria-label={m.home.dns}>
          <table className="table">
            <colgroup>
              <col />
              <col style={{ width: 104 }} />
              <col style={{ width: 70 }} />
              <col style={{ width: 84 }} />
            </colgroup>
            <tbody>
              {questions.map((question, at) => (
                <tr key={at}>
                  <td className="mono" title={[question.name, question.answer].filter(Boolean).join('\n')}>
                    <span className="muted">{question.type}</span> {question.name}
                  </td>
                  <td className={question.code === 'NOERROR' || question.code === null ? 'muted' : 'state-down'}>{question.code}</td>
                  <td className="num">{question.duration_ns === null ? '' : micros(question.duration_ns / 1_000, language)}</td>
                  <td className="num muted">{ago(question.seen, now, language, m)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
