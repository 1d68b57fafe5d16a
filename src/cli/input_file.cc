#include "cli/input_file.h"

#include <fmt/core.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <string_view>

#include "base/base64.h"
#include "base/size_text.h"
#include "base/utf8.h"
#include "chat/image_type.h"

namespace weir::cli {
namespace {

std::string NameOf(const std::string& path) { return path == "-" ? "standard input" : path; }

// `kind` is what to name instead, `part` what to give of one that is too large.
Result<std::string> ReadAll(const std::string& path, size_t bytes_max, std::string_view kind,
                            std::string_view part, const char* field) {
  std::ifstream file;
  if (path != "-") {
    std::error_code error;
    file.open(path, std::ios::binary);
    if (!file || std::filesystem::is_directory(path, error)) {
      return Fail(std::filesystem::exists(path, error) ? Code::kInvalidArgument : Code::kNotFound,
                  fmt::format("cannot read {}; name {}", path, kind), field);
    }
  }
  std::istream& in = path == "-" ? std::cin : file;
  std::string bytes;
  char block[64 << 10];
  while (in.read(block, sizeof block) || in.gcount() > 0) {
    bytes.append(block, static_cast<size_t>(in.gcount()));
    if (bytes.size() > bytes_max) {
      return Fail(Code::kTooLarge,
                  fmt::format("{} has over {}; give {}", NameOf(path), SizeText(bytes_max), part),
                  field);
    }
  }
  return bytes;
}

}  // namespace

Result<std::string> ReadTextFile(const std::string& path, size_t bytes_max) {
  auto text = ReadAll(path, bytes_max, "a file of plain text", "a part of it", "text");
  if (!text || IsValidUtf8(*text)) return text;
  return Fail(Code::kInvalidArgument,
              fmt::format("{} is no text in UTF-8; convert it first", NameOf(path)), "text");
}

Result<std::string> ReadImageFile(const std::string& path, size_t bytes_max) {
  const auto bytes = ReadAll(path, bytes_max, "an image", "a smaller one", "image");
  if (!bytes) return bytes;
  const std::string_view type = chat::ImageTypeOf(*bytes);
  if (!type.empty()) return fmt::format("data:{};base64,{}", type, EncodeBase64(*bytes));
  return Fail(Code::kInvalidArgument,
              fmt::format("{} is no PNG, JPEG, GIF, WebP or BMP; convert it first", NameOf(path)),
              "image");
}

}  // namespace weir::cli
