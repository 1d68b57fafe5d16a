#include "server/list_page.h"

#include <fmt/core.h>

#include <charconv>

#include "http/message.h"

namespace weir::server {

Result<size_t> ReadLimit(const std::string& query, const PageLimits& limits) {
  const auto text = http::QueryValue(query, "limit");
  if (!text) return limits.limit;
  size_t limit = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
  if (error != std::errc() || end != text->data() + text->size() || limit < 1 ||
      limit > limits.limit_max) {
    return Fail(Code::kInvalidArgument,
                fmt::format("limit takes a number from 1 to {}", limits.limit_max), "limit");
  }
  return limit;
}

Result<PageAsked> ReadPage(const std::string& query, const PageLimits& limits) {
  PageAsked asked;
  const auto limit = ReadLimit(query, limits);
  if (!limit) return std::unexpected(limit.error());
  asked.limit = *limit;
  const std::string order = http::QueryValue(query, "order").value_or("desc");
  if (order != "asc" && order != "desc")
    return Fail(Code::kInvalidArgument, "order takes asc or desc", "order");
  asked.ascending = order == "asc";
  asked.after = http::QueryValue(query, "after").value_or("");
  asked.before = http::QueryValue(query, "before").value_or("");
  return asked;
}

std::string PieceOf(std::string_view tail, size_t index) {
  for (; index > 0; --index) {
    const size_t slash = tail.find('/');
    if (slash == std::string_view::npos) return "";
    tail.remove_prefix(slash + 1);
  }
  return http::PercentDecode(tail.substr(0, tail.find('/'))).value_or("");
}

std::string RenderDeleted(std::string_view id, std::string_view object) {
  std::string body;
  json::Writer(&body)
      .BeginObject()
      .Field("id", id)
      .Field("object", object)
      .Field("deleted", true)
      .EndObject();
  return body;
}

}  // namespace weir::server
