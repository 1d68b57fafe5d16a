// A TOML document as a plain tree in which everything knows its line and column. The one place that
// includes toml++. Private to this folder.
//
// Bounds: kBytesMax, kNestingMax, kLineDotsMax (toml++ recurses for every dot of a key, and its
// trees are destroyed recursively); each is an error that names it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/problems.h"

namespace weir::config {

inline constexpr size_t kBytesMax = 1 << 20;
inline constexpr size_t kNestingMax = 8;     // of arrays and inline tables
inline constexpr size_t kLineDotsMax = 100;  // in one line that is not a comment

struct Member;

struct Node {
  enum class Kind : uint8_t { kText, kInteger, kDecimal, kFlag, kTime, kList, kTable };

  Kind kind = Kind::kTable;
  uint32_t line = 0;
  uint32_t column = 0;
  std::string text = {};  // of kText the value; of kInteger and kDecimal what stood in the file
  int64_t integer = 0;
  double decimal = 0;
  bool flag = false;
  std::vector<Node> list = {};
  std::vector<Member> members;  // in the order of the file
};

struct Member {
  std::string name = {};
  uint32_t line = 0;
  uint32_t column = 0;
  Node value = {};
};

// "a text", "a list": what a value is, for messages.
std::string_view KindName(Node::Kind kind);

// `file` is for the Problem's place alone.
std::expected<Node, Problem> ParseDocument(std::string_view text, std::string_view file);

}  // namespace weir::config
