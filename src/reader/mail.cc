// E-mail (RFC 5322, MIME): what the writer wrote and to whom. Attachments are named, not read.
#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/base64.h"
#include "reader/formats.h"
#include "reader/text_lines.h"

namespace weir::reader {
namespace {

constexpr int kPartDepthMax = 8;
constexpr size_t kPartsMax = 256;
constexpr size_t kHeadBytesMax = size_t{256} << 10;
constexpr size_t kMessagesMax = 200'000;

std::string Lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), AsciiLower);
  return out;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = AsciiLower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// `word`: as in heads, where "_" is a space.
std::string FromQuotedPrintable(std::string_view text, bool word) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '=' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else if (text[i] == '=' && i + 1 < text.size() &&
               (text[i + 1] == '\n' || text[i + 1] == '\r')) {
      i += text.substr(i + 1).starts_with("\r\n") ? 2 : 1;
    } else {
      out += word && text[i] == '_' ? ' ' : text[i];
    }
  }
  return out;
}

std::string FromBase64(std::string_view text) {
  std::string dense;
  for (const char c : text) {
    if (c != '\r' && c != '\n' && c != ' ' && c != '\t') dense += c;
  }
  while (dense.size() % 4 != 0) dense += '=';
  return DecodeBase64(dense).value_or("");
}

// "=?utf-8?Q?caf=C3=A9?=" (RFC 2047).
std::string DecodeWords(std::string_view text) {
  std::string out;
  while (true) {
    const size_t begin = text.find("=?");
    const size_t charset_end = begin == text.npos ? begin : text.find('?', begin + 2);
    const size_t end = charset_end == text.npos ? charset_end : text.find("?=", charset_end + 3);
    if (end == text.npos || charset_end + 3 > end) break;
    const std::string_view charset = text.substr(begin + 2, charset_end - begin - 2);
    const char coding = AsciiLower(text[charset_end + 1]);
    const std::string_view word = text.substr(charset_end + 3, end - charset_end - 3);
    const std::string_view before = text.substr(0, begin);
    if (!Trimmed(before).empty() || out.empty()) out += before;
    out += DecodeNamed(coding == 'b' ? FromBase64(word) : FromQuotedPrintable(word, true), charset);
    text.remove_prefix(end + 2);
  }
  out += text;
  return Repaired(out);
}

using Fields = std::vector<std::pair<std::string, std::string>>;  // names in lower case

std::string_view Field(const Fields& fields, std::string_view name) {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return {};
}

// Takes the head off `text`; folded lines are joined.
Fields TakeHead(std::string_view& text) {
  Fields fields;
  size_t used = 0;
  for (const Line& line : LinesOf(text.substr(0, kHeadBytesMax))) {
    used = line.end;
    if (line.text.empty()) break;
    if (line.indent() > 0 && !fields.empty()) {
      fields.back().second += ' ';
      fields.back().second += Trimmed(line.text);
      continue;
    }
    const size_t colon = line.text.find(':');
    if (colon == std::string_view::npos) continue;
    fields.emplace_back(Lower(Trimmed(line.text.substr(0, colon))),
                        Trimmed(line.text.substr(colon + 1)));
  }
  text.remove_prefix(used);
  return fields;
}

// "text/plain; charset=utf-8": the value of one parameter.
std::string ParameterOf(std::string_view value, std::string_view name) {
  const std::string lower = Lower(value);
  const std::string wanted = fmt::format("{}=", name);
  size_t at = 0;
  while ((at = lower.find(wanted, at)) != std::string::npos) {
    if (at > 0 && (lower[at - 1] == ' ' || lower[at - 1] == ';' || lower[at - 1] == '\t')) break;
    at += wanted.size();
  }
  if (at == std::string::npos) return "";
  std::string_view rest = value.substr(at + wanted.size());
  if (rest.starts_with('"')) {
    rest.remove_prefix(1);
    return std::string(rest.substr(0, rest.find('"')));
  }
  return std::string(Trimmed(rest.substr(0, rest.find_first_of("; \t"))));
}

class Message {
 public:
  explicit Message(BlockList& out) : out_(out) {}

  void Read(std::string_view text) {
    const Fields fields = TakeHead(text);
    const std::string subject = DecodeWords(Field(fields, "subject"));
    out_.SetTitle(subject);
    out_.AddHeading(1, subject.empty() ? "(no subject)" : subject);
    std::string head;
    for (const auto& [name, shown] : {std::pair("from", "From"), std::pair("to", "To"),
                                      std::pair("cc", "Cc"), std::pair("date", "Date")}) {
      const std::string value = DecodeWords(Field(fields, name));
      if (!value.empty()) head += fmt::format("{}: {}\n", shown, value);
    }
    out_.Add(BlockList::Kind::kParagraph, head);
    ReadPart(fields, text, 0);
  }

