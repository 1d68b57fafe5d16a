// simdjson's On-Demand interface finds the structure and converts scalars; the tree is built here,
// so that depth and count are bounded while it grows and an error knows its place. On-Demand
// validates only what is visited: every value is visited, and the end of the document is checked.
#include "json/parse.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "base/utf8.h"

namespace weir::json {
namespace {

namespace od = simdjson::ondemand;

constexpr size_t kKeyShownMax = 64;
constexpr size_t kMembersAtFirst = 4;
constexpr size_t kElementsAtFirst = 2;
// Strings are copied in pieces of so many bytes at most.
constexpr size_t kWrittenBeyond = 64 + simdjson::SIMDJSON_PADDING;
constexpr std::string_view kSpace = " \t\r\n";

std::string_view Words(simdjson::error_code code) {
  switch (code) {
    case simdjson::TAPE_ERROR:
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
      return "a value, a comma or a closing bracket is missing or misplaced";
    case simdjson::STRING_ERROR:
      return "a string has a malformed escape";
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR:
      return "an unknown literal (only true, false and null are known)";
    case simdjson::NUMBER_ERROR:
      return "a malformed number, or one beyond 64 bits";
    case simdjson::UNESCAPED_CHARS:
      return "a control character inside a string must be escaped";
    case simdjson::UNCLOSED_STRING:
      return "a string is not closed";
    case simdjson::EMPTY:
      return "the text is empty";
    case simdjson::TRAILING_CONTENT:
      return "there is something after the end of the value";
    default:
      return "malformed";
  }
}

// Objects with few members are compared pairwise; large ones are sorted, so that hostile objects
// cost n log n.
const std::string* FindDuplicate(const Object& object) {
  if (object.size() <= 16) {
    for (size_t i = 1; i < object.size(); ++i) {
      for (size_t k = 0; k < i; ++k) {
        if (object[i].key == object[k].key) return &object[i].key;
      }
    }
    return nullptr;
  }
  std::vector<const std::string*> keys;
  keys.reserve(object.size());
  for (const Member& member : object) keys.push_back(&member.key);
  std::ranges::sort(keys, [](const auto* a, const auto* b) { return *a < *b; });
  const auto twin =
      std::ranges::adjacent_find(keys, [](const auto* a, const auto* b) { return *a == *b; });
  return twin == keys.end() ? nullptr : *twin;
}

std::unexpected<Error> FailInvalid(std::string message) {
  return Fail(Code::kInvalidArgument, std::move(message), {}, "invalid_json");
}

// Where the first value of the text ends, by its brackets and quotes alone; npos where it does not.
size_t EndOfFirst(std::string_view text) {
  size_t open = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      ++open;
    } else if (c == '}' || c == ']') {
      if (open == 0) return std::string_view::npos;
      if (--open == 0) return i + 1;
    }
  }
  return std::string_view::npos;
}

// What parsing needs besides its result. A thread keeps that of its last document for the next one,
// unless it was a long one: a request and its answer are a handful of short documents.
class Workspace {
 public:
  // Copies the text, with the bytes behind it that simdjson may read.
  simdjson::padded_string_view Take(std::string_view text) {
    const size_t room = text.size() + kWrittenBeyond;
    if (room_ < room) {
      room_ = 0;
      padded_ = std::make_unique<char[]>(room);
      unescaped_ = std::make_unique_for_overwrite<uint8_t[]>(room);
      room_ = room;
    }
    std::ranges::copy(text, padded_.get());
    return simdjson::padded_string_view(padded_.get(), text.size(), room_);
  }
  void GiveBack() {
    if (room_ > kKeptBytesMax) *this = {};
  }
  od::parser& parser() { return parser_; }
  // One string at a time, which is never longer without its escapes. simdjson's own buffer may be
  // missing where memory is short, and nothing of it tells.
  uint8_t* unescaped() { return unescaped_.get(); }

 private:
  static constexpr size_t kKeptBytesMax = size_t{64} << 10;

  size_t room_ = 0;  // bytes in each of the two
  std::unique_ptr<char[]> padded_ = {};
  std::unique_ptr<uint8_t[]> unescaped_ = {};
  od::parser parser_;
};

Workspace& ThisThreads() {
  thread_local Workspace workspace;
  return workspace;
}

class Builder {
 public:
  Builder(std::string_view text, const Limits& limits)
      : limits_(limits), text_(workspace_.Take(text)) {}
  ~Builder() { workspace_.GiveBack(); }
  Builder(const Builder&) = delete;
  Builder& operator=(const Builder&) = delete;

