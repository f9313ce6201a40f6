// Home: what is arriving now. Asks again by itself while it is seen; every card says what is missing and what to do.

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { type ApiFailure, get } from '../api/client';
import type { HomeAnswer, Part } from '../api/types';
import { Empty, Waiting } from '../components/parts';
import { clock } from '../format/time';
import { useMessages } from '../i18n';
import { usePrefs } from '../state/prefs';
import { HostsCard } from './HostsCard';
import { IngestCard } from './IngestCard';
import { LogsCard } from './LogsCard';
import { MonitorsCard } from './MonitorsCard';
import { DnsCard, FlowsCard } from './NetworkCards';

const EVERY_MS = 5_000;

export function HomePage() {
  const m = useMessages();
  const { zone } = usePrefs();
  const home = useQuery<HomeAnswer, ApiFailure>({
    queryKey: ['home'],
    queryFn: ({ signal }) => get('/home', {}, signal),
    refetchInterval: EVERY_MS,
    placeholderData: keepPreviousData,
  });
  const data = home.data;
  return (
    <div className="home" tabIndex={0} role="region" aria-label={m.nav.home}>
      <div className="home-head">
        <h1>{m.home.title}</h1>
        <span className="muted">{m.home.subtitle}</span>
        <span className="grow" />
        {data && <span className="muted">{m.home.updated(clock(data.now, zone))}</span>}
      </div>
      {!data && !home.error && <Waiting />}
      {!data && home.error && <Empty fault title={m.common.failed} hint={home.error.message} />}
      {data && (
        <div className="home-columns">
          <div className="column wide">
            <IngestCard part={data.ingest} now={data.now} />
            <LogsCard part={data.logs} />
            <FlowsCard part={data.network} />
          </div>
          <div className="column slim">
            <MonitorsCard part={data.monitors} now={data.now} />
            <HostsCard part={data.hosts} now={data.now} />
            <DnsCard part={data.network} now={data.now} />
          </div>
        </div>
      )}
    </div>
  );
}

export const isRefused = <T extends object>(part: Part<T>): part is { error: { kind: string; reason: string } } => 'error' in part;
