// Calls of the server: JSON answers, frames of a stream, and failures that know their kind.

import type { ErrorBody, Frame, SearchRequest } from './types';

export class ApiFailure extends Error {
  readonly body: ErrorBody;
  readonly requestId: string;

  constructor(body: ErrorBody, requestId = '') {
    super(body.reason);
    this.body = body;
    this.requestId = requestId;
  }
}

const HEADERS = { 'content-type': 'application/json', 'x-weir-request': '1' };

async function failure(response: Response): Promise<ApiFailure> {
  const id = response.headers.get('x-request-id') ?? '';
  try {
    const { error } = (await response.json()) as { error: ErrorBody };
    return new ApiFailure(error, id);
  } catch {
    return new ApiFailure({ kind: 'odd', reason: `status ${response.status}` }, id);
  }
}

/** Says that the node or the server does not answer, so that the banner need not wait for its next look. */
function away(problem: ApiFailure): ApiFailure {
  noticeAway(problem.body);
  return problem;
}

function noticeAway(body: ErrorBody): void {
  if (body.kind === 'node_away' || body.kind === 'server_away') window.dispatchEvent(new Event('weir-node-away'));
}

async function ask(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`/api${path}`, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw away(new ApiFailure({ kind: 'server_away', reason: String(error) }));
  }
  if (!response.ok) throw away(await failure(response));
  return response;
}

export async function get<T>(path: string, params: Record<string, string> = {}, signal?: AbortSignal): Promise<T> {
  const query = new URLSearchParams(params).toString();
  const response = await ask(query ? `${path}?${query}` : path, { signal });
  return (await response.json()) as T;
}

export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  const response = await ask(path, { method: 'POST', headers: HEADERS, body: JSON.stringify(body), signal });
  return (await response.json()) as T;
}

/** The frames of a search, each as soon as it has arrived. Aborting the signal ends the search on the node too. */
export async function* search(request: SearchRequest, signal: AbortSignal): AsyncGenerator<Frame> {
  const response = await ask('/explore/search', { method: 'POST', headers: HEADERS, body: JSON.stringify(request), signal });
  if (!response.body) return;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line) continue;
      const frame = JSON.parse(line) as Frame;
      if (frame.frame === 'error') noticeAway(frame.error);
      yield frame;
    }
  }
}