  Result<Value> Build() {
    od::document document;
    const auto code = workspace_.parser().iterate(text_).get(document);
    if (code == simdjson::MEMALLOC) throw std::bad_alloc();
    if (code != simdjson::SUCCESS) return FailEarly(code);
    document_ = &document;
    Value root;
    const bool whole = ReadWhole(document, root);
    document_ = nullptr;
    if (!whole) return Fail(std::move(error_));
    return root;
  }

 private:
  // False after an error, which it keeps.
  bool ReadWhole(od::document& document, Value& root) {
    const bool scalar_ends = ScalarIsWhole(document);
    if (scalar_ends && !Read(document, 0, root)) return false;
    const bool whole =
        scalar_ends && document.current_location().error() == simdjson::OUT_OF_BOUNDS;
    if (!whole) Refuse(Words(simdjson::TRAILING_CONTENT));
    return whole;
  }

  // Errors of the first pass (structure and UTF-8), which have no place of their own.
  std::unexpected<Error> FailEarly(simdjson::error_code code) {
    if (code == simdjson::UTF8_ERROR) {
      return FailInvalid(fmt::format("JSON: not valid UTF-8 at byte {}", ValidUtf8Prefix(text_)));
    }
    if (code == simdjson::UNCLOSED_STRING) {
      return FailInvalid(fmt::format("JSON: {}, at byte {}", Words(code), text_.size()));
    }
    return FailInvalid(fmt::format("JSON: {}", Words(code)));
  }

  bool Refuse(std::string_view what, std::string param = {}) {
    return RefuseAt(Place(), what, std::move(param));
  }
  // That the last bracket does not fit the first is found before anything is read: where it went
  // wrong is looked for here.
  bool Refuse(simdjson::error_code code) {
    const size_t begin = std::min(text_.find_first_not_of(kSpace), text_.size());
    if (code != simdjson::INCOMPLETE_ARRAY_OR_OBJECT || Place() > begin)
      return RefuseAt(Place(), Words(code));
    const size_t end = EndOfFirst(text_);
    const size_t more = end == text_.npos ? end : text_.find_first_not_of(kSpace, end);
    if (more == text_.npos) return RefuseAt(text_.size(), Words(code));
    return RefuseAt(more, Words(simdjson::TRAILING_CONTENT));
  }

  size_t Place() {
    const char* location = nullptr;
    if (document_->current_location().get(location) != simdjson::SUCCESS) return text_.size();
    return std::min(text_.size(), static_cast<size_t>(location - text_.data()));
  }
  bool RefuseAt(size_t offset, std::string_view what, std::string param = {}) {
    error_ = {Code::kInvalidArgument, fmt::format("JSON: {}, at byte {}", what, offset),
              std::move(param), "invalid_json"};
    return false;
  }

  // On-Demand is lenient about what follows a scalar that is the whole document ("falseU"): the DOM
  // parser decides there.
  bool ScalarIsWhole(od::document& document) {
    bool scalar = false;
    if (document.is_scalar().get(scalar) != simdjson::SUCCESS || !scalar) return true;
    simdjson::dom::parser dom;
    return dom.parse(text_.data(), text_.size(), false).error() == simdjson::SUCCESS;
  }

  // `node` is an od::document or an od::value: their readers have the same names.
  template <class Node>
  bool Read(Node& node, size_t depth, Value& out) {
    if (++values_ > limits_.values)
      return Refuse(fmt::format("more than {} values", limits_.values));
    od::json_type type;
    if (const auto code = node.type().get(type); code != simdjson::SUCCESS) return Refuse(code);
    switch (type) {
      case od::json_type::array:
        return ReadArray(node, depth + 1, out);
      case od::json_type::object:
        return ReadObject(node, depth + 1, out);
      case od::json_type::number:
        return ReadNumber(node, out);
      case od::json_type::string:
        return ReadString(node, out);
      case od::json_type::boolean: {
        bool value = false;
        if (const auto code = node.get_bool().get(value); code != simdjson::SUCCESS) {
          return Refuse(simdjson::T_ATOM_ERROR);
        }
        out = value;
        return true;
      }
      case od::json_type::null: {
        bool is_null = false;
        const auto code = node.is_null().get(is_null);
        return code == simdjson::SUCCESS && is_null ? true : Refuse(simdjson::N_ATOM_ERROR);
      }
    }
    return Refuse(simdjson::TAPE_ERROR);
  }

