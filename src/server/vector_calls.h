// How handlers reach the vector store: on the pool's threads, in the caller's own names. Everything
// that a call uses must be its own: the client may go away before it has run.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "async/task.h"
#include "async/worker_pool.h"
#include "base/result.h"
#include "json/parse.h"
#include "server/call.h"
#include "server/site.h"
#include "vectors/full_name.h"
#include "vectors/store.h"

namespace weir::server {

// Whose collections a request sees. Of all others it cannot tell that they exist.
struct Shelf {
  vectors::Store& store;
  std::string tenant = {};
  std::string database = std::string(vectors::FullName::kDatabase);

  std::string FullName(std::string_view name) const {
    return vectors::Joined({tenant, database, std::string(name)});
  }
  // By name or alias. Errors name the collection as its tenant does.
  Result<std::shared_ptr<vectors::Collection>> Find(std::string_view name) const;
  Result<vectors::CollectionSpec> Look(std::string_view name) const;
  Result<void> Create(std::string_view name, vectors::CollectionSpec spec) const;
  Result<void> Drop(std::string_view name) const;
  // In the order of names, which are the tenant's own.
  Result<std::vector<vectors::CollectionSpec>> List() const;
};

Error NoCollection(std::string_view name);

// A request that was taken apart for a thread of the pool.
struct VectorRequest {
  std::string method = {};
  std::vector<std::string> path = {};  // decoded, without what the route's own
  std::string query = {};
  std::string body = {};
  size_t body_bytes_max = 0;

  // Many numbers are one vector each, so more values are allowed than elsewhere.
  Result<json::Value> Json() const;
  // The same; an empty body is an empty object.
  Result<json::Value> JsonOrNothing() const;
};

struct VectorReply {
  int status = 200;
  std::string body = {};
};

// Answers with what `handle` returns, in the dialect of the call; it runs on the pool.
using HandleVectors =
    std::function<Result<VectorReply>(const Shelf& shelf, const VectorRequest& request)>;
Task<void> AnswerWithVectors(Site& site, Call& call, std::string database, HandleVectors handle);

// The parts of a path between its slashes, decoded; empty for none.
Result<std::vector<std::string>> PathParts(std::string_view tail);

}  // namespace weir::server
