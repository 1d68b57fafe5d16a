#include "server/document_routes.h"

#include <charconv>
#include <utility>

#include "gateway/ingest.h"
#include "gateway/retrieve.h"
#include "json/writer.h"
#include "server/answering.h"
#include "server/document_object.h"
#include "server/json_limits.h"
#include "server/weir_requests.h"

namespace weir::server {
namespace {

constexpr size_t kPageDefault = 100;
constexpr std::string_view kDocuments = "/documents";

// "NAME/documents/ID": what stands before and behind.
struct Place {
  std::string collection;
  std::string document;
};

Place PlaceOf(const Call& call) {
  const std::string_view tail = call.tail;
  const size_t slash = tail.find('/');
  Place place{.collection = http::PercentDecode(tail.substr(0, slash)).value_or(""),
              .document = {}};
  if (slash == std::string_view::npos) return place;
  std::string_view rest = tail.substr(slash);
  if (!rest.starts_with(kDocuments)) return place;
  rest.remove_prefix(kDocuments.size());
  if (!rest.empty()) rest.remove_prefix(1);
  place.document = http::PercentDecode(rest).value_or("");
  return place;
}

Result<size_t> LimitOf(const std::string& query) {
  const auto text = http::QueryValue(query, "limit");
  if (!text) return kPageDefault;
  size_t limit = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (error == std::errc() && end == text->data() + text->size() && limit >= 1 &&
      limit <= knowledge::Limits::kPageMax) {
    return limit;
  }
  return Fail(Code::kInvalidArgument, "limit takes a number from 1 to 1000", "limit");
}

std::string Rendered(const knowledge::DocumentInfo& document) {
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject();
  AppendDocumentFields(writer, document);
  writer.EndObject();
  return body;
}

Task<void> SendDocument(Call& call, const Result<knowledge::DocumentInfo>& document) {
  if (!document) {
    co_await call.SendError(document.error());
    co_return;
  }
  co_await call.SendJson(200, Rendered(*document));
}

}  // namespace

Task<void> GetDocuments(Site& site, Call& call) {
  if (site.documents == nullptr) {
    co_await call.SendError(NoDocumentsHere());
    co_return;
  }
  const auto limit = LimitOf(call.request().query);
  if (!limit) {
    co_await call.SendError(limit.error());
    co_return;
  }
  const std::string after = http::QueryValue(call.request().query, "after").value_or("");
  // One more than asked for tells whether there are more.
  auto listed = co_await site.documents->library.List(
      gateway::FullNameOf(call.asked, PlaceOf(call).collection), after, *limit + 1);
  if (!listed) {
    co_await call.SendError(listed.error());
    co_return;
  }
  const bool has_more = listed->size() > *limit;
  if (has_more) listed->pop_back();
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("object", "list").Key("data").BeginArray();
  for (const knowledge::DocumentInfo& document : *listed) {
    writer.BeginObject();
    AppendDocumentFields(writer, document);
    writer.EndObject();
  }
  writer.EndArray().Field("has_more", has_more).EndObject();
  co_await call.SendJson(200, std::move(body));
}

Task<void> GetDocument(Site& site, Call& call) {
  Result<knowledge::DocumentInfo> document = Fail(NoDocumentsHere());
  Place place = PlaceOf(call);
  if (site.documents != nullptr) {
    document = co_await site.documents->library.Find(
        gateway::FullNameOf(call.asked, place.collection), std::move(place.document));
  }
  co_await SendDocument(call, document);
}

Task<void> PutDocument(Site& site, Call& call) {
  if (site.documents == nullptr) {
    co_await call.SendError(NoDocumentsHere());
    co_return;
  }
  Place place = PlaceOf(call);
  const auto ingested =
      co_await gateway::Ingest(site.gateway, *site.documents, call.asked,
                               {.collection = std::move(place.collection),
                                .name = std::move(place.document),
                                .bytes = std::move(call.exchange.request().body)});
  if (!ingested) {
    co_await call.SendError(ingested.error());
    co_return;
  }
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject();
  AppendDocumentFields(writer, ingested->document);
  writer.Field("embedded", ingested->embedded).Field("unchanged", ingested->unchanged).EndObject();
  co_await call.SendJson(200, std::move(body));
}

Task<void> DeleteDocument(Site& site, Call& call) {
  Place place = PlaceOf(call);
  Result<knowledge::DocumentInfo> removed = Fail(NoDocumentsHere());
  if (site.documents != nullptr) {
    const std::string collection = gateway::FullNameOf(call.asked, place.collection);
    const auto seat = site.documents->library.Take(collection, place.document);
    removed =
        Fail(Code::kConflict, "this document is being worked on", "document", "document_busy");
    if (seat) {
      removed = co_await site.documents->library.Remove(collection, std::move(place.document));
    }
  }
  co_await SendDocument(call, removed);
}

Task<void> PostSearch(Site& site, Call& call) {
  auto asked = ReadSearchAsked(call.request().body, JsonLimits(site));
  if (asked && site.documents == nullptr) asked = Fail(NoDocumentsHere());
  if (!asked) {
    co_await call.SendError(asked.error());
    co_return;
  }
  const std::string collection = PlaceOf(call).collection;
  asked->where.collections = {collection};
  const std::string query = co_await QueryFor(site, call, asked->where, std::move(asked->query));
  const auto found =
      co_await gateway::Retrieve(site.gateway, *site.documents, call.asked, asked->where, query);
  if (!found) {
    co_await call.SendError(found.error());
    co_return;
  }
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("object", "weir.passages").Field("collection", collection);
  if (asked->where.rewrite) writer.Field("query", query);
  writer.Key("data");
  AppendPassages(writer, *found, /*texts=*/true);
  writer.EndObject();
  co_await call.SendJson(200, std::move(body));
}

}  // namespace weir::server
