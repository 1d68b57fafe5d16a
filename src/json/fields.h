// Reads the typed fields of a JSON object and names what is wrong with them: the path of the field
// ("messages[3].content[0].text"), what it is, what it should be, and the limit. The value itself
// is never in the words.
//
// All Fields of one document share a Problem, which keeps the first error; after it every read
// gives nothing. So a converter reads everything in plain lines and asks once at the end:
//
//   json::Problem problem;
//   json::Fields fields(problem, document);
//   request.model = fields.Require().String("model", 256).value_or("");
//   if (auto n = fields.Int("n", 1, 8)) request.n = *n;
//   fields.RefuseUnread({"user", "metadata"});
//   if (problem) return Fail(problem.Take());
//
// A field that is null counts as absent. Keys given to the readers must be literals: they are
// remembered as the known ones. One thread; the document must outlive the Fields.
#pragma once

#include <bitset>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "json/value.h"

namespace weir::json {

class Problem {
 public:
  explicit operator bool() const { return error_.has_value(); }
  const Error& error() const { return *error_; }
  Error Take() { return std::move(*error_); }
  // Kept when it is the first.
  void Set(Error error) {
    if (!error_) error_ = std::move(error);
  }

 private:
  std::optional<Error> error_;
};

class Fields {
 public:
  static constexpr size_t kMembersMax = 1024;

  // A problem when `value` is not an object, or has over kMembersMax members. `path` is empty for
  // the document itself.
  Fields(Problem& problem, const Value& value, std::string path = {});

  // The next read must find its field.
  Fields& Require() {
    required_ = true;
    return *this;
  }

  // The field as it is; null where absent. Every other reader goes through this.
  const Value* Take(std::string_view key);
  std::optional<bool> Bool(std::string_view key);
  // A number without a fraction counts as an integer ("8.0").
  std::optional<int64_t> Int(std::string_view key, int64_t min, int64_t max);
  std::optional<double> Number(std::string_view key, double min, double max);
  std::optional<std::string> String(std::string_view key, size_t bytes_max);
  // Null where absent.
  const Array* List(std::string_view key, size_t count_max);
  const Object* Map(std::string_view key, size_t count_max);
  std::optional<Fields> Nested(std::string_view key);

  // One of `words`; the others are named when it is none.
  template <class T>
  std::optional<T> Word(std::string_view key,
                        std::initializer_list<std::pair<std::string_view, T>> words) {
    const Value* value = Take(key);
    if (value == nullptr) return std::nullopt;
    std::vector<std::string_view> names;
    for (const auto& word : words) names.push_back(word.first);
    const std::optional<size_t> index = WordIndex(key, *value, names);
    return index ? std::optional<T>((words.begin() + *index)->second) : std::nullopt;
  }
  std::optional<size_t> WordIndex(std::string_view key, std::span<const std::string_view> words);

  // Every element must be a string of at most `bytes_max`.
  std::vector<std::string> Strings(std::string_view key, size_t count_max, size_t bytes_max);

  // Sets the problem at `key` of this object (at the object itself when `key` is empty).
  void Refuse(std::string_view key, std::string_view what, Code code = Code::kInvalidArgument,
              std::string reason = "invalid_value");

  // The members that no reader asked for.
  std::vector<std::string_view> Unread() const;
  // Refuses the first of them that is not in `ignored`, and names the nearest known field.
  void RefuseUnread(std::span<const std::string_view> ignored = {});

  std::string PathOf(std::string_view key) const;
  std::string PathOf(std::string_view key, size_t index) const;
  const std::string& path() const { return path_; }
  Problem& problem() const { return *problem_; }

 private:
  std::optional<size_t> WordIndex(std::string_view key, const Value& value,
                                  std::span<const std::string_view> words);
  std::nullptr_t RefuseType(std::string_view key, std::string_view wanted, Type found);

  Problem* problem_;
  const Object* object_ = nullptr;  // null when the value was none
  std::string path_;
  bool required_ = false;
  std::bitset<kMembersMax> read_ = {};   // for each member
  std::vector<std::string_view> known_;  // asked for so far
};

// The known word that is nearest to `word`, or empty when none is near enough to be what was meant.
std::string_view Nearest(std::string_view word, std::span<const std::string_view> known);

}  // namespace weir::json
