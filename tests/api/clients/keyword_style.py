"""What programs do with clients that take parts of a body by their names: elasticsearch-py 8 and 9.

keyword_style.py URL
"""

import datetime
import sys

import checks
import elasticsearch
from checks import fails, same
from elasticsearch import helpers

client = elasticsearch.Elasticsearch(sys.argv[1])

same(client.ping(), True, "ping")
same(set(client.info().body) >= {"name", "cluster_name", "cluster_uuid", "version"}, True, "info")

# Indices, mappings, settings, analysis.
same(client.indices.exists(index="books"), False, "no index yet")
created = client.indices.create(
    index="books",
    settings={
        "number_of_shards": 2,
        "number_of_replicas": 0,
        "analysis": {"analyzer": {"plain": {"tokenizer": "standard", "filter": ["lowercase", "asciifolding"]}}},
    },
    mappings={
        "properties": {
            "title": {"type": "text", "analyzer": "plain", "fields": {"raw": {"type": "keyword"}}},
            "year": {"type": "integer"},
            "added": {"type": "date"},
        }
    },
)
same(created["acknowledged"], True, "created")
same(client.indices.exists(index="books"), True, "the index is there")
fails(elasticsearch.BadRequestError, 400, lambda: client.indices.create(index="books"), "an index that is there")
client.indices.put_mapping(index="books", properties={"pages": {"type": "long"}})
mapping = client.indices.get_mapping(index="books")["books"]["mappings"]["properties"]
same(mapping["pages"], {"type": "long"}, "a field that was added")
client.indices.put_settings(index="books", settings={"index": {"refresh_interval": "5s"}})
settings = client.indices.get_settings(index="books")["books"]["settings"]["index"]
same(settings["refresh_interval"], "5s", "a setting that was changed")
tokens = client.indices.analyze(index="books", analyzer="plain", text="Crème Brûlée")["tokens"]
same([token["token"] for token in tokens], ["creme", "brulee"], "analyzed")

# Documents one by one.
book = {"title": "Crème brûlée", "year": 1999, "added": datetime.datetime(2020, 1, 2, 3, 4, 5)}
answer = client.index(index="books", id="1", document=book, refresh=True)
same((answer["result"], answer["_version"]), ("created", 1), "indexed")
same(client.get(index="books", id="1")["_source"]["added"], "2020-01-02T03:04:05", "a date as the client writes it")
same(client.exists(index="books", id="2"), False, "no such document")
fails(elasticsearch.NotFoundError, 404, lambda: client.get(index="books", id="2"), "no such document")
fails(elasticsearch.ConflictError, 409, lambda: client.create(index="books", id="1", document=book), "created twice")
answer = client.update(index="books", id="1", doc={"pages": 12})
same(answer["result"], "updated", "updated")
stale = {"if_seq_no": 0, "if_primary_term": 1}
fails(elasticsearch.ConflictError, 409, lambda: client.index(index="books", id="1", document=book, **stale), "an old number")
same(client.get_source(index="books", id="1")["pages"], 12, "the source alone")
answer = client.update(index="books", id="2", doc={"year": 1}, doc_as_upsert=True)
same(answer["result"], "created", "made by an update")
same(client.delete(index="books", id="2")["result"], "deleted", "deleted")

# Many at once.
actions = ({"_index": "books", "_id": f"b{at}", "title": f"book number {at}", "year": 1900 + at} for at in range(100))
same(helpers.bulk(client, actions, refresh=True), (100, []), "a bulk")
actions = [
    {"_op_type": "create", "_index": "books", "_id": "b1", "title": "again"},
    {"_op_type": "update", "_index": "books", "_id": "b2", "doc": {"pages": 2}},
    {"_op_type": "delete", "_index": "books", "_id": "b3"},
    {"_index": "books", "_id": "b4", "year": "no number"},
]
found = [
    (done, next(iter(item.values()))["status"])
    for done, item in helpers.streaming_bulk(client, actions, raise_on_error=False, refresh="wait_for")
]
same(found, [(False, 409), (True, 200), (True, 200), (False, 400)], "each action of a bulk by itself")
many = ({"_index": "many", "n": at} for at in range(500))
same(sum(done for done, _ in helpers.parallel_bulk(client, many, thread_count=2, chunk_size=50)), 500, "side by side")
client.indices.refresh(index="many")
same(client.count(index="many")["count"], 500, "all of them")

