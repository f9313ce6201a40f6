// Says when the search node is away, why, and when it is asked again. The page below stays as it is.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { type ApiFailure, get } from '../api/client';
import type { StatusAnswer } from '../api/types';
import { useMessages } from '../i18n';

const CHECK_MS = 15_000;
const RETRY_MS = 5_000;

export function NodeBanner() {
  const m = useMessages();
  const queries = useQueryClient();
  const status = useQuery<StatusAnswer, ApiFailure>({
    queryKey: ['status'],
    queryFn: ({ signal }) => get('/status', {}, signal),
    refetchInterval: (query) => (query.state.data?.node.reachable && !query.state.error ? CHECK_MS : RETRY_MS),
  });
  const node = status.data?.node;
  const away = status.error !== null || node?.reachable === false;

  // Another call failed first: look now. While it is away, the retry's own pace is enough.
  const { refetch } = status;
  useEffect(() => {
    const look = () => {
      if (!away) void refetch();
    };
    window.addEventListener('weir-node-away', look);
    return () => window.removeEventListener('weir-node-away', look);
  }, [away, refetch]);

  // What failed while the node was away is asked again as soon as it is back.
  const [wasAway, setWasAway] = useState(false);
  useEffect(() => {
    if (wasAway && !away) {
      void queries.invalidateQueries({ predicate: (query) => query.queryKey[0] !== 'status' });
      window.dispatchEvent(new Event('weir-node-back'));
    }
    setWasAway(away);
  }, [away, wasAway, queries]);

  if (!away) return null;
  return (
    <div className="banner" role="alert">
      <div className="grow">
        <strong>{status.error || !node ? m.status.serverAway : m.status.away(node.address)}</strong>{' '}
        {!status.error && node?.error && <span>{m.status.reason(node.error.cause ?? node.error.reason)} </span>}
        <span>{m.status.stays}</span>
      </div>
      <Countdown since={Math.max(status.dataUpdatedAt, status.errorUpdatedAt)} />
      <button type="button" className="text-button" onClick={() => void status.refetch()}>
        {m.status.retry}
      </button>
    </div>
  );
}

function Countdown({ since }: { since: number }) {
  const m = useMessages();
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  // Not announced: a screen reader should hear the fault once, not every second.
  return <span aria-hidden="true">{m.status.retryIn(Math.max(0, Math.ceil((since + RETRY_MS - now) / 1_000)))}</span>;
}
