#include "http/multipart.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"
#include "http/message.h"

namespace weir::http {
namespace {

constexpr size_t kBoundaryMax = 70;  // RFC 2046 5.1.1
constexpr std::string_view kLineEnd = "\r\n";
constexpr std::string_view kFormType = "multipart/form-data";

std::unexpected<Error> Wrong(std::string what) {
  return Fail(Code::kInvalidArgument, "the form is malformed: " + std::move(what), {},
              "invalid_form");
}

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

bool IsBoundary(std::string_view text) {
  constexpr std::string_view kOthers = "'()+_,-./:=? ";
  const auto allowed = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= kBoundaryMax && text.back() != ' ' &&
         std::ranges::all_of(text, allowed);
}

bool IsName(std::string_view text, size_t bytes_max) {
  return text.size() <= bytes_max && IsValidUtf8(text) && std::ranges::none_of(text, [](char c) {
           return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
         });
}

struct Parameter {
  std::string_view name;
  std::string value;
};

// Takes `"text"` off the front. A backslash stands for the next character before a quote and before
// itself alone: old clients send paths with single ones.
std::optional<std::string> TakeQuoted(std::string_view& text) {
  std::string value;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return value;
    }
    const bool escapes =
        text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\');
    if (escapes) ++i;
    value += text[i];
  }
  return std::nullopt;
}

// `; name=value; name="value"`, as it stands behind the first word of a field.
std::optional<std::vector<Parameter>> ParametersOf(std::string_view text) {
  std::vector<Parameter> parameters;
  for (text = Trimmed(text); !text.empty(); text = Trimmed(text)) {
    if (text.front() != ';') return std::nullopt;
    text = Trimmed(text.substr(1));
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    Parameter parameter{.name = text.substr(0, equals), .value = {}};
    if (!IsToken(parameter.name)) return std::nullopt;
    for (const Parameter& other : parameters) {
      if (EqualsIgnoreCase(other.name, parameter.name)) return std::nullopt;
    }
    text.remove_prefix(equals + 1);
    if (text.starts_with('"')) {
      auto value = TakeQuoted(text);
      if (!value) return std::nullopt;
      parameter.value = std::move(*value);
    } else {
      const std::string_view word = text.substr(0, text.find_first_of("; \t"));
      if (!IsToken(word)) return std::nullopt;
      parameter.value = word;
      text.remove_prefix(word.size());
    }
    parameters.push_back(std::move(parameter));
  }
  return parameters;
}

// Browsers, and libraries after them, write a quote in a name as %22 and nothing else so.
std::string WithQuotes(std::string text) {
  for (size_t at = text.find("%22"); at != std::string::npos; at = text.find("%22", at + 1))
    text.replace(at, 3, "\"");
  return text;
}

// RFC 8187, which RFC 7578 forbids here and some libraries send all the same: UTF-8''name.
std::optional<std::string> ExtendedName(std::string_view value) {
  constexpr std::string_view kCharset = "utf-8'";
  if (value.size() < kCharset.size() ||
      !EqualsIgnoreCase(value.substr(0, kCharset.size()), kCharset)) {
    return std::nullopt;
  }
  value.remove_prefix(kCharset.size());
  const size_t quote = value.find('\'');
  if (quote == std::string_view::npos) return std::nullopt;
  return PercentDecode(value.substr(quote + 1));
}

Result<void> ReadDisposition(std::string_view value, const FormLimits& limits, FormPart& part) {
  const size_t end = std::min(value.find(';'), value.size());
  if (!EqualsIgnoreCase(Trimmed(value.substr(0, end)), "form-data"))
    return Wrong("a part's Content-Disposition is not form-data");
  auto parameters = ParametersOf(value.substr(end));
  if (!parameters) return Wrong("the parameters of a Content-Disposition cannot be read");
  bool named = false;
  std::optional<std::string> extended;
  for (Parameter& parameter : *parameters) {
    if (EqualsIgnoreCase(parameter.name, "name")) {
      part.name = WithQuotes(std::move(parameter.value));
      named = true;
    } else if (EqualsIgnoreCase(parameter.name, "filename")) {
      part.file_name = WithQuotes(std::move(parameter.value));
    } else if (EqualsIgnoreCase(parameter.name, "filename*")) {
      extended = ExtendedName(parameter.value);
      if (!extended) return Wrong("a part's filename* is not in UTF-8''...");
    }
  }
  if (!part.file_name) part.file_name = std::move(extended);
  if (!named || part.name.empty()) return Wrong("a part has no name");
  if (!IsName(part.name, limits.name_bytes) ||
      (part.file_name && !IsName(*part.file_name, limits.name_bytes))) {
    return Wrong("a name has control characters, is no UTF-8, or is over " +
                 std::to_string(limits.name_bytes) + " bytes");
  }
  return {};
}

