// Reads one table, member by member: each Take or Read says which key exists here and what it
// takes; Finish then reports the keys that nobody asked for. Every mistake becomes a Problem and
// reading goes on. Private to this folder.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/document.h"
#include "config/problems.h"
#include "config/settings.h"
#include "config/units.h"

namespace weir::config {

inline constexpr size_t kListMax = 256;      // entries of one list
inline constexpr size_t kTextMax = 4096;     // bytes of one text
inline constexpr size_t kSectionMax = 1024;  // tables of one kind

struct FileContext {
  std::string file;
  Problems& problems;

  void Add(uint32_t line, uint32_t column, std::string message) const;
};

// Parsers of one value. Errors are the rest of "NAME ...".
namespace value {
Parsed<std::string> Text(const Node& node);  // not empty, no control characters
Parsed<std::string> TextOrEmpty(const Node& node);
Parsed<std::string> Name(const Node& node);  // 1 to 128 of [A-Za-z0-9._:@/-]
Parsed<bool> Flag(const Node& node);
Parsed<double> Share(const Node& node);  // 0 to 1
Parsed<Duration> Time(const Node& node);
Parsed<Duration> Timeout(const Node& node);  // 1ms to 24h
Parsed<int64_t> Size(const Node& node);
Parsed<int64_t> Money(const Node& node);       // pico
Parsed<int64_t> PerMillion(const Node& node);  // pico for one token
Parsed<chat::Label> Label(const Node& node);
Parsed<std::vector<std::string>> List(const Node& node);       // of texts
Parsed<std::vector<std::string>> SomeList(const Node& node);   // of at least one
Parsed<std::vector<std::string>> OneOrList(const Node& node);  // a text, or a list of some
Parsed<int64_t> Integer(const Node& node, int64_t min, int64_t max);
// A Node parser for a range.
inline auto Within(int64_t min, int64_t max) {
  return [min, max](const Node& node) { return Integer(node, min, max); };
}
// The error for a word that is none of `words`.
std::string NotOneOf(const Node& node, std::span<const std::string_view> words);
}  // namespace value

class TableReader {
 public:
  // `path` names the table in messages ("backend", "route.auto", "" for the file itself).
  TableReader(const Node& table, std::string path, const FileContext& context)
      : table_(table), path_(std::move(path)), context_(context) {}

  // The member's value, or null; either way the key is known here.
  const Node* Take(std::string_view key);

  // Leaves `into` as it is when the key is missing or its value is wrong.
  template <class T, class Parser>
  void Read(std::string_view key, Setting<T>& into, const Parser& parse) {
    const Node* node = Take(key);
    if (node == nullptr) return;
    auto read = parse(*node);
    if (!read) return Wrong(*node, key, read.error());
    into.value = *std::move(read);
    into.place = PlaceOf(*node);
  }
  template <class T, class Parser>
  void Require(std::string_view key, Setting<T>& into, const Parser& parse) {
    if (!Has(key)) Missing(key);
    Read(key, into, parse);
  }

  bool Has(std::string_view key) const;
  void Missing(std::string_view key);
  void Wrong(const Node& node, std::string_view key, std::string_view what);
  // A key that people try and that has a reason not to exist.
  void Refuse(std::string_view key, std::string_view why);
  void Finish();

  static Place PlaceOf(const Node& node) { return {Origin::kFile, node.line, node.column}; }
  const Node& table() const { return table_; }
  const FileContext& context() const { return context_; }
  std::string Full(std::string_view key) const;

 private:
  const Node& table_;
  std::string path_;
  const FileContext& context_;
  std::vector<std::string_view> known_;
  std::vector<std::string_view> refused_;
};

}  // namespace weir::config
