// What programs do with @elastic/elasticsearch 8 and 9.
//
// keyword_style.mjs FOLDER-OF-NODE-MODULES URL

import assert from 'node:assert/strict'
import { createRequire } from 'node:module'

const [folder, node] = process.argv.slice(2)
const { Client, errors } = createRequire(`${folder}/package.json`)('@elastic/elasticsearch')
const client = new Client({ node })
let tried = 0

const same = (found, expected, what) => {
  tried += 1
  assert.deepEqual(found, expected, what)
}
const fails = async (status, promise, what) => {
  tried += 1
  await assert.rejects(promise, error => error instanceof errors.ResponseError && error.statusCode === status, what)
}

same(await client.ping(), true, 'ping')
same((await client.info()).tagline, 'You Know, for Search', 'info')

// Indices.
same(await client.indices.exists({ index: 'books' }), false, 'no index yet')
await client.indices.create({
  index: 'books',
  settings: { number_of_shards: 2, number_of_replicas: 0 },
  mappings: { properties: { title: { type: 'text' }, year: { type: 'integer' }, tags: { type: 'keyword' } } }
})
await fails(400, client.indices.create({ index: 'books' }), 'an index that is there')
await client.indices.putMapping({ index: 'books', properties: { pages: { type: 'long' } } })
same((await client.indices.getMapping({ index: 'books' })).books.mappings.properties.pages, { type: 'long' }, 'a field')
await client.indices.putSettings({ index: 'books', settings: { refresh_interval: '5s' } })

// Documents.
const book = { title: 'The quick brown fox', year: 1999, tags: ['a', 'b'] }
same((await client.index({ index: 'books', id: '1', document: book, refresh: true })).result, 'created', 'indexed')
same((await client.get({ index: 'books', id: '1' }))._source, book, 'read')
await fails(404, client.get({ index: 'books', id: 'none' }), 'no such document')
await fails(409, client.create({ index: 'books', id: '1', document: book }), 'created twice')
await fails(409, client.index({ index: 'books', id: '1', document: book, if_seq_no: 9, if_primary_term: 1 }), 'another number')
same((await client.update({ index: 'books', id: '1', doc: { pages: 3 } })).result, 'updated', 'updated')
same((await client.delete({ index: 'books', id: '1', refresh: true })).result, 'deleted', 'deleted')

// Many at once.
const years = Array.from({ length: 500 }, (_, at) => ({ title: `number ${at}`, year: 1500 + at }))
const done = await client.helpers.bulk({
  datasource: years,
  flushBytes: 4000,
  concurrency: 3,
  onDocument: document => ({ index: { _index: 'books', _id: String(document.year) } }),
  refreshOnCompletion: 'books'
})
same([done.total, done.successful, done.failed], [500, 500, 0], 'a bulk')
const dropped = []
await client.helpers.bulk({
  datasource: [{ year: 1500 }, { year: 'none' }, { year: 3000 }],
  onDocument: document => ({ create: { _index: 'books', _id: String(document.year) } }),
  onDrop: ({ status }) => dropped.push(status),
  refreshOnCompletion: true
})
same(dropped.sort(), [400, 409], 'each action of a bulk by itself')

// Searches.
const found = await client.search({
  index: 'books',
  size: 2,
  query: { bool: { must: [{ match: { title: 'number' } }], filter: [{ range: { year: { lt: 1900 } } }] } },
  sort: [{ year: 'desc' }],
  aggs: { centuries: { histogram: { field: 'year', interval: 100 }, aggs: { last: { max: { field: 'year' } } } } }
})
same(found.hits.total, { value: 400, relation: 'eq' }, 'a total')
same(found.hits.hits.map(hit => hit._id), ['1899', '1898'], 'sorted')
same(found.aggregations.centuries.buckets.map(bucket => [bucket.key, bucket.doc_count, bucket.last.value]),
  [[1500, 100, 1599], [1600, 100, 1699], [1700, 100, 1799], [1800, 100, 1899]], 'aggregated')
same((await client.helpers.search({ index: 'books', query: { term: { year: 1600 } } })), [{ _id: '1600', ...years[100] }], 'documents alone')
same((await client.count({ index: 'books' })).count, 501, 'counted')
same((await client.mget({ index: 'books', ids: ['1500', 'none'] })).docs.map(document => document.found), [true, false], 'several')
same((await client.fieldCaps({ index: 'books', fields: 'ye*' })).fields.year.integer.searchable, true, 'fields')
await fails(400, client.search({ index: 'books', query: { nothing: {} } }), 'a query nobody knows')
await fails(404, client.search({ index: 'nowhere' }), 'no such index')

// By query, and tasks.
const deleted = await client.deleteByQuery({ index: 'books', query: { range: { year: { lt: 1600 } } }, refresh: true })
same([deleted.deleted, deleted.failures], [100, []], 'deleted by query')
const { task } = await client.reindex({ source: { index: 'books' }, dest: { index: 'copies' }, wait_for_completion: false })
let outcome
do outcome = await client.tasks.get({ task_id: task, wait_for_completion: true, timeout: '10s' }); while (!outcome.completed)
same(outcome.response.created, 401, 'copied in the background')

// Aliases, templates, data streams, tables.
await client.indices.updateAliases({ actions: [{ add: { index: 'books', alias: 'library' } }] })
same(await client.indices.existsAlias({ name: 'library' }), true, 'an alias')
await client.cluster.putComponentTemplate({ name: 'times', template: { mappings: { properties: { '@timestamp': { type: 'date' } } } } })
await client.indices.putIndexTemplate({ name: 'events', index_patterns: ['events-*'], data_stream: {}, composed_of: ['times'], priority: 500 })
await client.indices.createDataStream({ name: 'events-one' })
await client.index({ index: 'events-one', document: { '@timestamp': new Date(), message: 'begun' }, refresh: 'wait_for' })
same((await client.indices.rollover({ alias: 'events-one' })).rolled_over, true, 'rolled over')
same((await client.indices.getDataStream({ name: 'events-*' })).data_streams[0].indices.length, 2, 'two backing indices')
same((await client.indices.resolveIndex({ name: 'ev*' })).data_streams.length, 1, 'what a name means')
same((await client.cluster.health({ wait_for_status: 'yellow' })).timed_out, false, 'health')
same((await client.cat.indices({ index: 'books', format: 'json' }))[0]['docs.count'], '401', 'a table as JSON')
same((await client.cat.count({ index: 'books', format: 'json' }))[0].count, '401', 'another')
same((await client.nodes.stats({ metric: 'jvm' }))._nodes.failed, 0, 'figures of the nodes')

await client.indices.deleteDataStream({ name: 'events-one' })
await client.indices.deleteIndexTemplate({ name: 'events' })
await client.cluster.deleteComponentTemplate({ name: 'times' })
await client.indices.delete({ index: ['books', 'copies'] })
console.log(`${tried} well`)
