// Writes realistic events of the four beats into a search node, so that pages can be looked at without beats.
//
//   npm run seed -- http://127.0.0.1:9200 [minutes of history, 60] [--live]
//
// With --live it goes on with what arrives every second, until Ctrl-C.

const node = (process.argv[2] ?? 'http://127.0.0.1:9200').replace(/\/$/, '');
const minutes = Number(process.argv[3]?.startsWith('--') ? 60 : (process.argv[3] ?? 60));
const live = process.argv.includes('--live');

// The same data each time: a small generator with a fixed start.
let state = 42;
const random = () => {
  state = (state * 1664525 + 1013904223) % 4294967296;
  return state / 4294967296;
};
const pick = (list) => list[Math.floor(random() * list.length)];
const hosts = ['web-1', 'web-2', 'db-1'];
const paths = ['/', '/cart', '/checkout', '/api/products', '/api/orders', '/login', '/static/app.js', '/产品/列表'];
const names = ['shop.example', 'db.internal', 'cdn.example', 'mail.example', 'unknown.invalid'];

function base(time, type, dataset, beat, host) {
  return {
    '@timestamp': new Date(time).toISOString(),
    data_stream: { type, dataset, namespace: 'default' },
    event: { dataset, module: dataset.split('.')[0] },
    host: { name: host },
    agent: { type: beat, version: '0.1.0', name: host, id: `id-${beat}-${host}`, ephemeral_id: 'e1' },
    ecs: { version: '8.11.0' },
  };
}

function accessLog(time, offset) {
  const host = pick(hosts.slice(0, 2));
  const code = random() < 0.04 ? pick([500, 502, 503]) : pick([200, 200, 200, 200, 301, 304, 404]);
  const path = pick(paths);
  const bytes = Math.floor(random() * 50000);
  const ip = `203.0.113.${1 + Math.floor(random() * 200)}`;
  return {
    ...base(time, 'logs', 'nginx.access', 'file-beat', host),
    message: `${ip} - - "GET ${path} HTTP/1.1" ${code} ${bytes}`,
    log: { level: code >= 500 ? 'error' : code >= 400 ? 'warn' : 'info', offset, file: { path: '/var/log/nginx/access.log' } },
    source: { ip },
    url: { path },
    http: { request: { method: 'GET' }, response: { status_code: code, body: { bytes } } },
    trace_number: 9007199254740993n,
  };
}

function appLog(time, offset) {
  const level = pick(['debug', 'info', 'info', 'info', 'notice', 'warn', 'error', random() < 0.1 ? 'fatal' : 'info']);
  const text = {
    debug: 'cache miss for key product:4711',
    info: 'order 81723 was placed in 43 ms',
    notice: 'configuration was read again',
    warn: 'slow query took 2300 ms: SELECT * FROM orders',
    error: 'connection refused to db.internal:5432\n  at connect (pool.js:12)\n  at run (job.js:80)',
    fatal: '库存服务无法启动：端口被占用',
  }[level];
  return {
    ...base(time, 'logs', 'shop.app', 'file-beat', 'web-1'),
    message: text,
    log: { level, offset, file: { path: '/var/log/shop/app.log' } },
  };
}

const counters = new Map();
function metrics(time) {
  const events = [];
  for (const [at, host] of hosts.entries()) {
    const wave = 0.35 + 0.25 * Math.sin(time / 180000 + at) + random() * 0.1;
    const one = (set, fields) => ({ ...base(time, 'metrics', `system.${set}`, 'metric-beat', host), metricset: { name: set, period: 10000 }, system: fields });
    events.push(one('cpu', { cpu: { cores: 8, total: { pct: wave * 8, norm: { pct: wave } }, user: { pct: wave * 6, norm: { pct: wave * 0.75 } } } }));
    events.push(one('load', { load: { 1: wave * 8, 5: wave * 7, 15: wave * 6, cores: 8 } }));
    events.push(one('memory', { memory: { total: 17179869184, actual: { used: { bytes: Math.round(17179869184 * (0.5 + wave / 5)), pct: 0.5 + wave / 5 } } } }));
    for (const mount of ['/', '/var/lib/data']) {
      const used = mount === '/' ? 0.41 : 0.72 + at * 0.1;
      events.push(one('filesystem', { filesystem: { mount_point: mount, device_name: '/dev/sda1', type: 'ext4', total: 512 * 2 ** 30, used: { pct: used, bytes: Math.round(used * 512 * 2 ** 30) } } }));
    }
    for (const name of ['eth0', 'lo']) {
      const key = `${host}/${name}`;
      const before = counters.get(key) ?? { in: 0, out: 0 };
      const rate = name === 'lo' ? 2000 : 1200000;
      const after = { in: before.in + Math.round(rate * 10 * wave), out: before.out + Math.round(rate * 4 * wave) };
      counters.set(key, after);
      events.push(one('network', { network: { name, in: { bytes: after.in, packets: Math.round(after.in / 900), errors: 0, dropped: 0 }, out: { bytes: after.out, packets: Math.round(after.out / 900), errors: 0, dropped: 0 } } }));
    }
  }
  return events;
}

