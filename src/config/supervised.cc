#include "config/supervised.h"

#include <fmt/core.h>

#include <algorithm>

#include "config/url.h"

namespace weir::config {
namespace {

Parsed<std::vector<std::string>> ReadCommand(const Node& node) {
  auto words = value::List(node);
  if (!words) return words;
  if (words->empty()) {
    return std::unexpected(
        "takes a program and its arguments, like [\"vllm\", \"serve\", \"some/model\"]");
  }
  for (const std::string& word : *words) {
    if (word == "--api-key" || word.starts_with("--api-key=")) {
      return std::unexpected(
          "holds --api-key, and no key belongs in this file; give the server a file that key_file "
          "names too");
    }
  }
  return words;
}

Parsed<std::string> ReadHealthPath(const Node& node) {
  auto path = value::Text(node);
  if (!path) return path;
  const auto good = [](char c) { return c > 0x20 && c < 0x7f && c != '#' && c != '\\'; };
  if (!path->starts_with('/') || path->size() > 256 || !std::ranges::all_of(*path, good)) {
    return std::unexpected("takes a path of at most 256 bytes, like /health");
  }
  return path;
}

}  // namespace

void ReadSupervised(TableReader& reader, Backend& backend) {
  reader.Read("command", backend.command, ReadCommand);
  if (*backend.kind == BackendKind::kOllama) backend.health.value = "/api/version";
  reader.Read("health", backend.health, ReadHealthPath);
  reader.Read("start_timeout", backend.start_timeout, value::Timeout);
  reader.Read("health_timeout", backend.health_timeout, value::Timeout);
}

void CheckSupervised(TableReader& reader, const Backend& backend) {
  const auto add = [&](const Place& at, std::string message) {
    reader.context().Add(at.line, at.column, std::move(message));
  };
  const Place table = TableReader::PlaceOf(reader.table());
  if (!reader.Has("command")) {
    for (const std::string_view key : {"health", "start_timeout", "health_timeout"}) {
      if (reader.Has(key)) add(table, fmt::format("{} is for a backend with a command", key));
    }
    return;
  }
  for (const std::string_view key : {"replicas", "proxy", "ca_file"}) {
    if (reader.Has(key)) add(table, fmt::format("a backend with a command has no {}", key));
  }
  if (*backend.tier == Tier::kCloud) {
    add(backend.tier.place, "backend.tier of a backend with a command is edge or device");
  }
  if (!backend.url->empty() && !ParseLoopback(*backend.url)) {
    add(backend.url.place,
        "backend.url takes the loopback address at which the server of its command will listen, "
        "like http://127.0.0.1:8000/v1");
  }
}

}  // namespace weir::config