Result<void> ReadHead(std::string_view head, const FormLimits& limits, FormPart& part) {
  bool disposed = false;
  bool typed = false;
  size_t lines = 0;
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find(kLineEnd));
    head.remove_prefix(std::min(head.size(), line.size() + kLineEnd.size()));
    if (++lines > limits.head_lines)
      return Wrong("a part has over " + std::to_string(limits.head_lines) + " header lines");
    const size_t colon = line.find(':');
    const std::string_view name = line.substr(0, std::min(colon, line.size()));
    if (colon == std::string_view::npos || !IsToken(name) || !IsFieldValue(line.substr(colon + 1)))
      return Wrong("a header line of a part cannot be read");
    const std::string_view value = Trimmed(line.substr(colon + 1));
    if (EqualsIgnoreCase(name, "content-disposition")) {
      if (std::exchange(disposed, true)) return Wrong("a part has two Content-Dispositions");
      if (auto read = ReadDisposition(value, limits, part); !read) return read;
    } else if (EqualsIgnoreCase(name, "content-type")) {
      if (std::exchange(typed, true)) return Wrong("a part has two Content-Types");
      part.type = value;
    } else if (EqualsIgnoreCase(name, "content-transfer-encoding")) {
      const bool plain = EqualsIgnoreCase(value, "binary") || EqualsIgnoreCase(value, "8bit") ||
                         EqualsIgnoreCase(value, "7bit");
      if (!plain) return Wrong("a part is encoded; parts are taken as they are");
    }
  }
  if (!disposed) return Wrong("a part has no Content-Disposition");
  return {};
}

}  // namespace

std::optional<std::string> BoundaryOf(std::string_view content_type) {
  const size_t end = std::min(content_type.find(';'), content_type.size());
  if (!EqualsIgnoreCase(Trimmed(content_type.substr(0, end)), kFormType)) return std::nullopt;
  auto parameters = ParametersOf(content_type.substr(end));
  if (!parameters) return std::nullopt;
  for (Parameter& parameter : *parameters) {
    if (EqualsIgnoreCase(parameter.name, "boundary") && IsBoundary(parameter.value))
      return std::move(parameter.value);
  }
  return std::nullopt;
}

Result<std::vector<FormPart>> ParseForm(std::string_view content_type, std::string_view body,
                                        const FormLimits& limits) {
  const auto boundary = BoundaryOf(content_type);
  if (!boundary) {
    return Fail(Code::kInvalidArgument,
                "Content-Type takes multipart/form-data with a boundary of 1 to 70 characters",
                "content-type", "invalid_form");
  }
  const std::string delimiter = "\r\n--" + *boundary;
  // The first delimiter has no line before it to end.
  const std::string_view first = std::string_view(delimiter).substr(kLineEnd.size());
  if (!body.starts_with(first)) return Wrong("it does not begin with its boundary");
  body.remove_prefix(first.size());
  std::vector<FormPart> parts;
  while (!body.starts_with("--")) {
    if (!body.starts_with(kLineEnd))
      return Wrong("a line begins with the boundary and goes on, or the form is cut off");
    body.remove_prefix(kLineEnd.size());
    if (parts.size() == limits.parts)
      return Wrong("it has over " + std::to_string(limits.parts) + " parts");
    const size_t head_end = body.substr(0, limits.head_bytes + 4).find("\r\n\r\n");
    if (head_end == std::string_view::npos) {
      return Wrong("a part's headers do not end within " + std::to_string(limits.head_bytes) +
                   " bytes");
    }
    FormPart part;
    if (auto read = ReadHead(body.substr(0, head_end), limits, part); !read)
      return Fail(std::move(read.error()));
    // An empty content is followed by its delimiter at once: the line end of the head is not part
    // of that.
    body.remove_prefix(head_end + 4);
    const size_t content_end = body.find(delimiter);
    if (content_end == std::string_view::npos) return Wrong("it is cut off: a part does not end");
    part.content = body.substr(0, content_end);
    parts.push_back(std::move(part));
    body.remove_prefix(content_end + delimiter.size());
  }
  body.remove_prefix(2);
  if (!body.empty() && body != kLineEnd) return Wrong("something stands behind its end");
  return parts;
}

std::string FormType(std::string_view boundary) {
  CHECK(IsBoundary(boundary), "a form has a boundary that can be said");
  return std::string(kFormType) + "; boundary=" + std::string(boundary);
}

std::string WriteForm(const std::vector<FormField>& fields, std::string_view boundary) {
  constexpr size_t kHeadBytes = 256;  // of a part, more or less
  size_t size = kHeadBytes;
  for (const FormField& field : fields) size += kHeadBytes + field.content.size();
  std::string form;
  form.reserve(size);
  const auto put = [&form](std::initializer_list<std::string_view> pieces) {
    for (const std::string_view piece : pieces) form += piece;
  };
  for (const FormField& field : fields) {
    for (const std::string* name : {&field.name, &field.file_name, &field.type}) {
      CHECK(IsName(*name, kHeadBytes) && name->find('"') == std::string::npos,
            "names in a form are written as they are");
    }
    put({"--", boundary, "\r\nContent-Disposition: form-data; name=\"", field.name, "\""});
    if (!field.file_name.empty()) put({"; filename=\"", field.file_name, "\""});
    if (!field.type.empty()) put({"\r\nContent-Type: ", field.type});
    put({"\r\n\r\n", field.content, "\r\n"});
  }
  put({"--", boundary, "--\r\n"});
  return form;
}

}  // namespace weir::http