  template <class Node>
  bool ReadArray(Node& node, size_t depth, Value& out) {
    if (depth > limits_.depth) return Refuse(fmt::format("nested deeper than {}", limits_.depth));
    od::array array;
    if (const auto code = node.get_array().get(array); code != simdjson::SUCCESS)
      return Refuse(code);
    Array items;
    for (auto element : array) {
      od::value child;
      if (const auto code = element.get(child); code != simdjson::SUCCESS) return Refuse(code);
      if (items.empty()) items.reserve(kElementsAtFirst);
      if (!Read(child, depth, items.emplace_back())) return false;
    }
    out = std::move(items);
    return true;
  }

  template <class Node>
  bool ReadObject(Node& node, size_t depth, Value& out) {
    if (depth > limits_.depth) return Refuse(fmt::format("nested deeper than {}", limits_.depth));
    od::object object;
    if (const auto code = node.get_object().get(object); code != simdjson::SUCCESS)
      return Refuse(code);
    Object members;
    for (auto field : object) {
      if (field.error() != simdjson::SUCCESS) return Refuse(field.error());
      od::raw_json_string raw;
      if (const auto code = field.key().get(raw); code != simdjson::SUCCESS) return Refuse(code);
      std::string_view key;
      if (const auto code = Unescape(raw).get(key); code != simdjson::SUCCESS) return Refuse(code);
      if (!IsWhole(key)) return Refuse("a key has a lone surrogate");
      od::value child;
      if (const auto code = field.value().get(child); code != simdjson::SUCCESS)
        return Refuse(code);
      if (members.empty()) members.reserve(kMembersAtFirst);
      if (!Read(child, depth, members.emplace_back(std::string(key)).value)) return false;
    }
    if (const std::string* key = FindDuplicate(members)) {
      const std::string shown =
          key->substr(0, CompleteUtf8Prefix(std::string_view(*key).substr(0, kKeyShownMax)));
      return Refuse(fmt::format("the key \"{}\" appears twice in one object, which ends", shown),
                    shown);
    }
    out = std::move(members);
    return true;
  }

  // The bytes were checked before they were unescaped: only an escaped lone surrogate can be wrong.
  bool IsWhole(std::string_view unescaped) const { return !has_escapes_ || IsValidUtf8(unescaped); }

  // Good until the next call.
  simdjson::simdjson_result<std::string_view> Unescape(od::raw_json_string raw) {
    uint8_t* to = workspace_.unescaped();
    return workspace_.parser().unescape(raw, to);
  }

  // simdjson 3.0 reads some numbers of more than 19 digits before the point as 0. What it took is a
  // number, so only its value is read again; beyond the range of a double its own stays.
  static double Floating(std::string_view token, double fallback) {
    double value = 0;
    const auto read = std::from_chars(token.data(), token.data() + token.size(), value);
    return read.ec == std::errc() ? value : fallback;
  }

  template <class Node>
  bool ReadNumber(Node& node, Value& out) {
    const std::string_view token = node.raw_json_token();
    od::number number;
    if (const auto code = node.get_number().get(number); code != simdjson::SUCCESS)
      return Refuse(code);
    switch (number.get_number_type()) {
      case od::number_type::signed_integer:
        out = number.get_int64();
        return true;
      case od::number_type::unsigned_integer:
        out = number.get_uint64();
        return true;
      case od::number_type::floating_point_number:
        out = Floating(token, number.get_double());
        return true;
    }
    return Refuse(simdjson::NUMBER_ERROR);
  }

  template <class Node>
  bool ReadString(Node& node, Value& out) {
    od::raw_json_string raw;
    if (const auto code = node.get_raw_json_string().get(raw); code != simdjson::SUCCESS)
      return Refuse(code);
    std::string_view text;
    if (const auto code = Unescape(raw).get(text); code != simdjson::SUCCESS) return Refuse(code);
    if (!IsWhole(text)) return Refuse("a string has a lone surrogate");
    out = text;
    return true;
  }

  static size_t ValidUtf8Prefix(std::string_view text) {
    size_t good = 0;
    while (good < text.size()) {
      size_t length = 1;
      while (length <= 4 && good + length <= text.size() && !IsValidUtf8(text.substr(good, length)))
        ++length;
      if (length > 4 || good + length > text.size()) break;
      good += length;
    }
    return good;
  }

  const Limits limits_;
  Workspace& workspace_ = ThisThreads();
  const simdjson::padded_string_view text_;  // the workspace's
  const bool has_escapes_ = text_.find('\\') != std::string_view::npos;
  od::document* document_ = nullptr;
  size_t values_ = 0;
  Error error_;
};

}  // namespace

Result<Value> Parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes) {
    return Fail(Code::kTooLarge,
                fmt::format("JSON: {} bytes; the most is {}", text.size(), limits.bytes));
  }
  if (text.empty()) return FailInvalid("JSON: the text is empty");
  return Builder(text, limits).Build();
}

}  // namespace weir::json
