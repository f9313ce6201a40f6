// Each host: processor, memory, load, fullest file systems, busiest interfaces.

import { Link } from '@tanstack/react-router';
import type { HomeAnswer, HostRow } from '../api/types';
import { Bar, Empty, SparkLine } from '../components/parts';
import { bytes, number, percent } from '../format/number';
import { ago } from '../format/time';
import { useLanguage, useMessages } from '../i18n';
import { Card } from './Card';
import { isRefused } from './HomePage';

const DISKS_SHOWN = 2;
const INTERFACES_SHOWN = 1;

export function HostsCard({ part, now }: { part: HomeAnswer['hosts']; now: number }) {
  const m = useMessages();
  if (isRefused(part)) return <Card name="hosts" title={m.home.hosts}><Empty fault title={m.home.refused} hint={part.error.reason} /></Card>;
  const { hosts, present } = part;
  return (
    <Card name="hosts" title={m.home.hosts} aside={hosts.length > 0 && <span className="muted">{hosts.length}</span>}>
      {hosts.length === 0 && <Empty title={present ? m.home.hostsQuiet : m.home.hostsEmpty} hint={m.home.hostsEmptyHint} />}
      {hosts.length > 0 && (
        <div className="hosts">
          {hosts.map((host) => (
            <Host key={host.name} host={host} now={now} />
          ))}
        </div>
      )}
    </Card>
  );
}

function Host({ host, now }: { host: HostRow; now: number }) {
  const m = useMessages();
  const language = useLanguage();
  const share = (value: number | null) => (value === null ? '–' : percent(value, language));
  return (
    <article className="host">
      <h3>
        <Link to="/explore" search={{ src: 'metrics-*', f: `host.name:${host.name}` }}>
          {host.name}
        </Link>
        {host.cores !== null && <span className="muted">{m.home.cores(host.cores)}</span>}
        <span className="grow" />
        <span className="muted">{ago(host.seen, now, language, m)}</span>
      </h3>
      <div className="gauge">
        <span className="label">{m.home.cpu}</span>
        <SparkLine values={host.cpu.chart} most={1} />
        <span className="num">{share(host.cpu.now)}</span>
      </div>
      <div className="gauge" title={host.memory_total ? bytes(host.memory_total, language) : undefined}>
        <span className="label">{m.home.memory}</span>
        <SparkLine values={host.memory.chart} most={1} />
        <span className="num">{share(host.memory.now)}</span>
      </div>
      <div className="gauge">
        <span className="label">{m.home.load}</span>
        <SparkLine values={host.load.chart} most={host.cores ?? 1} />
        <span className="num">{host.load.now === null ? '–' : number(Math.round(host.load.now * 100) / 100, language)}</span>
      </div>
      {host.disks.slice(0, DISKS_SHOWN).map((disk) => (
        <div className="gauge" key={disk.mount} title={`${disk.mount}${disk.total ? ` · ${bytes(disk.total, language)}` : ''}`}>
          <span className="label mono">{disk.mount}</span>
          <Bar share={disk.used} />
          <span className="num">{percent(disk.used, language)}</span>
        </div>
      ))}
      {host.interfaces.slice(0, INTERFACES_SHOWN).map((one) => (
        <div className="gauge" key={one.name} style={{ gridTemplateColumns: '60px minmax(0, 1fr)' }}>
          <span className="label mono">{one.name}</span>
          <span className="num">
            ↓ {m.home.perSecond(bytes(one.in, language))} · ↑ {m.home.perSecond(bytes(one.out, language))}
          </span>
        </div>
      ))}
    </article>
  );
}
