// Lists as OpenAI's clients page through them: limit, order, after, before, and the object that
// holds a page.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/writer.h"

namespace weir::server {

struct PageLimits {
  size_t limit = 20;  // where the query names none
  size_t limit_max = 100;
};

struct PageAsked {
  size_t limit = 20;
  bool ascending = false;  // the newest come first, unless asked otherwise
  std::string after = {};  // ids; empty: none
  std::string before = {};
};

// kInvalidArgument names the parameter.
Result<size_t> ReadLimit(const std::string& query, const PageLimits& limits = {});
Result<PageAsked> ReadPage(const std::string& query, const PageLimits& limits = {});

// The first piece of what stands behind a route's prefix, decoded; empty for what cannot be read.
std::string PieceOf(std::string_view tail, size_t index = 0);

std::string RenderDeleted(std::string_view id, std::string_view object);

// Of `items`, which may be one more than `limit`; `append` writes one as an object.
template <class Item, class Append>
std::string RenderPage(const std::vector<Item>& items, size_t limit, Append append) {
  const size_t shown = std::min(limit, items.size());
  std::string body;
  json::Writer writer(&body);
  writer.BeginObject().Field("object", "list").Key("data").BeginArray();
  for (size_t i = 0; i < shown; ++i) append(writer, items[i]);
  writer.EndArray();
  const auto id = [&](std::string_view key, size_t index) {
    writer.Key(key);
    if (shown == 0) {
      writer.Null();
    } else {
      writer.String(items[index].id);
    }
  };
  id("first_id", 0);
  id("last_id", shown == 0 ? 0 : shown - 1);
  writer.Field("has_more", items.size() > limit).EndObject();
  return body;
}

}  // namespace weir::server
