#include "server/qdrant_points.h"

#include <algorithm>

#include "base/overloaded.h"
#include "dialects/qdrant/collection.h"
#include "dialects/qdrant/ids.h"
#include "dialects/qdrant/points.h"
#include "dialects/qdrant/query.h"
#include "http/message.h"
#include "json/writer.h"

namespace weir::server {
namespace {

using qdrant::Scored;
using qdrant::Update;
using vectors::Collection;

using Answer = Result<std::string>;

// A collection that was found, and what its fields are said to hold.
struct Opened {
  std::shared_ptr<Collection> collection;
  qdrant::IsTime is_time;
};

Result<Opened> Open(const Shelf& shelf, const std::string& name) {
  auto collection = shelf.Find(name);
  if (!collection) return Fail(std::move(collection.error()));
  const auto spec = shelf.Look(name);
  if (!spec) return Fail(spec.error());
  auto is_time = [about = qdrant::AboutOf(spec->about)](const std::string& field) {
    return std::ranges::any_of(about.indexes, [&](const qdrant::FieldIndex& index) {
      return index.field == field && index.type == "datetime";
    });
  };
  return Opened{std::move(*collection), std::move(is_time)};
}

// Every write is on the disk before it is answered, waited for or not.
std::string Updated(const VectorRequest& request) {
  const bool waited = http::QueryValue(request.query, "wait").value_or("false") == "true";
  return waited ? R"({"operation_id":0,"status":"completed"})"
                : R"({"operation_id":0,"status":"acknowledged"})";
}

Answer Write(Collection& collection, Result<Update> update, const VectorRequest& request) {
  if (!update) return Fail(std::move(update.error()));
  const auto done = Apply(collection, *update);
  if (!done) return Fail(done.error());
  return Updated(request);
}

Answer WriteAll(Collection& collection, const json::Value& body, const VectorRequest& request) {
  const auto updates = qdrant::ReadUpdates(body);
  if (!updates) return Fail(updates.error());
  std::string out;
  json::Writer writer(&out);
  writer.BeginArray();
  for (size_t i = 0; i < updates->size(); ++i) {
    auto done = Apply(collection, (*updates)[i]);
    if (!done) {
      done.error().message += " (operation " + std::to_string(i) + "; those before it are done)";
      return Fail(std::move(done.error()));
    }
    writer.Raw(Updated(request));
  }
  writer.EndArray();
  return out;
}

std::string Records(const std::vector<vectors::Point>& points, const qdrant::Shown& shown) {
  std::string out;
  json::Writer writer(&out);
  writer.BeginArray();
  for (const vectors::Point& point : points) {
    writer.BeginObject();
    AppendPoint(writer, point, shown);
    writer.EndObject();
  }
  writer.EndArray();
  return out;
}

Answer Retrieve(const Collection& collection, const json::Value& body) {
  const auto asked = qdrant::ReadRetrieve(body);
  if (!asked) return Fail(asked.error());
  const auto points = collection.Get(asked->ids, asked->shown.parts());
  if (!points) return Fail(points.error());
  return Records(*points, asked->shown);
}

Answer GetOne(const Collection& collection, const std::string& id) {
  const qdrant::Shown shown{.payload = true, .vectors = true};
  const std::string known = qdrant::IdInPath(id);
  const auto points = collection.Get(std::span(&known, 1), shown.parts());
  if (!points) return Fail(points.error());
  if (points->empty()) {
    return Fail(Code::kNotFound, "there is no point with this id", "id", "point_not_found");
  }
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject();
  AppendPoint(writer, points->front(), shown);
  writer.EndObject();
  return out;
}

Answer Scroll(const Opened& opened, const json::Value& body) {
  const auto asked = qdrant::ReadScroll(body);
  if (!asked) return Fail(asked.error());
  std::string out;
  json::Writer writer(&out);
  if (asked->order) {
    const auto ordered = RunOrder(*opened.collection, *asked->order, asked->query.filter,
                                  asked->query.limit, asked->query.parts, opened.is_time);
    if (!ordered) return Fail(ordered.error());
    writer.BeginObject().Key("points").BeginArray();
    for (const Scored& one : *ordered) {
      writer.BeginObject();
      AppendPoint(writer, one.point, asked->shown);
      writer.Key("order_value").Tree(*one.order_value).EndObject();
    }
    writer.EndArray().Key("next_page_offset").Null().EndObject();
    return out;
  }
  // The one behind the page is where the next begins.
  vectors::ScrollQuery query = asked->query;
  ++query.limit;
  auto page = opened.collection->Scroll(query);
  if (!page) return Fail(std::move(page.error()));
  std::optional<std::string> next;
  if (page->points.size() == query.limit) {
    next = page->points.back().id;
    page->points.pop_back();
  }
  writer.BeginObject().Key("points").Raw(Records(page->points, asked->shown));
  writer.Key("next_page_offset");
  if (next) {
    qdrant::AppendId(writer, *next);
  } else {
    writer.Null();
  }
  writer.EndObject();
  return out;
}

Answer Count(const Collection& collection, const json::Value& body) {
  const auto filter = qdrant::ReadCount(body);
  if (!filter) return Fail(filter.error());
  const auto count = collection.Count(*filter);
  if (!count) return Fail(count.error());
  return R"({"count":)" + std::to_string(*count) + "}";
}

// Older routes give a list alone, newer ones an object with it.
enum class Form : uint8_t { kPoints, kList };

void AppendFound(json::Writer& writer, const std::vector<Scored>& scored,
                 const qdrant::Shown& shown, Form form) {
  if (form == Form::kList) return AppendScored(writer, scored, shown);
  writer.BeginObject().Key("points");
  AppendScored(writer, scored, shown);
  writer.EndObject();
}

Answer Find(const Opened& opened, const Result<qdrant::QueryAsk>& asked, Form form) {
  if (!asked) return Fail(asked.error());
  const auto scored = Run(*opened.collection, *asked, opened.is_time);
  if (!scored) return Fail(scored.error());
  std::string out;
  json::Writer writer(&out);
  AppendFound(writer, *scored, asked->shown, form);
  return out;
}

Answer FindAll(const Opened& opened, const Result<std::vector<qdrant::QueryAsk>>& asked,
               Form form) {
  if (!asked) return Fail(asked.error());
  std::string out;
  json::Writer writer(&out);
  writer.BeginArray();
  for (const qdrant::QueryAsk& one : *asked) {
    const auto scored = Run(*opened.collection, one, opened.is_time);
    if (!scored) return Fail(scored.error());
    AppendFound(writer, *scored, one.shown, form);
  }
  writer.EndArray();
  return out;
}

Answer FindGroups(const Opened& opened, const json::Value& body) {
  const auto asked = qdrant::ReadGroups(body);
  if (!asked) return Fail(asked.error());
  const auto groups = RunGroups(*opened.collection, *asked, opened.is_time);
  if (!groups) return Fail(groups.error());
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Key("groups").BeginArray();
  for (const qdrant::Group& group : *groups) {
    writer.BeginObject().Key("hits");
    AppendScored(writer, group.hits, asked->shown);
    writer.Key("id").Tree(group.id).EndObject();
  }
  writer.EndArray().EndObject();
  return out;
}

}  // namespace

Result<std::string> AnswerQdrantPoints(const Shelf& shelf, const std::string& collection,
                                       std::span<const std::string> path,
                                       const VectorRequest& request) {
  const auto opened = Open(shelf, collection);
  if (!opened) return Fail(opened.error());
  Collection& points = *opened->collection;
  std::string name = request.method;
  for (const std::string& part : path) name += " " + part;
  if (request.method == "GET" && path.size() == 1) return GetOne(points, path[0]);
  auto body = request.Json();
  if (!body) return Fail(std::move(body.error()));
  using namespace qdrant;
  if (name == "PUT") return Write(points, ReadUpsert(*body), request);
  if (name == "POST") return server::Retrieve(points, *body);
  if (name == "POST delete") return Write(points, ReadDelete(*body), request);
  if (name == "POST payload") return Write(points, ReadSetPayload(*body, false), request);
  if (name == "PUT payload") return Write(points, ReadSetPayload(*body, true), request);
  if (name == "POST payload delete") return Write(points, ReadDeletePayload(*body), request);
  if (name == "POST payload clear") return Write(points, ReadClearPayload(*body), request);
  if (name == "PUT vectors") return Write(points, ReadUpdateVectors(*body), request);
  if (name == "POST vectors delete") return Write(points, ReadDeleteVectors(*body), request);
  if (name == "POST batch") return WriteAll(points, *body, request);
  if (name == "POST scroll") return server::Scroll(*opened, *body);
  if (name == "POST count") return Count(points, *body);
  if (name == "POST query") return Find(*opened, ReadQuery(*body), Form::kPoints);
  if (name == "POST query batch") return FindAll(*opened, ReadQueries(*body), Form::kPoints);
  if (name == "POST query groups") return FindGroups(*opened, *body);
  if (name == "POST search") return Find(*opened, ReadSearch(*body), Form::kList);
  if (name == "POST search batch") return FindAll(*opened, ReadSearches(*body), Form::kList);
  return Fail(Code::kNotFound, "there is nothing at this path", {}, "unknown_route");
}

Result<std::string> AnswerQdrantFacet(const Shelf& shelf, const std::string& collection,
                                      const VectorRequest& request) {
  const auto opened = shelf.Find(collection);
  if (!opened) return Fail(opened.error());
  auto body = request.Json();
  if (!body) return Fail(std::move(body.error()));
  const auto asked = qdrant::ReadFacet(*body);
  if (!asked) return Fail(asked.error());
  const auto hits = (*opened)->Facet(*asked);
  if (!hits) return Fail(hits.error());
  std::string out;
  json::Writer writer(&out);
  writer.BeginObject().Key("hits").BeginArray();
  for (const vectors::FacetHit& hit : *hits) {
    writer.BeginObject().Key("value");
    std::visit(Overloaded{[&](const std::string& s) { writer.String(s); },
                          [&](int64_t i) { writer.Int(i); }, [&](bool b) { writer.Bool(b); },
                          [&](double d) { writer.Double(d); }},
               hit.value);
    writer.Field("count", hit.count).EndObject();
  }
  writer.EndArray().EndObject();
  return out;
}

}  // namespace weir::server
