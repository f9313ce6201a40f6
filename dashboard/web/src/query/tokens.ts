// The query bar's tokens, for colours and completion only: what a query means is decided by the server.
// The rules are those of the server's lexer; both run the cases in dashboard/server/testdata/kql-cases.json.

export type TokenKind = 'word' | 'quoted' | 'colon' | 'compare' | 'paren' | 'operator' | 'field' | 'wildcard' | 'fault';

export interface Token {
  kind: TokenKind;
  start: number;
  end: number;
}

const ENDS_WORD = new Set(['(', ')', ':', '<', '>', '"', '{', '}']);

/** Tokens of any text; an open quote or a curly bracket is a `fault` token. */
export function tokens(query: string): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < query.length) {
    const c = query.charAt(at);
    if (/\s/.test(c)) {
      at += 1;
      continue;
    }
    const token = next(query, at, c);
    found.push(token);
    at = token.end;
  }
  return found;
}

function next(query: string, start: number, c: string): Token {
  if (c === '(' || c === ')') return { kind: 'paren', start, end: start + 1 };
  if (c === ':') return { kind: 'colon', start, end: start + 1 };
  if (c === '<' || c === '>') return { kind: 'compare', start, end: start + (query.charAt(start + 1) === '=' ? 2 : 1) };
  if (c === '{' || c === '}') return { kind: 'fault', start, end: start + 1 };
  if (c === '"') return quoted(query, start);
  let end = start;
  while (end < query.length && !/\s/.test(query.charAt(end)) && !ENDS_WORD.has(query.charAt(end))) {
    end += query.charAt(end) === '\\' ? 2 : 1;
  }
  end = Math.min(end, query.length);
  const text = query.slice(start, end);
  return { kind: /^(and|or|not)$/i.test(text) ? 'operator' : 'word', start, end };
}

function quoted(query: string, start: number): Token {
  for (let end = start + 1; end < query.length; end += 1) {
    if (query.charAt(end) === '\\') end += 1;
    else if (query.charAt(end) === '"') return { kind: 'quoted', start, end: end + 1 };
  }
  return { kind: 'fault', start, end: query.length };
}

/** The same tokens with fields and wildcards told apart, for colours. */
export function coloured(query: string): Token[] {
  const plain = tokens(query);
  return plain.map((token, at) => {
    if (token.kind !== 'word') return token;
    const follower = plain[at + 1]?.kind;
    if (follower === 'colon' || follower === 'compare') return { ...token, kind: 'field' };
    return /(^|[^\\])\*/.test(query.slice(token.start, token.end)) ? { ...token, kind: 'wildcard' } : token;
  });
}

export type Completion =
  | { kind: 'field'; start: number; end: number; prefix: string }
  | { kind: 'value'; start: number; end: number; prefix: string; field: string };

/** What could be completed where the caret stands; the query around it may be broken. */
export function completionAt(query: string, caret: number): Completion | null {
  const before = tokens(query.slice(0, caret));
  const last = before[before.length - 1];
  const touches = last !== undefined && last.end === caret;
  const word = touches && (last.kind === 'word' || last.kind === 'fault' || last.kind === 'operator') ? last : null;
  const end = word ? (tokens(query).find((token) => token.start === word.start)?.end ?? caret) : caret;
  const start = word ? word.start : caret;
  const prefix = query.slice(start, caret).replace(/^"/, '');
  const left = word ? before.slice(0, -1) : before;
  const field = fieldOf(query, left);
  if (field !== null) return { kind: 'value', start, end, prefix, field };
  if (touches && !word && last.kind !== 'paren') return null;
  return { kind: 'field', start, end, prefix };
}

/** The field whose value comes next: after `field:`, and inside `field:(a or …`. */
function fieldOf(query: string, left: Token[]): string | null {
  let depth = 0;
  for (let at = left.length - 1; at >= 0; at -= 1) {
    const token = left[at];
    if (!token) return null;
    const text = query.slice(token.start, token.end);
    if (token.kind === 'colon' || token.kind === 'compare') {
      const name = left[at - 1];
      return name && (at === left.length - 1 || depth > 0) ? query.slice(name.start, name.end) : null;
    }
    if (text === '(') {
      if (left[at - 1]?.kind !== 'colon') return null;
      depth += 1;
    } else if (text === ')' || (depth === 0 && token.kind !== 'operator' && token.kind !== 'word' && token.kind !== 'quoted')) {
      return null;
    }
  }
  return null;
}

/** A value as it must be written to be taken as it is. */
export function writtenValue(value: string): string {
  const plain = /^[^\s():<>"{}\\*]+$/.test(value) && !/^(and|or|not)$/i.test(value);
  return plain ? value : `"${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;
}