# Searches.
hits = client.search(index="books", query={"match": {"title": "CREME"}})["hits"]
same((hits["total"], hits["hits"][0]["_id"]), ({"value": 1, "relation": "eq"}, "1"), "a match")
answer = client.search(
    index="books",
    size=2,
    sort=[{"year": "desc"}],
    query={"bool": {"filter": [{"range": {"year": {"gte": 1990}}}], "must_not": [{"ids": {"values": ["1"]}}]}},
    aggs={"years": {"histogram": {"field": "year", "interval": 5}, "aggs": {"last": {"max": {"field": "year"}}}}},
    source=["year"],
)
same([hit["_source"] for hit in answer["hits"]["hits"]], [{"year": 1999}, {"year": 1998}], "sorted, cut")
buckets = [(bucket["key"], bucket["doc_count"], bucket["last"]["value"]) for bucket in answer["aggregations"]["years"]["buckets"]]
same(buckets, [(1990.0, 5, 1994.0), (1995.0, 5, 1999.0)], "aggregated")
page = {"size": 40, "sort": ["year"], "query": {"exists": {"field": "year"}}, "track_total_hits": True}
seen = []
while True:
    found = client.search(index="books", **page)["hits"]["hits"]
    if not found:
        break
    seen += [hit["_source"]["year"] for hit in found]
    page["search_after"] = found[-1]["sort"]
same(len(seen) >= 99 and seen == sorted(seen), True, "page by page")
documents = client.mget(index="books", ids=["b1", "none"])["docs"]
same([document["found"] for document in documents], [True, False], "several by their ids")
same(client.field_caps(index="books", fields="year")["fields"]["year"]["integer"]["aggregatable"], True, "fields")
fails(elasticsearch.BadRequestError, 400, lambda: client.search(index="books", query={"nothing": {}}), "a query nobody knows")
fails(elasticsearch.NotFoundError, 404, lambda: client.search(index="nowhere"), "no such index")

# By query, and tasks.
client.indices.refresh(index="books")
answer = client.delete_by_query(index="books", query={"range": {"year": {"lt": 1910}}}, refresh=True)
same(answer["failures"], [], "deleted by query")
answer = client.update_by_query(index="books", query={"match_all": {}}, conflicts="proceed", refresh=True)
same(answer["updated"] > 80, True, "updated by query")
task = client.reindex(source={"index": "books"}, dest={"index": "copies"}, wait_for_completion=False)["task"]
while not (answer := client.tasks.get(task_id=task))["completed"]:
    pass
client.indices.refresh(index="copies")
same(client.count(index="copies")["count"], answer["response"]["created"], "copied in the background")
same("nodes" in client.tasks.list(), True, "tasks")

# Aliases, templates, data streams.
client.indices.put_alias(index="books", name="library", filter={"range": {"year": {"gte": 1995}}})
same(client.count(index="library")["count"] < 10, True, "through an alias with a filter")
client.indices.update_aliases(actions=[{"add": {"index": "copies", "alias": "backup"}}])
same(sorted(client.indices.get_alias(index="copies")["copies"]["aliases"]), ["backup"], "aliases")
client.indices.put_template(name="old", index_patterns=["old-*"], settings={"number_of_replicas": 0})
same(client.indices.exists_template(name="old"), True, "a template of the older kind")
client.cluster.put_component_template(
    name="times", template={"mappings": {"properties": {"@timestamp": {"type": "date"}}}}
)
client.indices.put_index_template(
    name="events", index_patterns=["events-*"], data_stream={}, composed_of=["times"], priority=500
)
event = {"@timestamp": "2026-01-01T00:00:00Z", "message": "begun"}
same(client.index(index="events-one", document=event, op_type="create", refresh=True)["result"], "created", "an event")
streams = client.indices.get_data_stream(name="events-*")["data_streams"]
same([stream["name"] for stream in streams], ["events-one"], "a data stream")
same(client.indices.rollover(alias="events-one")["rolled_over"], True, "rolled over")
same(len(client.indices.get_data_stream(name="events-one")["data_streams"][0]["indices"]), 2, "two backing indices")
same(client.count(index="events-*")["count"], 1, "over both")
client.indices.delete_data_stream(name="events-one")

# The cluster and its tables.
same(client.cluster.health(wait_for_status="yellow", index="books")["timed_out"], False, "health")
client.cluster.put_settings(transient={"cluster.routing.allocation.enable": "all"})
same("metadata" in client.cluster.state(metric="metadata"), True, "state")
same(client.cluster.stats()["indices"]["count"] >= 3, True, "figures of the cluster")
same(client.nodes.info()["_nodes"]["failed"], 0, "nodes")
same(client.nodes.stats(metric="indices")["_nodes"]["successful"] >= 1, True, "figures of the nodes")
rows = client.cat.indices(index="books", format="json", h=["index", "docs.count"])
same(rows[0]["index"], "books", "a table as JSON")
same(client.cat.count(index="many", h="count").body.strip(), "500", "a table as text")
same(client.indices.stats(index="many")["_all"]["primaries"]["docs"]["count"], 500, "figures of an index")
client.indices.forcemerge(index="many", max_num_segments=1)
client.indices.flush(index="many")
same(client.indices.segments(index="many")["_shards"]["failed"], 0, "segments")

for index in ["books", "copies", "many"]:
    same(client.indices.delete(index=index)["acknowledged"], True, "deleted")
client.indices.delete_template(name="old")
client.indices.delete_index_template(name="events")
client.cluster.delete_component_template(name="times")
print(f"{checks.tried} well")
