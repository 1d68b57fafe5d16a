#include "gateway/images.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "chat/image_type.h"

namespace weir::gateway {
namespace {

using chat::Part;

bool IsAddress(const Part& part) { return part.kind == Part::Kind::kImage && !part.url.empty(); }

bool HasAddress(const chat::GenerateRequest& request) {
  return std::ranges::any_of(request.messages, [](const chat::Message& message) {
    return std::ranges::any_of(message.parts, IsAddress);
  });
}

// "HTTPS://Host:443/Path?x#y" as {"https://host", "/Path?x"}.
struct Address {
  std::string place = {};
  std::string path = {};
};

Address Split(std::string_view text) {
  text = text.substr(0, text.find('#'));
  const size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return {};
  const size_t host_end = std::min(text.find_first_of("/?", scheme + 3), text.size());
  Address address{.path = std::string(text.substr(host_end))};
  for (const char c : text.substr(0, host_end)) address.place += AsciiLower(c);
  const std::string_view port = address.place.starts_with("https:") ? ":443" : ":80";
  if (address.place.ends_with(port)) address.place.resize(address.place.size() - port.size());
  if (!address.path.starts_with('/')) address.path.insert(0, "/");
  return address;
}

// In a request line as it stands, and at no other place than it says.
bool IsPlainPath(std::string_view path) {
  if (!std::ranges::all_of(path, [](char c) { return c > ' ' && c < '\x7f' && c != '\\'; }))
    return false;
  std::string_view left = path.substr(0, path.find('?'));
  std::string lower;
  for (const char c : left) lower += AsciiLower(c);
  if (lower.contains("%2e") || lower.contains("%2f") || lower.contains("%5c")) return false;
  while (!left.empty()) {
    left.remove_prefix(1);  // the slash
    const std::string_view segment = left.substr(0, left.find('/'));
    if (segment == "." || segment == "..") return false;
    left.remove_prefix(segment.size());
  }
  return true;
}

std::string NameOf(size_t message, size_t part) {
  return fmt::format("messages[{}].content[{}]", message, part);
}

std::unexpected<Error> NotFetched(const std::string& where, std::string_view why) {
  return Fail(Code::kUnprocessable, fmt::format("the image was not fetched: {}", why), where,
              "image_not_fetched");
}

// All that can be read of a request, the addresses among it.
chat::GenerateRequest Readable(const chat::GenerateRequest& request) {
  chat::GenerateRequest readable{.model = request.model, .messages = request.messages};
  for (chat::Message& message : readable.messages) {
    for (Part& part : message.parts) {
      if (IsAddress(part)) part = {.text = std::move(part.url)};
    }
    std::erase_if(message.parts, [](const Part& part) { return part.kind != Part::Kind::kText; });
  }
  return readable;
}

struct Place {
  const ImageSource* source = nullptr;
  std::string path = {};
};

Place PlaceOf(const Gateway& gateway, std::string_view address) {
  for (const ImageSource& source : gateway.image_sources) {
    if (std::string path = PathAt(source, address); !path.empty())
      return {&source, std::move(path)};
  }
  return {};
}

Task<Result<void>> Fetch(Gateway& gateway, chat::Label label, std::string where, Part& part,
                         size_t bytes_left) {
  Place place = PlaceOf(gateway, part.url);
  if (place.source == nullptr || gateway.providers == nullptr) {
    co_return Fail(Code::kInvalidArgument,
                   "images are fetched only from the backends of kind images; send it inline, or "
                   "ask whoever runs this server",
                   where, "image_source_unknown");
  }
  const size_t most = std::min(kImageBytesMax, bytes_left);
  const auto answer = co_await gateway.providers->Probe(
      place.source->backend,
      {.method = "GET", .path = std::move(place.path), .headers = {{"accept", "image/*"}}},
      place.source->timeouts, {.request_id = "image", .label = label, .bytes_max = most});
  if (!answer && answer.error().code == Code::kTooLarge)
    co_return NotFetched(where, fmt::format("it is over {} bytes", most));
  if (!answer) {
    Error error = answer.error();
    error.param = where;
    co_return std::unexpected(std::move(error));
  }
  if (answer->status != 200)
    co_return NotFetched(where, fmt::format("its server answered {}", answer->status));
  const std::string_view type = chat::ImageTypeOf(answer->body);
  if (type.empty()) co_return NotFetched(where, "it is no PNG, JPEG, GIF, WebP or BMP");
  part.media_type = type;
  part.data = answer->body;
  part.url.clear();
  co_return Result<void>();
}

}  // namespace

std::string PathAt(const ImageSource& source, std::string_view text) {
  const Address address = Split(text);
  Address base = Split(source.url);
  while (base.path.ends_with('/')) base.path.pop_back();
  if (address.place.empty() || address.place != base.place) return {};
  if (!address.path.starts_with(base.path) || !IsPlainPath(address.path)) return {};
  std::string path = address.path.substr(base.path.size());
  return path.starts_with('/') ? path : std::string();
}

Task<Result<void>> FetchImages(Gateway& gateway, const Asked& asked,
                               chat::GenerateRequest& request) {
  if (!HasAddress(request)) co_return Result<void>();
  chat::GenerateRequest readable = Readable(request);
  if (auto ahead = co_await ReadAhead(gateway, readable); !ahead) co_return ahead;
  const auto labelled =
      LabelOf(gateway, asked, request.model, readable.messages, {}, ScanOf(gateway, readable));
  if (!labelled) co_return std::unexpected(labelled.error());
  size_t left = kImagesBytesMax;
  for (size_t i = 0; i < request.messages.size(); ++i) {
    std::vector<Part>& parts = request.messages[i].parts;
    for (size_t j = 0; j < parts.size(); ++j) {
      if (!IsAddress(parts[j])) continue;
      auto fetched = co_await Fetch(gateway, labelled->label, NameOf(i, j), parts[j], left);
      if (!fetched) co_return fetched;
      left -= parts[j].data.size();
    }
  }
  co_return Result<void>();
}

}  // namespace weir::gateway
