#include "cli/document.h"

namespace weir::cli {

std::string TextAt(const json::Value& value, std::string_view key) {
  const json::Value* found = value.Find(key);
  const std::string* text = found == nullptr ? nullptr : found->AsString();
  return text == nullptr ? "" : *text;
}

double NumberOf(const json::Value& value) {
  if (const int64_t* whole = value.AsInt()) return static_cast<double>(*whole);
  if (const uint64_t* large = value.AsUint()) return static_cast<double>(*large);
  const double* number = value.AsDouble();
  return number == nullptr ? 0 : *number;
}

double NumberAt(const json::Value& value, std::string_view key) {
  const json::Value* found = value.Find(key);
  return found == nullptr ? 0 : NumberOf(*found);
}

bool FlagAt(const json::Value& value, std::string_view key) {
  const json::Value* found = value.Find(key);
  const bool* flag = found == nullptr ? nullptr : found->AsBool();
  return flag != nullptr && *flag;
}

const json::Array& ListAt(const json::Value& value, std::string_view key) {
  static const json::Array kEmpty;
  const json::Value* found = value.Find(key);
  const json::Array* list = found == nullptr ? nullptr : found->AsArray();
  return list == nullptr ? kEmpty : *list;
}

}  // namespace weir::cli
