#include "dialects/qdrant/snapshot.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/time_text.h"
#include "dialects/qdrant/shared_fields.h"
#include "json/fields.h"

namespace weir::qdrant {
namespace {

constexpr size_t kLocationBytes = 4'096;
constexpr size_t kSha256Digits = 64;

// The piece behind the last slash, which is taken off with it.
std::string TakeLast(std::string_view& path) {
  const size_t slash = path.rfind('/');
  std::string last(slash == std::string_view::npos ? path : path.substr(slash + 1));
  path = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  return last;
}

}  // namespace

void AppendSnapshot(json::Writer& writer, const vectors::SnapshotInfo& snapshot,
                    std::string_view checksum) {
  writer.BeginObject()
      .Field("name", snapshot.name)
      .Field("creation_time", TimeText(snapshot.made).substr(0, 19))
      .Field("size", snapshot.bytes)
      .Key("checksum");
  if (checksum.empty()) {
    writer.Null();
  } else {
    writer.String(checksum);
  }
  writer.EndObject();
}

Result<std::string> ReadChecksum(std::string_view text) {
  std::string digits(text);
  for (char& c : digits) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  const bool hex = std::ranges::all_of(
      digits, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (hex && digits.size() == kSha256Digits) return digits;
  return Fail(Code::kInvalidArgument, "checksum takes the 64 hexadecimal digits of a SHA-256",
              "checksum", "invalid_value");
}

Result<RecoverAsk> ReadRecover(const json::Value& body) {
  json::Problem problem;
  json::Fields fields(problem, body);
  RecoverAsk ask;
  const std::string location = fields.Require().String("location", kLocationBytes).value_or("");
  std::string_view path = location;
  if (path.starts_with("http://") || path.starts_with("https://")) {
    RefuseUnsupported(fields, "location",
                      "this server fetches nothing by itself; download the snapshot and upload it");
  } else if (path.starts_with("file://")) {
    path.remove_prefix(7);
  }
  ask.snapshot = TakeLast(path);
  ask.collection = TakeLast(path);
  // There is one server: every word means the same.
  fields.Word<int>("priority", {{"no_sync", 0}, {"snapshot", 1}, {"replica", 2}});
  if (const auto text = fields.String("checksum", kLocationBytes)) {
    if (auto checksum = ReadChecksum(*text)) {
      ask.checksum = std::move(*checksum);
    } else {
      fields.problem().Set(std::move(checksum.error()));
    }
  }
  if (fields.Take("api_key") != nullptr)
    RefuseUnsupported(fields, "api_key", "this server fetches nothing by itself");
  fields.RefuseUnread();
  if (problem) return Fail(problem.Take());
  return ask;
}

}  // namespace weir::qdrant