 private:
  void ReadPart(const Fields& fields, std::string_view body, int depth) {
    if (depth > kPartDepthMax || ++parts_ > kPartsMax || out_.full()) return;
    const std::string type(Field(fields, "content-type"));
    const std::string kind = Lower(Trimmed(std::string_view(type).substr(0, type.find(';'))));
    const std::string disposition = Lower(Field(fields, "content-disposition"));
    if (disposition.starts_with("attachment")) {
      const std::string name = ParameterOf(Field(fields, "content-disposition"), "filename");
      out_.Add(BlockList::Kind::kParagraph,
               fmt::format("Attachment: {}", name.empty() ? "without a name" : DecodeWords(name)));
    } else if (kind.starts_with("multipart/")) {
      ReadParts(ParameterOf(type, "boundary"), body, kind == "multipart/alternative", depth);
    } else if (kind.empty() || kind == "text/plain") {
      AddPlain(DecodeNamed(Decoded(fields, body), ParameterOf(type, "charset")));
    } else if (kind == "text/html") {
      AddHtml(DecodeNamed(Decoded(fields, body), ParameterOf(type, "charset")));
    } else if (kind == "message/rfc822") {
      std::string_view inner = body;
      const Fields inner_fields = TakeHead(inner);
      ReadPart(inner_fields, inner, depth + 1);
    }
  }

  // Of alternatives the plain text, or else the first that has text.
  void ReadParts(const std::string& boundary, std::string_view body, bool alternative, int depth) {
    if (boundary.empty()) return;
    std::vector<std::string_view> parts = PartsOf(boundary, body);
    const auto is_plain = [](std::string_view part) {
      const Fields fields = TakeHead(part);
      return Lower(Field(fields, "content-type")).starts_with("text/plain");
    };
    if (alternative) {
      const auto plain = std::ranges::find_if(parts, is_plain);
      if (plain != parts.end()) std::rotate(parts.begin(), plain, plain + 1);
    }
    for (std::string_view part : parts) {
      const size_t before = out_.size();
      const Fields fields = TakeHead(part);
      ReadPart(fields, part, depth + 1);
      if (alternative && out_.size() > before) return;
    }
  }

  static std::vector<std::string_view> PartsOf(const std::string& boundary, std::string_view body) {
    const std::string mark = "--" + boundary;
    std::vector<std::string_view> parts;
    std::optional<size_t> begin;
    for (size_t at = body.find(mark); at != std::string_view::npos && parts.size() < kPartsMax;
         at = body.find(mark, at + mark.size())) {
      if (at > 0 && body[at - 1] != '\n') continue;
      if (begin) parts.push_back(body.substr(*begin, at - *begin));
      const size_t line = body.find('\n', at);
      if (line == std::string_view::npos || body.substr(at + mark.size()).starts_with("--")) break;
      begin = line + 1;
    }
    return parts;
  }

  static std::string Decoded(const Fields& fields, std::string_view body) {
    const std::string coding = Lower(Field(fields, "content-transfer-encoding"));
    if (coding == "base64") return FromBase64(body);
    if (coding == "quoted-printable") return FromQuotedPrintable(body, false);
    return std::string(body);
  }

  void AddPlain(std::string text) {
    ReadPlainText({.text = std::move(text), .as_it_lay = false}, out_);
  }
  void AddHtml(const std::string& text) {
    BlockList page;
    ReadHtml(text, page);
    auto read = page.Take();
    if (!read) return;
    for (const wire::Block& block : read->blocks)
      out_.Add(
          block.kind == wire::Block::Kind::kHeading ? wire::Block::Kind::kParagraph : block.kind,
          block.text);
  }

  BlockList& out_;
  size_t parts_ = 0;
};

}  // namespace

Result<void> ReadMail(std::string_view bytes, BlockList& out) {
  Message(out).Read(bytes);
  return {};
}

// A message begins at a line "From " that an empty line stands before (or nothing).
Result<void> ReadMailbox(std::string_view bytes, BlockList& out) {
  if (!bytes.starts_with("From ")) {
    return Fail(Code::kUnprocessable, "it is no mailbox: it does not begin with a From line",
                "document", "broken_document");
  }
  size_t messages = 0;
  while (!bytes.empty() && !out.full() && ++messages <= kMessagesMax) {
    const size_t line = bytes.find('\n');
    if (line == std::string_view::npos) break;
    const size_t next = bytes.find("\n\nFrom ", line);
    const size_t next_crlf = bytes.find("\r\n\r\nFrom ", line);
    const size_t end = std::min(next, next_crlf);
    const size_t begin = line + 1;
    Message(out).Read(bytes.substr(begin, end == std::string_view::npos ? end : end - begin));
    if (end == std::string_view::npos) break;
    bytes.remove_prefix(bytes.find("From ", end));
  }
  return {};
}

}  // namespace weir::reader
