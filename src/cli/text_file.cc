#include "cli/text_file.h"

#include <fmt/core.h>

#include <filesystem>
#include <fstream>
#include <iostream>

#include "base/size_text.h"
#include "base/utf8.h"

namespace weir::cli {

Result<std::string> ReadTextFile(const std::string& path, size_t bytes_max) {
  const std::string name = path == "-" ? "standard input" : path;
  std::ifstream file;
  if (path != "-") {
    std::error_code error;
    file.open(path, std::ios::binary);
    if (!file || std::filesystem::is_directory(path, error)) {
      return Fail(std::filesystem::exists(path, error) ? Code::kInvalidArgument : Code::kNotFound,
                  fmt::format("cannot read {}; name a file of plain text", path), "text");
    }
  }
  std::istream& in = path == "-" ? std::cin : file;
  std::string text;
  char block[64 << 10];
  while (in.read(block, sizeof block) || in.gcount() > 0) {
    text.append(block, static_cast<size_t>(in.gcount()));
    if (text.size() > bytes_max) {
      return Fail(Code::kTooLarge,
                  fmt::format("{} has over {}; give a part of it", name, SizeText(bytes_max)),
                  "text");
    }
  }
  if (!IsValidUtf8(text)) {
    return Fail(Code::kInvalidArgument,
                fmt::format("{} is no text in UTF-8; convert it first", name), "text");
  }
  return text;
}

}  // namespace weir::cli
