// Fields of the server's JSON answers, with a plain default where one is missing: what is shown to
// people is never worth an error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "json/value.h"

namespace weir::cli {

std::string TextAt(const json::Value& value, std::string_view key);
double NumberOf(const json::Value& value);  // 0 where it is none
double NumberAt(const json::Value& value, std::string_view key);
bool FlagAt(const json::Value& value, std::string_view key);
const json::Array& ListAt(const json::Value& value, std::string_view key);

}  // namespace weir::cli
