#include "server/vector_calls.h"

#include <fmt/core.h>

#include <memory>

#include "http/message.h"

namespace weir::server {
namespace {

constexpr size_t kJsonValuesMax = 4'000'000;

// In the words of the tenant, who does not know full names.
Error InOwnWords(Error error, std::string_view name) {
  if (error.reason == "collection_not_found") return NoCollection(name);
  if (error.reason == "collection_exists")
    error.message = fmt::format("there is a collection '{}' already", name);
  return error;
}

}  // namespace

Error NoCollection(std::string_view name) {
  return {Code::kNotFound, fmt::format("there is no collection '{}'", name), "collection",
          "collection_not_found"};
}

Result<std::shared_ptr<vectors::Collection>> Shelf::Find(std::string_view name) const {
  auto found = store.Find(FullName(name));
  if (!found) return Fail(InOwnWords(std::move(found.error()), name));
  return found;
}

Result<vectors::CollectionSpec> Shelf::Look(std::string_view name) const {
  auto spec = store.Look(FullName(name));
  if (!spec) return Fail(InOwnWords(std::move(spec.error()), name));
  return spec;
}

Result<void> Shelf::Create(std::string_view name, vectors::CollectionSpec spec) const {
  spec.name = FullName(name);
  auto made = store.Create(spec);
  if (!made) return Fail(InOwnWords(std::move(made.error()), name));
  return {};
}

Result<void> Shelf::Drop(std::string_view name) const {
  auto dropped = store.Drop(FullName(name));
  if (!dropped) return Fail(InOwnWords(std::move(dropped.error()), name));
  return {};
}

Result<std::vector<vectors::CollectionSpec>> Shelf::List() const {
  auto all = store.List();
  if (!all) return all;
  std::vector<vectors::CollectionSpec> mine;
  for (vectors::CollectionSpec& spec : *all) {
    auto name = vectors::Split(spec.name);
    if (!name || name->tenant != tenant || name->database != database) continue;
    spec.name = std::move(name->name);
    mine.push_back(std::move(spec));
  }
  return mine;
}

Result<json::Value> VectorRequest::Json() const {
  return json::Parse(body, {.bytes = body_bytes_max, .values = kJsonValuesMax});
}

Result<json::Value> VectorRequest::JsonOrNothing() const {
  return body.empty() ? Result<json::Value>(json::Object()) : Json();
}

Result<std::vector<std::string>> PathParts(std::string_view tail) {
  std::vector<std::string> parts;
  while (!tail.empty()) {
    const size_t slash = tail.find('/');
    auto part = http::PercentDecode(tail.substr(0, slash));
    if (!part || part->empty()) {
      return Fail(Code::kNotFound, "there is nothing at this path", {}, "unknown_route");
    }
    parts.push_back(std::move(*part));
    tail = slash == std::string_view::npos ? std::string_view() : tail.substr(slash + 1);
  }
  return parts;
}

Task<void> AnswerWithVectors(Site& site, Call& call, std::string database, HandleVectors handle) {
  if (site.vectors == nullptr) {
    co_await call.SendError(
        {Code::kUnavailable, "this server has no vector store", {}, "no_vector_store"});
    co_return;
  }
  auto parts = PathParts(call.tail);
  if (!parts) {
    co_await call.SendError(parts.error());
    co_return;
  }
  http::Request& request = call.exchange.request();
  auto asked = std::make_shared<VectorRequest>(
      VectorRequest{.method = request.method == "HEAD" ? "GET" : request.method,
                    .path = std::move(*parts),
                    .query = request.query,
                    .body = std::move(request.body),
                    .body_bytes_max = site.options.body_bytes_max});
  const Shelf shelf{*site.vectors, call.asked.principal.tenant, std::move(database)};
  auto reply = co_await site.workers->Run<VectorReply>(
      [shelf, asked = std::move(asked), handle = std::move(handle)] {
        return handle(shelf, *asked);
      });
  if (!reply) {
    co_await call.SendError(reply.error());
    co_return;
  }
  co_await call.SendJson(reply->status, std::move(reply->body));
}

}  // namespace weir::server
