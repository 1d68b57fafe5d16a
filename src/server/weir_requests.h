// The bodies of requests to Weir's own routes, as text: read, or refused by the name of the field
// and its limit. Pure: text in, values out; any thread. What a request may do with them is not
// decided here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "chat/file_search.h"
#include "chat/principal.h"
#include "chat/request.h"
#include "json/parse.h"
#include "keys/key_store.h"

namespace weir::server {

// POST /weir/v1/score: at most 4,096 messages, or a prompt of 8 MiB, and 1,024 continuations of 64
// KiB.
Result<chat::ScoreRequest> ReadScore(std::string_view body, const json::Limits& limits);

struct ModelAsked {
  std::string model = {};  // as it was written; at most 256 bytes
  std::optional<int64_t> keep_alive_ms = {};
};
// POST /weir/v1/models/load and stop.
Result<ModelAsked> ReadModelAsked(std::string_view body);

// POST /weir/v1/keys. What the body leaves open is the creator's. At most 64 KiB.
Result<keys::NewKey> ReadNewKey(std::string_view body, const chat::Principal& creator,
                                WallTime now);

struct SearchAsked {
  chat::FileSearch where = {.context_tokens = 0};
  std::string query = {};
};
// POST /weir/v1/collections/NAME/search.
Result<SearchAsked> ReadSearchAsked(std::string_view body, const json::Limits& limits);

// POST /weir/v1/collections/NAME/embedding: the model as it was written, at most 256 bytes; empty
// for the usual one. An empty body is an empty object.
Result<std::string> ReadModelWanted(std::string_view body);

struct Ballot {
  std::optional<bool> up = {};  // nothing: the vote is taken back
};
// POST /weir/v1/decisions/ID/vote.
Result<Ballot> ReadBallot(std::string_view body);

}  // namespace weir::server