function checks(time) {
  const monitors = [
    ['search', 'Search node', 'http', 'http://127.0.0.1:9200', 0],
    ['shop', 'Shop front page', 'http', 'http://shop.example/', 0.02],
    ['db', 'Database port', 'tcp', 'tcp://db.internal:5432', 0],
    ['mail', 'Mail server', 'icmp', 'icmp://mail.example', 0.9],
  ];
  return monitors.map(([id, name, type, url, fails]) => {
    const down = random() < fails;
    return {
      ...base(time, 'uptime', type, 'heartbeat', 'web-1'),
      monitor: { id, name, type, status: down ? 'down' : 'up', duration: { us: Math.round(800 + random() * 60000) }, ip: '127.0.0.1' },
      url: { full: url, scheme: type },
      summary: { up: down ? 0 : 1, down: down ? 1 : 0 },
      ...(down ? { error: { type: 'io', message: 'no answer within 16 s' } } : {}),
    };
  });
}

function packets(time) {
  const bytes = Math.floor(random() ** 4 * 5e7) + 200;
  const port = pick([443, 443, 80, 5432, 9200]);
  const ends = { source: { ip: `10.0.0.${1 + Math.floor(random() * 5)}`, port: 40000 + Math.floor(random() * 20000) }, destination: { ip: `10.0.1.${1 + Math.floor(random() * 3)}`, port } };
  const flow = { ...base(time, 'packets', 'flow', 'packet-beat', 'web-1'), ...ends, flow: { id: `f${Math.floor(random() * 1e9)}`, final: true }, network: { type: 'ipv4', transport: 'tcp', bytes, packets: Math.ceil(bytes / 900), community_id: '1:abc' } };
  const name = pick(names);
  const dns = {
    ...base(time, 'packets', 'dns', 'packet-beat', 'web-1'),
    dns: { id: 7, type: 'answer', question: { name, type: pick(['A', 'AAAA']), class: 'IN' }, response_code: name.endsWith('invalid') ? 'NXDOMAIN' : 'NOERROR', resolved_ip: name.endsWith('invalid') ? [] : ['10.0.1.2'] },
    client: { ip: '10.0.0.2' },
    status: name.endsWith('invalid') ? 'Error' : 'OK',
    query: `class IN, type A, ${name}`,
  };
  dns.event.duration = Math.round(random() * 4e7);
  return [flow, dns];
}

// Whole numbers beyond 2^53 must arrive with all their digits.
const json = (value) => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `#big:${v}` : v)).replace(/"#big:(\d+)"/g, '$1');

async function call(method, path, body, type = 'application/json') {
  const answer = await fetch(node + path, { method, body, headers: { 'content-type': type } });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${text.slice(0, 300)}`);
  return JSON.parse(text);
}

async function write(events) {
  const lines = events.map((event) => {
    const { type, dataset, namespace } = event.data_stream;
    return `${JSON.stringify({ create: { _index: `${type}-${dataset}-${namespace}` } })}\n${json(event)}\n`;
  });
  for (let at = 0; at < lines.length; at += 1000) {
    const answer = await call('POST', '/_bulk', lines.slice(at, at + 1000).join(''), 'application/x-ndjson');
    const bad = answer.items?.find((item) => Object.values(item)[0].error);
    if (bad) throw new Error(`an event was refused: ${JSON.stringify(bad)}`);
  }
  return events.length;
}

function second(time, tick) {
  const events = [accessLog(time + 100, tick * 400), accessLog(time + 100, tick * 400 + 180), accessLog(time + 700, tick * 400 + 300)];
  if (tick % 2 === 0) events.push(appLog(time + 300, tick * 90));
  if (tick % 3 === 0) events.push(...packets(time + 500));
  if (tick % 10 === 0) events.push(...metrics(time), ...checks(time));
  return events;
}

const template = { index_patterns: ['logs-*-*', 'metrics-*-*', 'uptime-*-*', 'packets-*-*'], data_stream: {}, priority: 50 };
await call('PUT', '/_index_template/weir-seed', JSON.stringify(template)).catch((error) => console.error(`no template, so plain indices: ${error.message}`));
const now = Date.now();
let total = 0;
let waiting = [];
for (let tick = 0; tick < minutes * 60; tick += 1) {
  waiting.push(...second(now - minutes * 60000 + tick * 1000, tick));
  if (waiting.length >= 4000) total += await write(waiting.splice(0));
}
total += await write(waiting);
await call('POST', '/_refresh', undefined).catch(() => {});
console.log(`${total} events in ${node}`);
for (let tick = minutes * 60; live; tick += 1) {
  await new Promise((done) => setTimeout(done, 1000));
  await write(second(Date.now() - 1000, tick));
}
